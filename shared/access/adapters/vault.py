"""The vault: what the EHR trusted us with, sealed by AES-256-GCM to its tenant, purpose and row."""

import asyncio
import os
import secrets
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.kernel.errors import Unavailable

_FILE = "vault.key"
_NONCE = 12
_VERSION = b"\x01"


class Unsealable(Unavailable):
    """What is stored was sealed for another row, by another key, or was changed."""

    rule = "vault"


class Vault:
    """Seals and opens by the key of the deployment; a sealed text opens in its own row and for its own purpose only."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, text: str, *, tenant_id: UUID, purpose: str, row: str) -> bytes:
        """Return version, nonce and ciphertext with its tag."""
        nonce = secrets.token_bytes(_NONCE)
        return _VERSION + nonce + self._cipher.encrypt(nonce, text.encode(), _bound(tenant_id, purpose, row))

    def open(self, sealed: bytes, *, tenant_id: UUID, purpose: str, row: str) -> str:
        """Return the text; Unsealable unless it was sealed for just this place."""
        body = sealed[1:]
        try:
            if sealed[:1] != _VERSION:
                raise InvalidTag
            return self._cipher.decrypt(body[:_NONCE], body[_NONCE:], _bound(tenant_id, purpose, row)).decode()
        except (InvalidTag, ValueError) as error:
            raise Unsealable("a stored secret cannot be opened") from error


def _bound(tenant_id: UUID, purpose: str, row: str) -> bytes:
    return f"{tenant_id}|{purpose}|{row}".encode()


async def open_vault(folder: Path) -> Vault:
    """Return the vault of the key folder, whose `vault.key` (32 bytes, mode 0600) is made at the first start."""
    return Vault(await asyncio.to_thread(_key, folder / _FILE))


def _key(file: Path) -> bytes:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not file.exists():
        draft = file.with_name(f".{_FILE}.{os.getpid()}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as target:
            target.write(secrets.token_bytes(32))
            target.flush()
            os.fsync(target.fileno())
        try:
            os.link(draft, file)  # the first of several starters wins, whole
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    key = file.read_bytes()
    if len(key) != 32:
        raise Unsealable(f"{_FILE} in the key folder does not hold 32 bytes")
    return key
