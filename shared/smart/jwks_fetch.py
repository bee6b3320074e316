"""Fetches a client's public keys from the address that the client registered, and from no other place.

The name is resolved by us, every address of it must be public, and the connection goes to the address that was checked: a name
that changes its address between check and use gains nothing. No redirect is followed, 2 s and 64 KiB are all there is.
"""

import asyncio
import ipaddress
import re
import socket
from dataclasses import dataclass

import httpx

from shared.kernel.errors import Invalid

_SECONDS = 2.0
_BYTES = 64 * 1024
_DEFAULT_CACHE_SECONDS = 300
_LONGEST_CACHE_SECONDS = 3600
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=\"?(\d{1,9})")
_TUNNELS = tuple(ipaddress.ip_network(net) for net in ("64:ff9b::/96", "2002::/16", "2001::/32", "::ffff:0:0/96", "::/96"))

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class FetchRefused(Invalid):
    """The keys could not be had: the address is not one to connect to, or what it answers is not a key set."""

    rule = "client-key-address"


@dataclass(frozen=True)
class Fetched:
    """The body and for how many seconds its owner lets us keep it."""

    body: bytes
    seconds: int


class JwksFetcher:
    """Fetches key sets; `dev` also allows http and private addresses, on loopback only."""

    def __init__(self, *, dev: bool, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._dev = dev
        self._http = httpx.AsyncClient(
            transport=transport or httpx.AsyncHTTPTransport(), timeout=_SECONDS, follow_redirects=False
        )

    async def fetch(self, url: str) -> Fetched:
        """Return what is at `url`; FetchRefused says what is in the way."""
        try:
            async with asyncio.timeout(_SECONDS):
                return await self._fetch(check_key_url(url, dev=self._dev))
        except (httpx.HTTPError, OSError, TimeoutError, UnicodeError) as error:
            raise FetchRefused(f"the key address does not answer: {type(error).__name__}") from error

    async def _fetch(self, url: httpx.URL) -> Fetched:
        address = await self._resolve(url.host, url.port or (443 if url.scheme == "https" else 80))
        headers = {"Host": url.netloc.decode("ascii"), "Accept": "application/json", "Accept-Encoding": "identity"}
        extensions = {"sni_hostname": url.host}
        async with self._http.stream("GET", url.copy_with(host=str(address)), headers=headers, extensions=extensions) as answer:
            if answer.status_code != 200:
                raise FetchRefused(f"the key address answers {answer.status_code}")
            body = b""
            async for part in answer.aiter_raw():
                body += part
                if len(body) > _BYTES:
                    raise FetchRefused("the key set is too long")
            return Fetched(body, _cache_seconds(answer.headers.get("cache-control", "")))

    async def _resolve(self, host: str, port: int) -> Address:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [ipaddress.ip_address(item[4][0]) for item in found]
        for address in addresses:
            if not is_public(address) and not (self._dev and address.is_loopback):
                raise FetchRefused("the key address is not public")
        return addresses[0]

    async def close(self) -> None:
        """Close what is open."""
        await self._http.aclose()


def check_key_url(url: str, *, dev: bool) -> httpx.URL:
    """Return the parsed address; FetchRefused unless it is https without user, query or fragment (in `dev` http on loopback)."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise FetchRefused("the key address is no URL") from error
    loopback = dev and parsed.scheme == "http" and parsed.host in ("127.0.0.1", "localhost", "::1")
    if parsed.scheme != "https" and not loopback:
        raise FetchRefused("the key address must be https")
    if not parsed.host or parsed.userinfo or parsed.query or parsed.fragment:
        raise FetchRefused("the key address must be a plain https address, without user, query or fragment")
    return parsed


def is_public(address: Address) -> bool:
    """Tell whether `address` is one of the public internet; IPv6 forms that carry an IPv4 address are not."""
    if isinstance(address, ipaddress.IPv6Address) and any(address in tunnel for tunnel in _TUNNELS):
        return False
    return address.is_global and not address.is_multicast


def _cache_seconds(cache_control: str) -> int:
    text = cache_control.lower()
    if "no-store" in text or "no-cache" in text:
        return 0
    stated = _MAX_AGE.search(text)
    return min(int(stated[1]), _LONGEST_CACHE_SECONDS) if stated else _DEFAULT_CACHE_SECONDS
