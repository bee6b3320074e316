"""Signs access tokens, and knows the public keys to publish; the key table is read anew every 30 s."""

import asyncio
import time
from datetime import datetime

import sqlalchemy as sa
from joserfc import jwt
from joserfc.jwk import RSAKey
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.access.adapters.key_vault import ALGORITHM, KeyFolder, jwks_text
from shared.access.adapters.tables import SIGNING_KEY
from shared.access.domain.signing_key import NoSigningKey, SigningKey, published_keys, signing_key
from shared.db.transaction import worker_transaction

_REFRESH_SECONDS = 30


class TokenSigner:
    """See `usecases.ports.Signer`; over the app role's engine."""

    def __init__(self, engine: AsyncEngine, folder: KeyFolder) -> None:
        self._engine = engine
        self._folder = folder
        self._known: list[SigningKey] = []
        self._read_at = float("-inf")
        self._private: dict[str, RSAKey] = {}
        self._lock = asyncio.Lock()

    async def sign(self, claims: dict[str, object], now: datetime) -> str:
        """Return the token of `claims` (RFC 9068), signed by the key of the hour; NoSigningKey if it cannot be had."""
        kid = signing_key(await self._keys(), now).kid
        if kid not in self._private:
            try:
                self._private[kid] = await asyncio.to_thread(self._folder.read, kid)
            except OSError as error:
                raise NoSigningKey(f"the private key {kid}.pem is not in the key folder") from error
        header = {"alg": ALGORITHM, "typ": "at+jwt", "kid": kid}
        return jwt.encode(header, claims, self._private[kid], algorithms=[ALGORITHM])

    async def jwks(self, now: datetime) -> str:
        """Return the JWKS of all keys that verifiers must know at `now`."""
        return jwks_text(published_keys(await self._keys(), now))

    async def _keys(self) -> list[SigningKey]:
        async with self._lock:
            if time.monotonic() - self._read_at > _REFRESH_SECONDS or not self._known:
                async with worker_transaction(self._engine) as connection:
                    self._known = [SigningKey(*row) for row in await connection.execute(sa.select(SIGNING_KEY))]
                self._read_at = time.monotonic()
        return self._known
