"""Billing among the others: events in over NATS, charts from a real EHR over SMART, events out through the journal."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.sandbox.clients import Client
from deploy.sandbox.ehr import create_ehr
from deploy.sandbox.smart import Settings
from deploy.sandbox.store import Store
from services.billing.adapters.ehr import SCOPE, EhrChart
from services.billing.adapters.ledger_repository import EvidenceRepository
from services.billing.adapters.reading_list import ReadingList
from services.billing.adapters.unit_of_work import JOURNAL
from services.billing.entrypoints.consumer import handlers
from services.billing.main import assemble_for, renew_feed, run_consumer, run_relay
from shared.contracts.tenant import EhrConnection
from shared.db.transaction import worker_transaction
from shared.fhir.client import EhrUnavailable
from shared.kernel.errors import NotFound
from shared.messaging.broker import connect, ensure_stream
from shared.messaging.wire import headers_of, read_event, stream_of, subject_of
from shared.ops.children import Nats
from shared.ops.settings import PartSettings
from shared.smart.ehr_tokens import EhrTokens, load_key
from tests.fakes.world import tenant_state
from tests.integration.billing import world as small
from tests.integration.billing.conftest import Clinic

BASE = "http://ehr.example"


async def until(holds: Callable[[], Any], *, seconds: float = 20) -> Any:
    """Wait until `holds()` is true; return it."""
    async with asyncio.timeout(seconds):
        while True:
            if found := holds():
                return found
            await asyncio.sleep(0.02)


@pytest.fixture
async def sandbox(settings: PartSettings) -> AsyncIterator[tuple[Store, EhrChart]]:
    """The sandbox's EHR behind its own SMART server, and our reader of it."""
    key = load_key(settings.ehr_key_file)
    client = Client("careledger", tuple(SCOPE.split()), jwks={"keys": [key.as_dict(private=False)]})
    store = Store()
    ehr = create_ehr(store, Settings(BASE, (client,)))
    connection = EhrConnection(fhir_base=f"{BASE}/fhir/R4", token_url=f"{BASE}/auth/token", client_id="careledger")
    state = tenant_state("north", ehr=connection)

    class Known:
        async def tenant(self, slug: str) -> Any:
            return state if slug == "north" else None

    async with httpx.AsyncClient(transport=httpx.ASGITransport(ehr), base_url=BASE) as http:
        yield store, EhrChart(EhrTokens(http, settings.ehr_key_file, scope=SCOPE), Known(), "north")  # type: ignore[arg-type]


async def test_a_chart_is_read_with_least_scope_from_an_ehr(sandbox: tuple[Store, EhrChart]) -> None:
    store, chart = sandbox
    for patient in ("p1", "p2"):
        for resource in small.chart(patient):
            store.put(resource["resourceType"], resource["id"], resource)
    other = next(one for one in small.chart("p3") if one["resourceType"] == "EpisodeOfCare")
    store.put("EpisodeOfCare", "p3-episode", {**other, "type": [{"coding": [{"system": small.PROGRAM, "code": "rpm"}]}]})
    store.put("EpisodeOfCare", "p4-episode", {**other, "id": "p4-episode", "patient": {"reference": "Patient/p4"},
                                              "type": [{"coding": [{"system": small.PROGRAM, "code": "pcm"}]}]})  # fmt: skip
    read = await chart.of_patient("p1")
    assert sorted(f"{one['resourceType']}/{one['id']}" for one in read) == sorted(
        f"{one['resourceType']}/{one['id']}" for one in small.chart("p1")
    )
    assert await chart.of_patient("nobody") == []
    assert await chart.enrolled() == ["p1", "p2", "p4"]


async def test_an_unknown_tenants_ehr_does_not_answer(sandbox: tuple[Store, EhrChart]) -> None:
    _, chart = sandbox
    stranger = EhrChart(chart._tokens, chart._registry, "nobody")
    with pytest.raises(EhrUnavailable):
        await stranger.of_patient("p1")


