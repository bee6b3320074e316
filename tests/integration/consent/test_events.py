"""What consent tells and takes in: one event for each version; tenants, clients and closed months into the registry."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.consent.adapters.filing_list import note_filings
from services.consent.adapters.told import note_charts, note_staff
from services.consent.adapters.unit_of_work import JOURNAL
from services.consent.entrypoints.consumer import handlers
from services.consent.main import run_consumer, run_relay
from shared.contracts.client import ClientState
from shared.contracts.consent import TYPES, ConsentState
from shared.contracts.event import Event
from shared.contracts.month import MonthState
from shared.db.engine import make_engine
from shared.db.transaction import worker_transaction
from shared.messaging.broker import connect, ensure_stream
from shared.messaging.wire import headers_of, read_event, subject_of
from shared.ops.settings import PartSettings
from tests.fakes.world import tenant_id
from tests.integration.consent.conftest import NOW, Door, serving
from tests.integration.consent.resources import by_practitioner, consent, declined, given, revoked, with_reason

Record = Callable[[Any], Awaitable[dict[str, Any]]]

LATER = "2026-10-20T09:00:00-04:00"


async def test_every_version_is_one_event_with_the_whole_state(door: Door, recorded: Record) -> None:
    first = await recorded(consent())
    corrected = (await door.put(with_reason(first, "later", dateTime="2026-10-05T11:00:00-04:00"))).json()
    second = await recorded(given(by_practitioner(consent("c-2"), "dr-2"), LATER))
    await door.put(revoked(second, LATER))
    await recorded(declined("d-1"))

    rows = door.rows("SELECT * FROM journal JOIN journal_unpublished USING (tenant_id, id) ORDER BY aggregate, version")
    states = {(row["aggregate"], row["version"]): ConsentState.model_validate_json(row["data"]) for row in rows}
    versions = door.rows("SELECT id::text, version FROM consent_version")
    assert set(states) == {(row["id"], row["version"]) for row in versions}
    assert {row["event_type"] for row in rows} == set(TYPES)
    for row in rows:
        state = states[row["aggregate"], row["version"]]
        assert (state.consent_id, state.version) == (row["aggregate"], row["version"])
        assert row["action"] == f"consent.{state.change}" == row["event_type"].removeprefix("ccm.").removesuffix(".v1")
        assert (row["patients"], row["tenant"], row["tenant_id"]) == (["p-1"], "north", tenant_id("north"))
        assert (row["client"], row["actor"], row["at"]) == ("ehr", "ehr", state.recorded_at)
    state = states[corrected["id"], 2]
    assert state.given_at == datetime(2026, 10, 5, 15, tzinfo=UTC)
    assert (state.practitioner.npi, state.practitioner.name) == ("1234567893", "Dr Priya Raman")
    assert (state.obtained_by.id, state.obtained_by.credential) == ("rn-1", "registered-nurse")
    assert state.disclosures == dict.fromkeys(("availability", "cost-sharing", "one-practitioner", "right-to-stop"), True)
    assert state.script is not None
    assert (state.script.version, state.script.language, state.change_reason) == ("2025-02", "en", "later")


async def test_a_refused_change_leaves_no_journal_row(door: Door, recorded: Record) -> None:
    body = await recorded(consent())

    await door.put(with_reason(body, "x"), version=5)
    await door.put(with_reason(body, "x", status="rejected"))

    assert door.rows("SELECT version FROM journal WHERE status IS NULL") == [{"version": 1}]


@pytest.fixture
async def worker(settings: PartSettings) -> AsyncIterator[AsyncEngine]:
    """The worker role's engine."""
    engine = make_engine(settings.worker_database_url, name="test", size=2)
    yield engine
    await engine.dispose()


def _month(version: int, status: str) -> Event:
    state = MonthState(
        month="2026-10",
        version=version,
        status=status,  # type: ignore[arg-type]
        at=NOW,
        by="lead",
        reason="month end",
        starts_at=datetime(2026, 10, 1, 4, tzinfo=UTC),
        ends_at=datetime(2026, 11, 1, 4, tzinfo=UTC),
    )
    return Event(
        id=uuid4(),
        type=f"ccm.month.{'closed' if status == 'closed' else 'reopened'}.v1",
        tenant="north",
        tenant_id=tenant_id("north"),
        aggregate_id=f"{tenant_id('north')}/2026-10",
        version=version,
        time=NOW,
        data=json.loads(state.model_dump_json()),
    )


