"""A warm check of an access token ÷ joserfc's bare verification of the same token, in one thread."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from joserfc import jwt

from shared.smart.keys import KeySource
from shared.smart.tokens import ALGORITHM, TokenVerifier
from tests.bench.place import TENANT
from tests.bench.report import Measure
from tests.fakes.tokens import PUBLIC_URL, TokenMaker

ROUNDS, CHECKS, BARE_CHECKS = 7, 20_000, 1_000


def measure() -> Iterator[Measure]:
    """Yield the ratio of the times."""
    yield asyncio.run(_measure())


async def _measure() -> Measure:
    with tempfile.TemporaryDirectory(prefix="clb") as folder:
        maker = TokenMaker(Path(folder))
        token = maker.token(TENANT, "system/Task.crus")
        verifier = TokenVerifier(KeySource(str(maker.jwks)), issuer=PUBLIC_URL)

        async def warm() -> None:
            await verifier.verify(token)

        async def bare() -> None:
            jwt.decode(token, maker.key, algorithms=[ALGORITHM])

        await warm()
        ratios, warms = [], []
        for _ in range(ROUNDS):
            baseline = await _seconds(bare, BARE_CHECKS)
            warms.append(await _seconds(warm, CHECKS))
            ratios.append(warms[-1] / baseline)
    return Measure("warm token check ÷ bare verification", ratios, note=f"{sorted(warms)[ROUNDS // 2] * 1e6:.1f} us a check")


async def _seconds(check: Callable[[], Awaitable[None]], times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        await check()
    return (time.perf_counter() - began) / times
