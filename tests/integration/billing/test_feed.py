"""The change feed: sixteen writers, one reader, nothing missed, nothing twice, no gaps (integration.md 5)."""

import asyncio
import random
from dataclasses import replace
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import psycopg
from fastapi import FastAPI

from services.billing.adapters import feed
from services.billing.adapters.unit_of_work import BillingUnitOfWork
from services.billing.domain.charge import ChargeItem
from services.billing.domain.charge_item import ChargeStatus
from services.billing.domain.findings import PlannedCharge
from services.billing.usecases.charge_events import telling_of
from services.billing.usecases.records import Author
from tests.fakes.world import tenant_id
from tests.integration.billing.conftest import NOW, Clinic, item

AUTHOR = Author("test", "test", "test")


def a_charge(patient: str) -> ChargeItem:
    """Return a charge of its own patient, about to be published."""
    line = PlannedCharge(
        code="99490",
        code_id="ccm.clinical_staff.base",
        base=True,
        units=1,
        date_of_service=date(2026, 10, 31),
        place_of_service="11",
        modifiers=(),
        diagnoses=("E11.9", "I10"),
        practitioner="dr-ada",
        practitioner_npi="1245319599",
        payer=None,
        coverage=None,
        patient_billable=True,
        consents=("consent/c1@1",),
        entries=("e1",),
        rules=("T1",),
    )
    return ChargeItem(
        id=uuid4(),
        version=1,
        status=ChargeStatus.BILLABLE,
        attempt=1,
        patient=patient,
        month="2026-10",
        first_day=date(2026, 10, 1),
        last_day=date(2026, 10, 31),
        lane="clinical_staff",
        line=line,
        decision="d",
        rule_book="b",
        assembly_version=1,
        updated_at=NOW,
    )


async def write(app: FastAPI, number: int, rounds: int, last: dict[UUID, int]) -> None:
    """Publish charges and change them, a transaction each, and number the feed now and then."""
    engine, north = app.state.world._part.engine, tenant_id("north")
    chance = random.Random(number)
    open_charges: list[ChargeItem] = []
    for turn in range(rounds):
        if open_charges and chance.random() < 0.5:
            charge = open_charges.pop(chance.randrange(len(open_charges)))
            step = {ChargeStatus.BILLABLE: ChargeStatus.BILLED, ChargeStatus.BILLED: ChargeStatus.BILLABLE}
            charge = replace(charge, version=charge.version + 1, status=step[charge.status])
        else:
            charge = a_charge(f"w{number}-{turn}")
        async with BillingUnitOfWork(engine, north, "north") as uow:
            await uow.charges.release([(charge, telling_of(charge))], AUTHOR)
            await asyncio.sleep(0)
        last[charge.id] = charge.version
        open_charges.append(charge)
        if chance.random() < 0.4:
            await feed.publish(engine, north)


async def test_sixteen_writers_one_reader(clinic: Clinic, app: FastAPI) -> None:
    """The last version of every charge is seen, no position twice, and the table's numbering has no gaps."""
    last: dict[UUID, int] = {}
    seen: dict[UUID, int] = {}
    position, done = "0", asyncio.Event()

    async def read_once() -> str:
        answer = await clinic.bill(f"ChargeItem?-after={position}&_count=50")
        assert answer.status_code == 200, answer.text
        bundle = answer.json()
        for entry in bundle.get("entry", []):
            resource = entry["resource"]
            ident, version = UUID(resource["id"]), int(resource["meta"]["versionId"])
            assert version > seen.get(ident, 0), "a version came twice or backwards"
            seen[ident] = version
        links = {link["relation"]: link["url"] for link in bundle["link"]}
        assert len({"next", "resume"} & set(links)) == 1
        following = links.get("next") or links["resume"]
        return parse_qs(urlsplit(following).query)["-after"][0]

    async def read() -> None:
        nonlocal position
        while not done.is_set():
            position = await read_once()

    reader = asyncio.create_task(read())
    await asyncio.gather(*(write(app, number, 40, last) for number in range(16)))
    await feed.publish(app.state.world._part.engine, tenant_id("north"))
    done.set()
    await reader
    before = None
    while before != position:
        before, position = position, await read_once()
    assert seen == last
    numbers = clinic.rows("SELECT feed_seq FROM charge_version ORDER BY feed_seq")
    assert [row["feed_seq"] for row in numbers] == list(range(1, 16 * 40 + 1))
    assert clinic.rows("SELECT last_seq FROM feed_head") == [{"last_seq": 640}]


