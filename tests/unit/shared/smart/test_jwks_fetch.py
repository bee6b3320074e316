"""The fetch of a client's keys goes to the registered public address only, once and briefly (requirements 10, 34)."""

import asyncio
import ipaddress
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from joserfc.jwk import RSAKey

from shared.access.domain.assertion import StatedAssertion
from shared.access.domain.client import KeySet
from shared.smart import client_keys
from shared.smart.client_keys import ClientKeys
from shared.smart.jwks_fetch import FetchRefused, JwksFetcher, check_key_url, is_public

KEY = RSAKey.generate_key(2048, auto_kid=True)
JWKS = json.dumps({"keys": [KEY.as_dict(private=False)]})


class Site:
    """A web server on loopback that answers whatever it is told and counts how often it was asked."""

    def __init__(self) -> None:
        self.answer = _answer(JWKS)
        self.asked: list[bytes] = []
        self.url = ""
        self.visits: list[asyncio.Task[None] | None] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits.append(asyncio.current_task())
        self.asked.append(await reader.readuntil(b"\r\n\r\n"))
        try:
            if self.answer:
                writer.write(self.answer)
                await writer.drain()
            else:
                await reader.read()
        finally:
            writer.close()
            await writer.wait_closed()


def _answer(body: str, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


@asynccontextmanager
async def _running(*, dev: bool = True) -> AsyncIterator[tuple[Site, JwksFetcher]]:
    site = Site()
    server = await asyncio.start_server(site.serve, "127.0.0.1", 0)
    site.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks.json"
    fetcher = JwksFetcher(dev=dev)
    try:
        yield site, fetcher
    finally:
        await fetcher.close()
        server.close()
        await asyncio.gather(*(visit for visit in site.visits if visit), return_exceptions=True)


def _stated(kid: str) -> StatedAssertion:
    return StatedAssertion("biller", "RS384", kid, None, "jti", datetime(2026, 10, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.5.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:8.8.8.8", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:1::", "::7f00:1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111"])
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/jwks", "ftp://example.org/jwks", "file:///etc/passwd", "https://u:p@example.org/", "https://", "",
        "https://example.org/?a=1", "https://example.org/#x", "//example.org/jwks", "http://127.0.0.1.example.org/", "https://[::1",
    ],
)  # fmt: skip
@pytest.mark.parametrize("dev", [True, False])
def test_addresses_that_cannot_be_registered(url: str, dev: bool) -> None:
    with pytest.raises(FetchRefused):
        check_key_url(url, dev=dev)


async def test_production_connects_to_no_private_address() -> None:
    async with _running(dev=False) as (site, fetcher):
        for host in ("127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1"):
            with pytest.raises(FetchRefused):
                await fetcher.fetch(f"https://{host}:{site.url.split(':')[2]}")
        with pytest.raises(FetchRefused, match="https"):
            await fetcher.fetch(site.url)
        assert site.asked == []


async def test_development_may_read_loopback_and_the_host_is_named() -> None:
    async with _running() as (site, fetcher):
        fetched = await fetcher.fetch(site.url.replace("127.0.0.1", "localhost"))
        assert (fetched.body.decode(), fetched.seconds) == (JWKS, 300)
        assert b"host: localhost:" in site.asked[0].lower()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (_answer("", "Location: http://169.254.169.254/", status="302 Found"), "answers 302"),
        (_answer("", status="404 Not Found"), "answers 404"),
        (_answer("x" * 70_000), "too long"),
        (b"HTTP/1.1 200 OK\r\n", "does not answer"),
        (b"nonsense\r\n\r\n", "does not answer"),
    ],
    ids=["redirect", "missing", "long", "broken off", "nonsense"],
)
async def test_answers_that_are_refused(answer: bytes, reason: str) -> None:
    async with _running() as (site, fetcher):
        site.answer = answer
        with pytest.raises(FetchRefused, match=reason):
            await fetcher.fetch(site.url)
        assert len(site.asked) == 1


async def test_a_silent_site_is_left_after_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.smart.jwks_fetch._SECONDS", 0.05)
    async with _running() as (site, fetcher):
        site.answer = b""
        with pytest.raises(FetchRefused, match="TimeoutError"):
            await fetcher.fetch(site.url)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("max-age=60", 60), ("public, max-age=7200", 3600), ("no-store", 0), ("no-cache, max-age=90", 0), ("s-maxage=5", 300)],
)
async def test_cache_control_is_honoured(header: str, seconds: int) -> None:
    async with _running() as (site, fetcher):
        site.answer = _answer(JWKS, f"Cache-Control: {header}")
        assert (await fetcher.fetch(site.url)).seconds == seconds


@pytest.mark.requirement("standards-34")
async def test_unknown_keys_cannot_make_us_knock_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with _running() as (site, fetcher):
        keys, registered = ClientKeys(fetcher), KeySet(jwks_url=site.url)
        assert await keys.find(_stated(str(KEY.kid)), registered) is not None
        found = await asyncio.gather(*(keys.find(_stated(f"x{n}"), registered) for n in range(50)))
        assert set(found) == {None}
        assert await keys.find(_stated(str(KEY.kid)), registered) is not None
        assert len(site.asked) == 1
        monkeypatch.setattr(client_keys, "_REFETCH_SECONDS", 0)
        assert await keys.find(_stated("new"), registered) is None
        assert len(site.asked) == 2


async def test_a_site_that_fails_is_asked_once_a_minute_and_one_that_forbids_keeping_each_time() -> None:
    async with _running() as (site, fetcher):
        keys, registered = ClientKeys(fetcher), KeySet(jwks_url=site.url)
        site.answer = _answer("", status="500 Oops")
        for _ in range(5):
            assert await keys.find(_stated(str(KEY.kid)), registered) is None
        assert len(site.asked) == 1
    async with _running() as (site, fetcher):
        keys, registered = ClientKeys(fetcher), KeySet(jwks_url=site.url)
        site.answer = _answer(JWKS, "Cache-Control: no-store")
        for _ in range(3):
            assert await keys.find(_stated(str(KEY.kid)), registered) is not None
        assert len(site.asked) == 3
