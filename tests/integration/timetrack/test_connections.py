"""A transaction's connection: lost ones leave the pool, and whoever waits is served first."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import UUID

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.db.engine import make_engine
from shared.db.transaction import is_unreachable, tenant_transaction
from shared.ops.settings import PartSettings
from tests.integration.timetrack.conftest import Door

TENANT = UUID(int=5)
SIZE = 2


@pytest.fixture
async def engine(settings: PartSettings) -> AsyncIterator[AsyncEngine]:
    """An engine with a pool of two."""
    engine = make_engine(settings.database_url, name="test-pool", size=SIZE)
    yield engine
    await engine.dispose()


async def _all_at_once(engine: AsyncEngine) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(SIZE):
            connection = await stack.enter_async_context(tenant_transaction(engine, TENANT))
            assert (await connection.execute(sa.text("SELECT current_setting('app.tenant')"))).scalar_one() == str(TENANT)


def _end_all(door: Door) -> None:
    with psycopg.connect(door.admin_url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'test-pool'")


async def test_lost_connections_leave_the_pool(door: Door, engine: AsyncEngine) -> None:
    await _all_at_once(engine)
    _end_all(door)
    for _ in range(SIZE + 1):  # each lost one may be noticed only as it is used
        try:
            await _all_at_once(engine)
            break
        except Exception as error:
            assert is_unreachable(error)
    await _all_at_once(engine)


async def test_a_connection_lost_within_a_transaction_says_that_the_database_is_out_of_reach(
    door: Door, engine: AsyncEngine
) -> None:
    with pytest.raises(sa.exc.DBAPIError) as lost:
        async with tenant_transaction(engine, TENANT) as connection:
            _end_all(door)
            await connection.execute(sa.text("SELECT 1"))
    assert is_unreachable(lost.value)
    await _all_at_once(engine)


async def test_a_lost_connection_takes_no_other_along(door: Door, engine: AsyncEngine) -> None:
    """The other comes back to the pool after it, whole, and is taken as it is."""
    await _all_at_once(engine)
    async with tenant_transaction(engine, TENANT) as whole:
        mine = (await whole.execute(sa.text("SELECT pg_backend_pid()"))).scalar_one()
        with pytest.raises(sa.exc.DBAPIError):
            async with tenant_transaction(engine, TENANT) as connection:
                pid = (await connection.execute(sa.text("SELECT pg_backend_pid()"))).scalar_one()
                with psycopg.connect(door.admin_url, autocommit=True) as other:
                    other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
                await connection.execute(sa.text("SELECT 1"))
    seen = set()
    for _ in range(SIZE * 2):
        async with tenant_transaction(engine, TENANT) as connection:
            seen.add((await connection.execute(sa.text("SELECT pg_backend_pid()"))).scalar_one())
    assert mine in seen and len(seen) == SIZE


async def test_who_waits_is_served_before_one_who_comes_again(engine: AsyncEngine) -> None:
    turns: list[str] = []
    async with AsyncExitStack() as held:
        for _ in range(SIZE - 1):
            await held.enter_async_context(tenant_transaction(engine, TENANT))

        async def greedy() -> None:
            for _ in range(20):
                async with tenant_transaction(engine, TENANT):
                    turns.append("greedy")

        async def patient() -> None:
            async with tenant_transaction(engine, TENANT):
                turns.append("patient")

        await asyncio.gather(greedy(), patient())
    assert turns.index("patient") < 3
