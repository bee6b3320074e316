"""The one HTTP client: it talks to configured hosts only, follows no redirect, and gives up in bounded time."""

from collections.abc import Callable

import httpx


class EgressRefused(Exception):
    """A request to a host that nobody configured."""


class _AllowedHosts(httpx.AsyncBaseTransport):
    def __init__(self, allowed: Callable[[], frozenset[str]]) -> None:
        self._inner = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=20))
        self._allowed = allowed

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        origin = f"{request.url.scheme}://{request.url.netloc.decode('ascii')}"
        if origin not in self._allowed():
            raise EgressRefused(f"{request.url.host} is not a configured host")
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


def make_http(allowed_origins: Callable[[], frozenset[str]], *, seconds: float = 10) -> httpx.AsyncClient:
    """Return a client that may reach `allowed_origins()` (scheme://host[:port]), asked anew at each request."""
    return httpx.AsyncClient(transport=_AllowedHosts(allowed_origins), timeout=seconds, follow_redirects=False)


def origin_of(url: str) -> str:
    """Return scheme://host[:port] of `url`."""
    parsed = httpx.URL(url)
    return f"{parsed.scheme}://{parsed.netloc.decode('ascii')}"
