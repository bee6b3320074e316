"""Tenants and patients are kept apart: by the token, by every query, and by the database itself."""

import psycopg
import pytest

from shared.ops.settings import PartSettings
from tests.fakes.world import tenant_id
from tests.integration.timetrack.conftest import TABLES, Door
from tests.integration.timetrack.tasks import amended, task


async def test_another_tenants_entry_is_not_found(door: Door) -> None:
    made = await door.made(task())
    door.tenant = "south"
    for path in (f"Task/{made['id']}", f"Task/{made['id']}/_history", f"Task/{made['id']}/_history/1"):
        assert (await door.get(path)).status_code == 404
    assert await door.found("") == []
    assert (await door.put(amended(made))).status_code == 405
    assert (await door.post(task())).status_code == 201, "the same performer id elsewhere is somebody else"


async def test_a_token_of_one_patient_shows_that_patient_only(door: Door) -> None:
    mine = await door.made(task())
    other = await door.made(task("2026-10-15T15:00:00Z", "2026-10-15T15:10:00Z", for_={"reference": "Patient/p2"}))
    door.claims = {"patient": "p1"}
    assert [found["id"] for found in await door.found("")] == [mine["id"]]
    assert await door.found("patient=p2") == []
    for path in (f"Task/{other['id']}", f"Task/{other['id']}/_history", f"Task/{other['id']}/_history/1"):
        assert (await door.get(path)).status_code == 404
    assert (await door.put(amended(other))).status_code == 405
    refused = await door.post(task("2026-10-15T16:00:00Z", "2026-10-15T16:10:00Z", for_={"reference": "Patient/p2"}))
    assert refused.status_code == 403


@pytest.mark.parametrize(
    ("scopes", "method", "path"),
    [
        ("system/Task.r", "POST", "Task"),
        ("system/Task.crs", "PUT", "Task/x"),
        ("system/Task.c", "GET", "Task/x"),
        ("system/Task.r", "GET", "Task?patient=p1"),
        ("system/Consent.crus careledger/roster", "GET", "Task/x"),
        ("system/*.crus", "POST", "time/timers"),
        ("careledger/timers", "GET", "time/roster"),
    ],
)
async def test_a_scope_that_is_not_held_is_missed(door: Door, scopes: str, method: str, path: str) -> None:
    door.scopes = scopes
    body = {"json": {}} if method != "GET" else {}
    assert (await door.ask(method, path, **body)).status_code == 403


def test_row_level_security_holds_where_a_filter_is_forgotten(door: Door, settings: PartSettings) -> None:
    with psycopg.connect(door.admin_url) as connection:
        for slug in ("north", "south"):
            connection.execute("INSERT INTO patient_mention VALUES (%s, 'p', true, now())", (tenant_id(slug),))
    with psycopg.connect(settings.database_url) as connection:
        connection.execute(f"SET LOCAL app.tenant = '{tenant_id('north')}'")
        rows = connection.execute("SELECT tenant_id FROM patient_mention").fetchall()
        assert rows == [(tenant_id("north"),)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("INSERT INTO patient_mention VALUES (%s, 'q', true, now())", (tenant_id("south"),))


def test_a_transaction_without_a_tenant_fails_instead_of_seeing_all(settings: PartSettings) -> None:
    for table in TABLES.replace(",", "").split():
        if table != "journal_unpublished":
            with psycopg.connect(settings.database_url) as connection, pytest.raises(psycopg.errors.UndefinedObject):
                connection.execute(f"SELECT 1 FROM {table}")


def test_what_was_said_cannot_be_written_over(settings: PartSettings) -> None:
    for table in ("time_entry_version", "time_entry_identifier", "staff_member", "journal"):
        for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET tenant_id = tenant_id"):
            with psycopg.connect(settings.database_url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SET LOCAL app.tenant = '{tenant_id('north')}'")
                connection.execute(statement)
