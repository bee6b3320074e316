"""Access's own signing keys: one signs, the next is published a day before, the last stays a day after (standards.md 1.7)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.kernel.errors import Conflict, Unavailable

LEAD = timedelta(hours=24)
"""How long a key is published before it signs and after it has signed last."""


class NoSigningKey(Unavailable):
    """There is no key that may sign now."""

    rule = "no-signing-key"


class RotationUnderway(Conflict):
    """The next key is published already and has not yet begun to sign."""

    rule = "rotation-underway"


@dataclass(frozen=True)
class SigningKey:
    """A key pair by its public half (a JWK as text); `kid` is its RFC 7638 thumbprint and is never used again."""

    kid: str
    public_jwk: str
    published_at: datetime
    activates_at: datetime
    retires_at: datetime | None = None


def signing_key(keys: Iterable[SigningKey], at: datetime) -> SigningKey:
    """Return the key that signs at `at`: the youngest active one; NoSigningKey if there is none."""
    active = [key for key in keys if key.activates_at <= at and (key.retires_at is None or at < key.retires_at)]
    if not active:
        raise NoSigningKey("no signing key is active: run `careledger keys rotate` with the worker's database URL")
    return max(active, key=lambda key: (key.activates_at, key.kid))


def published_keys(keys: Iterable[SigningKey], at: datetime) -> list[SigningKey]:
    """Return the keys that verifiers must know at `at`, in the order of their publication."""
    known = [key for key in keys if key.retires_at is None or at < key.retires_at]
    return sorted(known, key=lambda key: (key.published_at, key.kid))


def check_rotation(keys: Iterable[SigningKey], at: datetime) -> None:
    """Raise RotationUnderway while a published key still waits for its first day."""
    if any(key.activates_at > at for key in published_keys(keys, at)):
        raise RotationUnderway("the next signing key is published and begins to sign within 24 hours")


def plan_rotation(keys: Iterable[SigningKey], *, kid: str, public_jwk: str, at: datetime) -> tuple[SigningKey, list[SigningKey]]:
    """Return the new key and the old ones with their end.

    The very first key signs at once: no verifier can have cached a set without it.
    """
    published = published_keys(keys, at)
    starts = at + LEAD if published else at
    ending = [replace(key, retires_at=starts + LEAD) for key in published if key.retires_at is None]
    return SigningKey(kid, public_jwk, at, starts), ending
