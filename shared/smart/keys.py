"""Access's public keys, from a mounted file or an internal URL; cached 5 minutes, one refetch a minute on an unknown kid."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
from joserfc.jwk import ECKey, KeySet, RSAKey

from shared.kernel.errors import Unavailable

_CACHE_SECONDS = 300
_UNKNOWN_KID_SECONDS = 60

Key = RSAKey | ECKey


class KeySource:
    """Finds a public key by its kid."""

    def __init__(self, source: str, *, fetch: Callable[[str], Awaitable[bytes]] | None = None) -> None:
        """`source` is a path or an http(s) URL that the operator configured, never one from a request."""
        self._source = source
        self._fetch = fetch or _fetch
        self._keys: dict[str, Key] = {}
        self._read_at = float("-inf")
        self._searched_at = float("-inf")

    async def find(self, kid: str) -> Key | None:
        """Return the key, or None if access does not publish it."""
        now = time.monotonic()
        stale = now - self._read_at > _CACHE_SECONDS
        if stale or (kid not in self._keys and now - self._searched_at > _UNKNOWN_KID_SECONDS):
            if not stale:
                self._searched_at = now
            self._keys = await self._read()
            self._read_at = now
        return self._keys.get(kid)

    async def _read(self) -> dict[str, Key]:
        try:
            if self._source.startswith(("http://", "https://")):
                body = await self._fetch(self._source)
            else:
                body = await asyncio.to_thread(Path(self._source).read_bytes)
        except (OSError, httpx.HTTPError) as error:
            raise Unavailable("the keys of the token issuer cannot be read") from error
        keys = KeySet.import_key_set(json.loads(body)).keys
        return {str(key.kid): key for key in keys if isinstance(key, RSAKey | ECKey)}


async def _fetch(url: str) -> bytes:
    async with httpx.AsyncClient(timeout=2, follow_redirects=False) as http:
        answer = await http.get(url)
        answer.raise_for_status()
        return answer.content