async def test_numbering_follows_versions_and_time(clinic: Clinic, app: FastAPI) -> None:
    await write(app, 3, 60, {})
    await feed.publish(app.state.world._part.engine, tenant_id("north"))
    backwards = clinic.rows(
        "SELECT 1 FROM charge_version a JOIN charge_version b USING (tenant_id, id)"
        " WHERE a.version < b.version AND a.feed_seq > b.feed_seq"
    )
    assert backwards == []
    times = "SELECT published_at, lag(published_at) OVER (ORDER BY feed_seq) AS before FROM charge_version"
    assert clinic.rows(f"SELECT 1 FROM ({times}) AS s WHERE before >= published_at") == []


async def links_of(clinic: Clinic, query: str) -> dict[str, Any]:
    """Return the relations of an answer."""
    answer = await clinic.bill(f"ChargeItem?{query}")
    assert answer.status_code == 200, answer.text
    return {link["relation"]: link["url"] for link in answer.json()["link"]}


async def test_the_feed_pages_by_next_and_ends_in_resume(clinic: Clinic) -> None:
    await clinic.enrol("p1", "p2", "p3")
    await clinic.assemble()
    await clinic.attest()
    first = await links_of(clinic, "-after=0&_count=2")
    assert set(first) == {"self", "next"}
    second = await clinic.http.get(
        first["next"], headers=clinic.tokens.bearer("north", "system/ChargeItem.s", client_id="biller")
    )
    relations = {link["relation"]: link["url"] for link in second.json()["link"]}
    assert set(relations) == {"self", "resume"} and len(second.json()["entry"]) == 1
    resumed = parse_qs(urlsplit(relations["resume"]).query)["-after"][0]
    assert (await clinic.bill(f"ChargeItem?-after={resumed}")).json().get("entry") is None
    charge = (await clinic.queue())[0]["id"]
    await clinic.acknowledge(item(charge, "billed", claim="C1"))
    later = (await clinic.bill(f"ChargeItem?-after={resumed}")).json()["entry"]
    assert [(entry["resource"]["id"], entry["resource"]["status"]) for entry in later] == [(charge, "billed")]


async def test_a_position_of_another_epoch_is_gone_and_nonsense_is_refused(clinic: Clinic, app: FastAPI) -> None:
    await clinic.enrol("p1")
    await clinic.assemble()
    await clinic.attest()
    position = parse_qs(urlsplit((await links_of(clinic, "-after=0"))["resume"]).query)["-after"][0]
    await feed.renew_epoch(app.state.world._part.engine, tenant_id("north"))
    gone = await clinic.bill(f"ChargeItem?-after={position}")
    assert gone.status_code == 410
    assert "status=billable" in gone.json()["issue"][0]["details"]["text"]
    for text in ("x", "1.2", f"{uuid4()}.x", "-1", ""):
        assert (await clinic.bill(f"ChargeItem?-after={text}")).status_code == 400
    for query in ("-after=0&status=billable", "-after=0&-after=0", "-after=0&_count=0"):
        assert (await clinic.bill(f"ChargeItem?{query}")).status_code == 400


async def test_planned_charges_are_never_seen(clinic: Clinic) -> None:
    await clinic.enrol("p1")
    await clinic.assemble()
    planned = (await clinic.result("p1"))["charges"][0]["id"]
    assert (await clinic.bill(f"ChargeItem/{planned}")).status_code == 404
    assert (await clinic.bill("ChargeItem?-after=0")).json().get("entry") is None
    assert (await clinic.bill("ChargeItem?_total=accurate")).json()["total"] == 0


async def test_the_owner_cannot_see_the_table_without_a_tenant(clinic: Clinic) -> None:
    """Row-level security: the app role without a tenant gets an error, with another tenant nothing."""
    await clinic.enrol("p1")
    await clinic.assemble()
    app_url = clinic.admin_url.replace("//careledger@", "//billing_app@", 1)
    tables = ("ledger_entry", "assembly", "charge", "charge_version", "feed_head", "difference", "review", "ehr_due", "journal")
    for table in tables:
        with psycopg.connect(app_url) as connection:
            try:
                connection.execute(f"SELECT count(*) FROM {table}")
            except psycopg.errors.UndefinedObject as error:
                assert "app.tenant" in str(error)
            else:
                raise AssertionError(f"{table} can be read without a tenant")
    with psycopg.connect(app_url) as connection:
        connection.execute(f"SET app.tenant = '{tenant_id('south')}'")
        for table in tables:
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
