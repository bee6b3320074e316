"""Private keys as PEM files that only their owner reads, and the public set as a file for the services."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from joserfc.jwk import RSAKey

from shared.access.domain.signing_key import SigningKey
from shared.access.usecases.ports import NewKey

ALGORITHM = "RS384"
_BITS = 3072


class KeyFolder:
    """The folder with `<kid>.pem` (mode 0600) for each signing key, and the path of the public JWKS if it is a file."""

    def __init__(self, folder: Path, *, jwks: str) -> None:
        """`jwks` is where the services find the public keys; an http(s) address is served, not written."""
        self._folder = folder
        self._jwks = None if jwks.startswith(("http://", "https://")) else Path(jwks)

    def make(self) -> NewKey:
        """Make an RSA key pair, named by its RFC 7638 thumbprint, and write its private half."""
        key = RSAKey.generate_key(_BITS, auto_kid=True)
        kid = str(key.kid)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(self._file(kid), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(key.as_pem(private=True))
            file.flush()
            os.fsync(file.fileno())
        return NewKey(kid, public_jwk(key))

    def read(self, kid: str) -> RSAKey:
        """Return the private key; FileNotFoundError names the file that is missing."""
        return RSAKey.import_key(self._file(kid).read_bytes())

    def publish(self, keys: Sequence[SigningKey]) -> None:
        """Write the public keys where the services read them, in one step; nothing if they read an address."""
        body = jwks_text(keys)
        if self._jwks is None or (self._jwks.exists() and self._jwks.read_text("ascii") == body):
            return
        draft = self._jwks.with_name(f".{self._jwks.name}.{os.getpid()}")
        draft.write_text(body, "ascii")
        draft.replace(self._jwks)

    def _file(self, kid: str) -> Path:
        return self._folder / f"{kid}.pem"


def public_jwk(key: RSAKey) -> str:
    """Return the public half as JWK text, with kid, use and algorithm."""
    return json.dumps(key.as_dict(private=False, kid=str(key.kid), use="sig", alg=ALGORITHM), sort_keys=True)


def jwks_text(keys: Sequence[SigningKey]) -> str:
    """Return the JWKS document of the public keys."""
    return json.dumps({"keys": [json.loads(key.public_jwk) for key in keys]}, sort_keys=True)
