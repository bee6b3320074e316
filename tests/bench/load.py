"""A small HTTP load: keep-alive connections, and requests made before the run, so that the client costs little."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import uvloop


@dataclass(frozen=True)
class Load:
    """What a run of load saw: answers, these a second, latencies in ms, and how many answers had another status than wanted."""

    answers: int
    per_second: float
    p50: float
    p95: float
    p99: float
    wrong: int


def request_bytes(method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """Return one HTTP/1.1 request."""
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Length: {len(body)}",
        *(f"{k}: {v}" for k, v in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def run_load(ports: Sequence[int], *, clients: int, seconds: float, make: Callable[[], bytes], wanted: int) -> Load:
    """Send what `make` returns over `clients` connections, dealt out among `ports`, for `seconds`; `wanted` is what counts."""
    ready = [make() for _ in range(int(seconds * _AT_MOST))]
    return uvloop.run(_run(ports, clients, seconds, iter(ready), wanted))


_AT_MOST = 8_000
"""Requests a second that are made before a run: more than any server here answers."""


class _Client(asyncio.Protocol):
    """One connection: sends the next request as soon as the last one is answered."""

    def __init__(self, requests: Iterator[bytes], ends: float, wanted: int) -> None:
        self._requests = requests
        self._ends = ends
        self._wanted = b"HTTP/1.1 %d " % wanted
        self._transport: asyncio.WriteTransport
        self._got = b""
        self._began = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.latencies: list[float] = []
        self.wrong = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's is none by its class
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Take in a part of an answer; with its last byte, go on."""
        self._got = self._got + data if self._got else data
        head = self._got.find(b"\r\n\r\n")
        if head < 0 or len(self._got) < head + 4 + _length(self._got[:head].lower()):
            return
        if self._got.startswith(self._wanted):
            self.latencies.append(time.perf_counter() - self._began)
        else:
            self.wrong += 1
        self._got = b""
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        """End; a server that hangs up before its time is an error."""
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server hung up"))

    def _ask(self) -> None:
        self._began = time.perf_counter()
        if self._began < self._ends:
            self._transport.write(next(self._requests))
        elif not self.done.done():
            self.done.set_result(None)
            self._transport.close()


def _length(head: bytes) -> int:
    at = head.find(b"content-length:")
    return int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


async def _run(ports: Sequence[int], clients: int, seconds: float, requests: Iterator[bytes], wanted: int) -> Load:
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    asking = []
    for number in range(clients):
        port = ports[number % len(ports)]
        _, client = await loop.create_connection(lambda: _Client(requests, began + seconds, wanted), "127.0.0.1", port)
        asking.append(client)
    async with asyncio.timeout(seconds + 30):
        await asyncio.gather(*(client.done for client in asking))
    took = time.perf_counter() - began
    ordered = sorted(latency for client in asking for latency in client.latencies) or [0.0]

    def at(share: float) -> float:
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000

    return Load(len(ordered), len(ordered) / took, at(0.5), at(0.95), at(0.99), sum(client.wrong for client in asking))
