"""One performer is in one place at a time: refused by a named error, guarded by the database."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
import sqlalchemy as sa

from shared.db.driver_statement import DriverStatement
from shared.db.engine import make_engine
from shared.db.transaction import is_retryable
from shared.ops.settings import PartSettings
from tests.integration.timetrack.conftest import Door
from tests.integration.timetrack.tasks import day_task, task

_PAIRS = """
SELECT count(*) AS pairs FROM time_entry a JOIN time_entry b
    ON a.tenant_id = b.tenant_id AND a.performer = b.performer AND a.id < b.id
   AND a.started_at < b.ended_at AND b.started_at < a.ended_at
 WHERE a.status = 'completed' AND b.status = 'completed'
"""


@pytest.mark.requirement("standards-17")
async def test_overlap_is_refused_and_names_the_entry_in_the_way(door: Door) -> None:
    made = await door.made(task("2026-10-15T14:00:00Z", "2026-10-15T14:20:00Z"))
    before = door.stored()
    answer = await door.post(task("2026-10-15T14:19:59Z", "2026-10-15T14:30:00Z", for_={"reference": "Patient/p2"}))
    issue = answer.json()["issue"][0]
    assert answer.status_code == 409
    assert (issue["code"], issue["details"]["coding"][0]["code"]) == ("conflict", "time-entry-overlap")
    assert issue["expression"] == ["Task.executionPeriod"]
    assert issue["details"]["text"].endswith(f"Task/{made['id']}")
    assert door.stored() == before


async def test_the_entry_in_the_way_is_named_only_to_who_may_read(door: Door) -> None:
    made = await door.made(task())
    door.scopes = "system/Task.c"
    answer = await door.post(task())
    assert answer.status_code == 409
    assert made["id"] not in answer.text


@pytest.mark.parametrize(
    ("start", "end", "changes"),
    [
        ("2026-10-15T13:50:00Z", "2026-10-15T14:00:00Z", {}),
        ("2026-10-15T14:20:00Z", "2026-10-15T14:21:00Z", {}),
        ("2026-10-15T14:00:00Z", "2026-10-15T14:20:00Z", {"owner": {"reference": "Practitioner/n2"}}),
    ],
)
async def test_what_only_touches_or_is_anothers_goes_in(door: Door, start: str, end: str, changes: dict[str, object]) -> None:
    await door.made(task("2026-10-15T14:00:00Z", "2026-10-15T14:20:00Z"))
    assert (await door.post(task(start, end, **changes))).status_code == 201


async def test_days_are_in_nobodys_way(door: Door) -> None:
    await door.made(day_task("2026-10-15", 3600))
    await door.made(task())
    await door.made(day_task("2026-10-15", 3600))
    assert len(door.rows("SELECT 1 FROM time_entry")) == 3


@pytest.mark.requirement("standards-17")
async def test_sixteen_writers_of_one_performer_leave_no_overlap(door: Door) -> None:
    chance = random.Random(16)
    first = datetime(2026, 10, 14, 12, tzinfo=UTC)

    async def write(number: int) -> list[int]:
        found = []
        for _ in range(12):
            start = first + timedelta(seconds=chance.randrange(0, 4 * 3600))
            end = start + timedelta(seconds=chance.randrange(1, 900))
            answer = await door.post(task(start.isoformat(), end.isoformat()))
            found.append(answer.status_code)
        return found

    statuses = [status for found in await asyncio.gather(*(write(n) for n in range(16))) for status in found]
    assert set(statuses) == {201, 409}
    assert door.rows(_PAIRS) == [{"pairs": 0}]
    stored = len(door.rows("SELECT 1 FROM time_entry"))
    assert stored == statuses.count(201)
    for table in ("time_entry_version", "time_entry_identifier", "journal WHERE status IS NULL", "journal_unpublished"):
        assert len(door.rows(f"SELECT 1 FROM {table}")) == stored


async def test_the_database_itself_refuses_what_the_service_would_not_write(door: Door) -> None:
    await door.made(task())
    copy = """
        INSERT INTO time_entry SELECT tenant_id, gen_random_uuid(), version, status, patient, NULL, NULL, performer, NULL,
            program, activity, started_at, ended_at, day, seconds, basis, gap_seconds, encounter, timer_id, authored_on,
            modified_at FROM time_entry LIMIT 1
    """
    with psycopg.connect(door.admin_url) as connection, pytest.raises(psycopg.errors.ExclusionViolation) as refused:
        connection.execute(copy)
    assert refused.value.diag.constraint_name == "time_entry_overlap"


async def test_a_deadlock_under_the_drivers_own_statement_is_tried_again(door: Door, settings: PartSettings) -> None:
    with psycopg.connect(door.admin_url, autocommit=True) as connection:
        connection.execute(
            "CREATE OR REPLACE FUNCTION deadlock() RETURNS bigint LANGUAGE plpgsql AS"
            " $$BEGIN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END$$"
        )
    engine = make_engine(settings.database_url, name="test", size=1)
    try:
        async with engine.connect() as connection:
            with pytest.raises(sa.exc.DBAPIError) as error:
                await DriverStatement(sa.select(sa.func.deadlock())).count(connection, {})
    finally:
        await engine.dispose()
    assert is_retryable(error.value)