async def test_facts_come_by_events_and_a_poisonous_one_blocks_nobody(
    clinic: Clinic, settings: PartSettings, nats_server: Nats
) -> None:
    """House 2, steps 2 and 3, over a real broker; the same event twice is one row."""
    here = replace(settings, nats_url=nats_server.url)
    broker = await connect(nats_server.url, name="test")
    stream = broker.jetstream()
    events = [
        ("consent", small.consent("q1")),
        ("timetrack", small.entry("q1", small.at(7), 21)),
        ("timetrack", small.entry("q1", small.at(8), 5, number=2)),
    ]
    for service in ("access", "consent", "timetrack", "billing"):
        await ensure_stream(stream, service)
    poison = replace(small.entry("q1", small.at(9), 5, number=3), data={"entry_id": "broken"})
    consumer = asyncio.create_task(run_consumer(here))
    try:
        for service, event in [("timetrack", poison), *events, *events]:
            headers = headers_of(service, event)
            del headers["Nats-Msg-Id"]
            body = json.dumps(event.data).encode()
            await stream.publish(subject_of(service, event), body, stream=stream_of(service), headers=headers)
        query = "SELECT aggregate FROM ledger_entry WHERE patient = 'q1' AND kind <> 'ehr-read' ORDER BY 1"
        rows = await until(lambda: len(found := clinic.rows(query)) == 3 and found)
        assert [row["aggregate"] for row in rows] == ["consent/consent-q1", "time-entry/entry-q1-1", "time-entry/entry-q1-2"]
        letters = await until(lambda: clinic.rows("SELECT stream, reason FROM dead_letter"))
        assert letters[0]["stream"] == "EV_TIMETRACK" and "ValidationError" in letters[0]["reason"]
        due = clinic.rows("SELECT patient FROM ehr_due")
        assert due == [{"patient": "q1"}]
        silent = "SELECT data FROM ledger_entry WHERE aggregate = 'ehr-read/q1'"
        assert "unanswered" in (await until(lambda: clinic.rows(silent)))[0]["data"]
    finally:
        consumer.cancel()
        await asyncio.gather(consumer, return_exceptions=True)
        await broker.close()


async def test_the_relay_publishes_charges_and_numbers_the_feed(
    clinic: Clinic, settings: PartSettings, nats_server: Nats
) -> None:
    await clinic.enrol("p1")
    await clinic.assemble()
    await clinic.attest()
    broker = await connect(nats_server.url, name="test")
    await ensure_stream(broker.jetstream(), "billing")
    subscription = await broker.jetstream().subscribe("ev.billing.north.charge-item.>", ordered_consumer=True)
    relay = asyncio.create_task(run_relay(replace(settings, nats_url=nats_server.url)))
    try:
        message = await subscription.next_msg(timeout=20)
        event = read_event(message.headers, message.data)
        assert (event.type, event.version, event.data["code"]) == ("ccm.charge-item.billable.v1", 1, "99490")
        await until(lambda: not clinic.rows("SELECT 1 FROM charge_version WHERE feed_seq IS NULL"))
        await until(lambda: not clinic.rows("SELECT 1 FROM journal_unpublished"))
    finally:
        relay.cancel()
        await asyncio.gather(relay, return_exceptions=True)
        await broker.close()


async def test_registry_and_ledger_take_tenants_and_the_reading_list_knows_them(empty: Clinic, worker: AsyncEngine) -> None:
    take_in = handlers(JOURNAL, EvidenceRepository)
    event = small.tenant_event("north", name="North, renamed")
    async with worker_transaction(worker) as connection:
        await take_in["access"](connection, [event])
        await take_in["consent"](connection, [small.consent("p1"), small.consent("p2"), small.consent("p1")])
    reading = ReadingList(worker, JOURNAL)
    assert {slug for _, slug in await reading.tenants()} == {"north", "south"}
    due = await reading.due()
    assert sorted((one.tenant, one.patient) for one in due) == [("north", "p1"), ("north", "p2")]
    async with worker_transaction(worker) as connection:
        await take_in["consent"](connection, [small.consent("p1", version=2)])
    for one in due:
        await reading.done(one)
    assert [one.patient for one in await reading.due()] == ["p1"]


async def test_a_large_month_is_assembled_by_the_worker(clinic: Clinic, settings: PartSettings) -> None:
    """`careledger assemble`: the EHR of the settings does not answer, so the month is planned and held."""
    await clinic.enrol("p1")
    refreshed, done = await assemble_for(settings, "north", "2026-10")
    assert (refreshed.unanswered, done.results, dict(done.outcomes)) == (1, 1, {"not-billable": 1})
    assert not (await clinic.result("p1"))["releasable"]
    epoch = await renew_feed(settings, "north")
    assert clinic.rows("SELECT epoch FROM feed_head") == [{"epoch": epoch}]
    for call in (assemble_for(settings, "nobody", "2026-10"), renew_feed(settings, "nobody")):
        with pytest.raises(NotFound):
            await call
