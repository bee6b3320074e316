"""A statement that is a transaction by itself: of one tenant, whole or not at all, and leaving its connection clean."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.db.driver_statement import DriverStatement
from shared.db.engine import make_engine
from shared.db.transaction import is_retryable, is_unstorable, lend_live
from shared.ops.settings import PartSettings
from tests.integration.timetrack.conftest import Door

FIRST, SECOND = UUID(int=11), UUID(int=12)
WHOSE = DriverStatement(sa.text("SELECT CAST(current_setting('app.tenant') = CAST(:tenant AS text) AS integer)"))
SHARE = DriverStatement(sa.text("SELECT 1 / CAST(:among AS integer)"))
SLOW = DriverStatement(sa.text("SELECT CAST(pg_sleep(CAST(:seconds AS float)) IS NULL AS integer)"))
WRITING = DriverStatement(
    sa.text(
        "WITH w AS (INSERT INTO patient_mention (tenant_id, patient, known, checked_at)"
        " VALUES (CAST(:tenant AS uuid), :patient, true, now())) SELECT 1 / CAST(:among AS integer)"
    )
)


@pytest.fixture
async def engine(settings: PartSettings) -> AsyncIterator[AsyncEngine]:
    """An engine with one connection, so that each statement meets what the one before has left."""
    engine = make_engine(settings.database_url, name="test-by-itself", size=1)
    yield engine
    await engine.dispose()


async def _is_clean(engine: AsyncEngine) -> bool:
    """Tell whether the connection serves two tenants in turn and keeps neither."""
    served = [await WHOSE.commit(engine, tenant, {"tenant": str(tenant)}) for tenant in (FIRST, SECOND)]
    async with engine.connect() as connection:
        kept = (await connection.execute(sa.text("SELECT current_setting('app.tenant', true)"))).scalar_one()
    return served == [1, 1] and not kept


async def test_each_is_of_its_tenant_and_none_stays(engine: AsyncEngine) -> None:
    said: list[object] = []
    lent, driver = await lend_live(engine)
    driver.add_log_listener(lambda _, message: said.append(message))
    lent.close()
    assert await _is_clean(engine)
    assert said == []  # PostgreSQL warns of a SET LOCAL that has no effect


async def test_what_divides_by_zero_is_undone(door: Door, engine: AsyncEngine) -> None:
    values = {"tenant": str(FIRST), "patient": "undone"}
    assert await WRITING.commit(engine, FIRST, values | {"among": 0}) == 0
    assert await WRITING.commit(engine, FIRST, values | {"patient": "kept", "among": 1}) == 1
    with psycopg.connect(door.admin_url) as connection:
        kept = connection.execute("SELECT patient FROM patient_mention WHERE tenant_id = %s", (FIRST,)).fetchall()
    assert kept == [("kept",)]


async def test_another_tenants_row_is_refused(engine: AsyncEngine) -> None:
    with pytest.raises(sa.exc.DBAPIError) as refused:
        await WRITING.commit(engine, FIRST, {"tenant": str(SECOND), "patient": "foreign", "among": 1})
    assert isinstance(refused.value.orig, asyncpg.InsufficientPrivilegeError)
    assert await _is_clean(engine)


async def test_a_value_that_cannot_be_sent_leaves_nothing_begun(engine: AsyncEngine) -> None:
    with pytest.raises(sa.exc.DBAPIError) as refused:
        await SHARE.commit(engine, FIRST, {"among": "many"})
    assert is_unstorable(refused.value)
    assert await _is_clean(engine)


async def test_one_that_is_given_up_leaves_nothing_begun(engine: AsyncEngine) -> None:
    assert await SLOW.commit(engine, FIRST, {"seconds": 0.0}) == 0
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await SLOW.commit(engine, FIRST, {"seconds": 20.0})
    assert await _is_clean(engine)


async def test_over_a_lost_connection_it_is_sent_once_more(door: Door, engine: AsyncEngine) -> None:
    assert await _is_clean(engine)
    with psycopg.connect(door.admin_url, autocommit=True) as connection:
        ended = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'test-by-itself'"
        assert set(connection.execute(ended).fetchall()) == {(True,)}
    assert await _is_clean(engine)


async def test_a_deadlock_is_told_as_one(door: Door, engine: AsyncEngine) -> None:
    with psycopg.connect(door.admin_url, autocommit=True) as connection:
        connection.execute(
            "CREATE OR REPLACE FUNCTION locked() RETURNS bigint LANGUAGE plpgsql AS"
            " $$BEGIN RAISE EXCEPTION 'locked' USING ERRCODE = '40P01'; END$$"
        )
    with pytest.raises(sa.exc.DBAPIError) as error:
        await DriverStatement(sa.select(sa.func.locked())).commit(engine, FIRST, {})
    assert is_retryable(error.value)
    assert await _is_clean(engine)
