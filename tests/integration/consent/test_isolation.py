"""Practices are kept apart twice: by every query and by the database (standards.md, requirement 2)."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from shared.ops.settings import PartSettings
from tests.fakes.world import tenant_id
from tests.integration.consent.conftest import Door
from tests.integration.consent.resources import consent, with_reason

Record = Callable[[Any], Awaitable[dict[str, Any]]]
TABLES = ("consent", "consent_version", "consent_identifier", "patient_mention", "journal")


async def test_another_practice_sees_and_changes_nothing(door: Door, recorded: Record) -> None:
    body = await recorded(consent())
    south = replace(door, tenant="south")

    read = [await south.get(f"Consent/{body['id']}{tail}") for tail in ("", "/_history", "/_history/1")]
    change = await south.put(with_reason(body | {"patient": {"reference": "Patient/p-1"}}, "not mine"))
    found = (await south.get("Consent?patient=p-1")).json()
    in_force = (await south.get("/t/south/consent/in-force?patient=p-1&program=ccm")).json()

    assert [answer.status_code for answer in read] == [404, 404, 404]
    assert change.status_code == 405
    assert ("entry" in found, in_force["reason"]) == (False, "no-consent")


async def test_identifiers_are_each_practices_own(door: Door) -> None:
    south = replace(door, tenant="south")

    answers = [await one.post(consent()) for one in (door, south)]

    assert [answer.status_code for answer in answers] == [201, 201]


async def test_a_foreign_and_an_unknown_practice_answer_alike(door: Door, recorded: Record) -> None:
    body = await recorded(consent())
    bearer = door.tokens.bearer("north", door.scopes)

    foreign = await door.http.get(f"/t/south/fhir/R4/Consent/{body['id']}", headers=bearer)
    unknown = await door.http.get(f"/t/nowhere/fhir/R4/Consent/{body['id']}", headers=bearer)

    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json()["issue"][0]["details"] == unknown.json()["issue"][0]["details"]


async def test_the_database_keeps_them_apart_without_our_queries(door: Door, recorded: Record, settings: PartSettings) -> None:
    await recorded(consent())
    with psycopg.connect(settings.database_url) as connection:
        for tenant, rows in (("north", 1), ("south", 0)):
            connection.execute("SELECT set_config('app.tenant', %s, true)", (str(tenant_id(tenant)),))
            for table in ("consent", "consent_version", "consent_identifier", "journal"):
                found = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
                assert found == (rows,), (tenant, table)
        moved = connection.execute("UPDATE consent SET status = 'rejected'")
        assert moved.rowcount == 0


@pytest.mark.parametrize("table", TABLES)
async def test_without_a_practice_the_database_answers_an_error(door: Door, settings: PartSettings, table: str) -> None:
    with psycopg.connect(settings.database_url) as connection, pytest.raises(psycopg.errors.UndefinedObject):
        connection.execute(f"SELECT * FROM {table}")


async def test_nobody_writes_for_another_practice(door: Door, settings: PartSettings) -> None:
    with psycopg.connect(settings.database_url) as connection:
        connection.execute("SELECT set_config('app.tenant', %s, true)", (str(tenant_id("north")),))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(
                "INSERT INTO patient_mention VALUES (%s, 'p-1', true, '2026-01-01T00:00:00Z')", (tenant_id("south"),)
            )


@pytest.mark.parametrize(
    "statement", ["DELETE FROM consent_version", "UPDATE consent_version SET kept = ''", "DELETE FROM journal"]
)
async def test_what_is_written_stays(door: Door, settings: PartSettings, statement: str) -> None:
    with psycopg.connect(settings.database_url) as connection:
        connection.execute("SELECT set_config('app.tenant', %s, true)", (str(tenant_id("north")),))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


async def test_a_token_of_one_patient_finds_only_that_patient(door: Door, recorded: Record) -> None:
    mine = await recorded(consent("c-1"))
    other = await recorded(consent("c-2", patient={"reference": "Patient/p-2"}, performer=[{"reference": "Patient/p-2"}]))
    bearer = door.tokens.bearer("north", door.scopes, patient="p-1")

    async def status(path: str) -> int:
        return (await door.http.get(path, headers=bearer)).status_code

    base = "/t/north/fhir/R4/Consent"
    assert [await status(f"{base}/{body['id']}") for body in (mine, other)] == [200, 404]
    assert await status(f"{base}/{other['id']}/_history") == 404
    assert await status("/t/north/consent/in-force?patient=p-2&program=ccm") == 404
    bundle = (await door.http.get(base, headers=bearer)).json()
    assert [entry["resource"]["id"] for entry in bundle["entry"]] == [mine["id"]]
