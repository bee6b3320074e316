"""A file behind an address of 256 random bits that works once, for a minute: where a frame may not download (integration 3)."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, Self

from services.billing.usecases.ports import UnitOfWork
from shared.kernel.clock import Clock

LIVES = timedelta(seconds=60)
_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class OneTimeFile:
    """The file as it is to be saved."""

    name: str
    media_type: str
    body: bytes


class FileStore(Protocol):
    """One-time files of a tenant."""

    async def keep(self, digest: str, file: OneTimeFile, *, until: datetime, now: datetime) -> None:
        """Keep a file by its secret's hash; what is too old is thrown away."""

    async def take(self, digest: str, now: datetime) -> OneTimeFile | None:
        """Return a file that still lives, and forget it."""


class Keeping(UnitOfWork, Protocol):
    """A unit of work with one-time files."""

    @property
    def files(self) -> FileStore:
        """The files."""

    async def __aenter__(self) -> Self:
        """Begin."""


Keep = Callable[[], Keeping]
"""Makes one such unit of work after another for the same tenant."""


async def keep_for_once(*, file: OneTimeFile, keep: Keep, wall: Clock) -> str:
    """Keep a file for a minute of real time; return the secret, of which only the hash is stored."""
    secret, now = secrets.token_urlsafe(_BYTES), wall.now()
    async with keep() as uow:
        await uow.files.keep(_digest(secret), file, until=now + LIVES, now=now)
    return secret


async def take_once(*, secret: str, keep: Keep, wall: Clock) -> OneTimeFile | None:
    """Return the file of a secret the first time within its minute; None ever after, and for any other text."""
    async with keep() as uow:
        return await uow.files.take(_digest(secret), wall.now())


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
