"""A small HTTP load: keep-alive connections over raw sockets, so that the client costs little beside the server."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """What a run of load saw: answers a second, latencies in ms, and how many answers had another status than wanted."""

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


async def run_load(port: int, *, clients: int, seconds: float, make: Callable[[], bytes], wanted: int) -> Load:
    """Send what `make` returns over `clients` connections for `seconds`; `wanted` is the status that counts."""
    ends = time.perf_counter() + seconds
    latencies: list[float] = []
    wrong = 0

    async def one() -> None:
        nonlocal wrong
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (started := time.perf_counter()) < ends:
            writer.write(make())
            head = await reader.readuntil(b"\r\n\r\n")
            lowered = head.lower()
            at = lowered.find(b"content-length:")
            length = int(lowered[at + 15 : lowered.index(b"\r\n", at)]) if at >= 0 else 0
            if length:
                await reader.readexactly(length)
            if int(head[9:12]) != wanted:
                wrong += 1
            else:
                latencies.append(time.perf_counter() - started)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(clients)))
    took = time.perf_counter() - began
    ordered = sorted(latencies) or [0.0]

    def at(share: float) -> float:
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000

    return Load(len(latencies) / took, at(0.5), at(0.95), at(0.99), wrong)