async def _tell(worker: AsyncEngine, producer: str, *events: Event) -> None:
    async with worker_transaction(worker) as connection:
        await handlers(JOURNAL, note_charts, note_staff, note_filings)[producer](connection, events)


async def test_what_belongs_to_a_closed_month_is_stored_marked_and_warned_about(
    door: Door, settings: PartSettings, worker: AsyncEngine, recorded: Record
) -> None:
    body = await recorded(consent("open"))
    await _tell(worker, "billing", _month(1, "closed"), _month(1, "closed"))
    async with serving(settings) as http:
        fresh = replace(door, http=http)
        late = await fresh.post(consent("late"), Prefer="return=OperationOutcome")
        in_time = await fresh.post(given(consent("november"), "2026-11-02T09:00:00-05:00"), Prefer="return=OperationOutcome")
        stop = await fresh.put(revoked(body, LATER), Prefer="return=OperationOutcome")
    await _tell(worker, "billing", _month(2, "open"))
    async with serving(settings) as http:
        again = await replace(door, http=http).post(consent("reopened"), Prefer="return=OperationOutcome")

    codes = [
        [issue["details"]["coding"][0]["code"] for issue in answer.json()["issue"]] for answer in (late, in_time, stop, again)
    ]
    assert [answer.status_code for answer in (late, in_time, stop, again)] == [201, 201, 200, 201]
    assert "month-closed" in codes[0]
    assert "month-closed" not in codes[1]
    assert "month-closed" in codes[2]
    assert "month-closed" not in codes[3]
    assert door.rows("SELECT count(*) AS n FROM consent_version WHERE late AND accepted IS NOT NULL") == [{"n": 2}]


async def test_a_disabled_client_is_refused(door: Door, settings: PartSettings, worker: AsyncEngine) -> None:
    state = ClientState(client_id="ehr-2", version=1, name="x", status="active", changed_at=NOW)
    for version, status, expected in ((1, "active", 200), (2, "disabled", 401)):
        told = state.model_copy(update={"version": version, "status": status})
        kind = "registered" if version == 1 else "disabled"
        event = Event(
            uuid4(), f"ccm.client.{kind}.v1", "_", tenant_id("_"), "ehr-2", version, NOW, json.loads(told.model_dump_json())
        )
        await _tell(worker, "access", event)
        bearer = door.tokens.bearer("north", door.scopes, client_id="ehr-2")
        async with serving(settings) as http:
            answer = await http.get("/t/north/fhir/R4/Consent?patient=p-1", headers=bearer)
        assert answer.status_code == expected


async def test_relay_and_consumer_carry_events_over_the_broker(
    door: Door, settings: PartSettings, nats_server: Any, recorded: Record
) -> None:
    wired = replace(settings, nats_url=nats_server.url)
    body = await recorded(consent())
    broker = await connect(nats_server.url, name="test")
    jetstream = broker.jetstream()
    for producer in ("consent", "billing"):
        await ensure_stream(jetstream, producer)
    event = _month(9, "open")
    await jetstream.publish(subject_of("billing", event), json.dumps(event.data).encode(), headers=headers_of("billing", event))
    subscription = await jetstream.subscribe("ev.consent.north.>", ordered_consumer=True)
    tasks = [asyncio.create_task(run_relay(wired)), asyncio.create_task(run_consumer(wired))]
    try:
        while True:
            message = await subscription.next_msg(timeout=20)
            heard = read_event(message.headers, message.data)
            if heard.aggregate_id == body["id"]:
                break
        async with asyncio.timeout(20):
            while not door.rows("SELECT 1 FROM registry WHERE kind = 'month' AND version = 9"):
                await asyncio.sleep(0.05)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        await broker.close()

    assert all(isinstance(one, asyncio.CancelledError) for one in ended)
    assert message.subject == "ev.consent.north.consent.granted"
    assert (heard.type, heard.version, heard.data["patient"]) == ("ccm.consent.granted.v1", 1, "p-1")
    assert "p-1" not in json.dumps(message.headers)


@pytest.mark.parametrize("change", ["DELETE FROM", "UPDATE {} SET tenant_id = tenant_id WHERE true --", "TRUNCATE"])
async def test_the_worker_reads_consents_to_file_them_and_changes_none(
    door: Door, settings: PartSettings, recorded: Record, change: str
) -> None:
    await recorded(consent())
    with psycopg.connect(settings.worker_database_url) as connection:
        assert connection.execute("SELECT count(*) FROM consent_version").fetchone() == (1,)
        for table in ("consent", "consent_version", "consent_document"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(f"{change.format(table)} {table}")
