"""Into the chart: each version of a grant is one document in the EHR, whatever ends in between; the pages say where it is."""

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from hashlib import sha1, sha256
from io import BytesIO
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from joserfc.jwk import RSAKey
from pypdf import PdfReader
from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.sandbox.clients import Client
from deploy.sandbox.ehr import create_ehr
from deploy.sandbox.smart import Settings
from deploy.sandbox.store import Store
from services.consent.adapters import chart as ehr_chart
from services.consent.adapters.filing_list import LENT, FilingsOfAll, note_filings
from services.consent.adapters.unit_of_work import JOURNAL, ConsentUnitOfWork
from services.consent.entrypoints.fragments import paper
from services.consent.usecases.file_consent import file_due
from shared.contracts.event import Event
from shared.db.engine import make_engine
from shared.db.transaction import worker_transaction
from shared.ops.settings import PartSettings
from shared.smart.ehr_tokens import EhrTokens, load_key
from shared.smart.registry import Registry
from tests.fakes.clock import StillClock
from tests.fakes.world import EHR_BASE, fill_registry, tenant_state
from tests.integration.consent.conftest import NOW, Door
from tests.integration.consent.pages import STAFF, Page, chart, store
from tests.integration.consent.resources import by_practitioner, consent, declined, given, revoked, with_reason

pytestmark = pytest.mark.requirement("issue-10.9")

Record = Callable[[Any], Awaitable[dict[str, Any]]]
LATER = "2026-11-09T09:00:00-05:00"
SCOPES = ("system/Patient.r", "system/DocumentReference.cs")
PATIENT = {
    "resourceType": "Patient",
    "name": [{"use": "official", "family": "Jorgensen", "given": ["Clara", "B."]}],
    "birthDate": "1944-07-07",
    "identifier": [{"type": {"coding": [{"code": "MR"}]}, "system": "https://ehr.example/mrn", "value": "00495530"}],
}


class Ended(BaseException):
    """The process ends here."""


class Ending:
    """Passes calls on until the one at which the process ends, before it is made or when its answer is on its way."""

    def __init__(self, inner: Any, name: str, *, before: bool) -> None:
        self._inner = inner
        self._name = name
        self._before = before

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        return partial(self._call, method) if name == self._name else method

    async def _call(self, method: Any, *arguments: Any) -> Any:
        if not self._before:
            await method(*arguments)
        raise Ended


class Filer:
    """The consumer's round over an EHR of this process."""

    def __init__(self, engine: AsyncEngine, settings: PartSettings, scopes: tuple[str, ...] = SCOPES) -> None:
        self.store = Store()
        self.store.put("Patient", "p-1", PATIENT)
        key = load_key(settings.ehr_key_file)
        assert isinstance(key, RSAKey)
        known = Client("careledger", scopes, {"keys": [key.as_dict(private=False)]})
        app = create_ehr(self.store, Settings(EHR_BASE.removesuffix("/fhir/R4"), (known,)))
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app))
        self.engine, self.wall = engine, StillClock(datetime(2026, 11, 10, 15, tzinfo=UTC))
        registry = Registry(engine, JOURNAL, service="consent")
        tokens = EhrTokens(self.http, settings.ehr_key_file, scope=ehr_chart.SCOPE)
        self.chart: Any = ehr_chart.EhrCharts(tokens, registry)
        self.filings: Any = FilingsOfAll(engine, registry, clock=StillClock(NOW), wall=self.wall)

    async def run(self, **changes: Any) -> int:
        """Do one round; `changes` replace what it works with."""
        doors = {"filings": self.filings, "chart": self.chart, "writer": paper}
        return await file_due(begin=partial(ConsentUnitOfWork, self.engine), **(doors | changes))

    def later(self, pause: timedelta) -> None:
        """Let real time go by."""
        self.wall.at += pause

    @property
    def kept(self) -> list[dict[str, Any]]:
        """The documents in the EHR."""
        return [version.resource for version in self.store.current("DocumentReference")]


@pytest.fixture(scope="module")
async def worker(settings: PartSettings) -> AsyncIterator[AsyncEngine]:
    """The worker's way to the database; `north` files what is recorded from November 1 on."""
    admin = settings.database_url.replace("//consent_app@", "//careledger@", 1)
    state = tenant_state("north")
    ehr = state.document.ehr.model_copy(update={"file_consents_from": date(2026, 11, 1)})
    document = state.document.model_copy(update={"ehr": ehr})
    fill_registry(admin, tenants=(state.model_copy(update={"version": 2, "document": document}),))
    engine = make_engine(settings.worker_database_url, name="test", size=4)
    yield engine
    await engine.dispose()


@pytest.fixture
async def filer(worker: AsyncEngine, settings: PartSettings) -> AsyncIterator[Filer]:
    """The round over an EHR that has the patient."""
    made = Filer(worker, settings)
    yield made
    await made.http.aclose()


async def tell(door: Door, worker: AsyncEngine) -> None:
    """Hand the consumer what the service has told, twice and in the wrong order."""
    rows = door.rows("SELECT * FROM journal WHERE event_type IS NOT NULL ORDER BY version DESC")
    events = [
        Event(row["id"], row["event_type"], row["tenant"], row["tenant_id"], row["aggregate"], row["version"], row["at"], data)
        for row in rows
        if (data := json.loads(row["data"]))
    ]
    for _ in range(2):
        async with worker_transaction(worker) as connection:
            await note_filings(connection, events)


def words(content: bytes) -> str:
    """Return the text layer of a PDF, with single blanks."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages).split())


async def test_a_grant_is_filed_with_every_field_and_our_identifier(
    door: Door, recorded: Record, worker: AsyncEngine, filer: Filer
) -> None:
    store(door, *STAFF)
    body = await recorded(consent())
    await tell(door, worker)
    assert await filer.run() == 0

    (document,) = filer.kept
    attachment = document["content"][0]["attachment"]
    content = b64decode(attachment["data"])
    assert document["identifier"][0]["value"] == f"{body['id']}/1"
    assert document["identifier"][1]["value"] == sha256(content).hexdigest()
    assert b64decode(attachment["hash"]) == sha1(content).digest()
    assert (document["subject"], document["status"], attachment["size"]) == (
        {"reference": "Patient/p-1"}, "current", len(content),
    )  # fmt: skip
    text = words(content)
    for said in (
        "Consent to CCM", "Jorgensen, Clara B. · born Jul 7, 1944 · MRN 00495530", "Sheet 1 of 1", "The patient agreed",
        "Dr Priya Raman, NPI 1234567893", "Practice north", "Oct 5, 2026, 10:00:00 am EDT", "Verbal", "Dana Whitfield, RN",
        "One practitioner Told", "Right to stop Told", "What it covers Not recorded", "Recorded Nov 10, 2026, 10:00 am",
        f"Consent {body['id']}, version 1",
    ):  # fmt: skip
        assert said in text, (said, text)
    (row,) = door.rows("SELECT * FROM chart_filing")
    assert (row["status"], row["document"], row["sha256"]) == ("filed", document["id"], sha256(content).digest())
    (journal,) = door.rows("SELECT * FROM journal WHERE action = 'consent.filed'")
    assert (journal["patients"], journal["aggregate"], journal["event_type"]) == (["p-1"], body["id"], None)
    assert await filer.run() == 0
    assert len(filer.kept) == 1


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("step", ["due", "face", "keep", "file", "filed"])
async def test_whatever_ends_in_between_it_is_filed_once(
    door: Door, recorded: Record, worker: AsyncEngine, filer: Filer, step: str, before: bool
) -> None:
    await recorded(consent())
    await tell(door, worker)
    place = "chart" if step in ("face", "file") else "filings"
    with pytest.raises(Ended):
        await filer.run(**{place: Ending(getattr(filer, place), step, before=before)})
    sent = [document["content"] for document in filer.kept]
    filer.later(LENT)
    assert await filer.run() == 0

    (document,) = filer.kept
    assert (document["meta"]["versionId"], [document["content"]]) == ("1", sent or [document["content"]])
    (row,) = door.rows("SELECT status, document, content FROM chart_filing")
    kept = b64decode(document["content"][0]["attachment"]["data"])
    assert (row["status"], row["document"], row["content"]) == ("filed", document["id"], kept)
    assert door.rows("SELECT count(*) AS n FROM journal WHERE action = 'consent.filed'") == [{"n": 1}]


async def test_processes_side_by_side_file_once(door: Door, recorded: Record, worker: AsyncEngine, filer: Filer) -> None:
    await recorded(consent())
    await recorded(given(consent("c-2"), LATER))
    await tell(door, worker)
    await asyncio.gather(*(filer.run() for _ in range(4)))
    assert len(filer.kept) == 2
    assert door.rows("SELECT count(*) AS n FROM journal WHERE action = 'consent.filed'") == [{"n": 2}]


async def test_a_stop_takes_the_place_of_the_grant(door: Door, recorded: Record, worker: AsyncEngine, filer: Filer) -> None:
    first = await recorded(consent())
    stopped = (await door.put(revoked(first, LATER))).json()
    await door.put(with_reason(stopped, "entered on the wrong patient", status="entered-in-error"))
    await tell(door, worker)
    for count in (1, 2, 3):
        await filer.run()
        assert len(filer.kept) == count, "a version waits for the one before"
    grant, stop, void = filer.kept
    assert "relatesTo" not in grant
    assert stop["relatesTo"] == [{"code": "replaces", "target": {"reference": f"DocumentReference/{grant['id']}"}}]
    assert void["relatesTo"][0]["target"]["reference"] == f"DocumentReference/{stop['id']}"
    said = [words(b64decode(one["content"][0]["attachment"]["data"])) for one in filer.kept]
    assert "The patient stopped it" in said[1]
    assert "Revoked Received Nov 9, 2026, 9:00 am" in said[1]
    assert "Entered in error: it never held" in said[2]
    assert "entered on the wrong patient" in said[2]


async def test_only_what_the_practice_switched_on_is_filed(
    door: Door, recorded: Record, worker: AsyncEngine, filer: Filer
) -> None:
    door.clock.set(datetime(2026, 11, 1, 3, 59, 59, tzinfo=UTC))
    await recorded(consent("october"))
    door.clock.set(NOW)
    await recorded(by_practitioner(declined("refusal"), "dr-2"))
    south = replace(door, tenant="south")
    assert (await south.post(consent("south"))).status_code == 201
    await tell(door, worker)
    assert await filer.run() == 0
    assert filer.kept == []
    assert door.rows("SELECT DISTINCT status FROM chart_filing") == [{"status": "waiting"}]


async def test_an_ehr_that_does_not_answer_is_asked_again_and_one_that_refuses_the_next_day(
    door: Door, recorded: Record, worker: AsyncEngine, settings: PartSettings
) -> None:
    store(door, *STAFF, chart())
    await recorded(consent())
    await tell(door, worker)
    page = Page(door)
    assert "Waiting to be filed in the chart It is filed within a minute." in await page.get("panel")

    silent = Filer(worker, settings, ("system/Patient.r",))
    assert await silent.run() == 1
    assert await silent.run() == 0, "not at once"
    assert "The EHR has not taken it yet: the EHR answered with status 403." in await page.get("panel")

    refusing = Filer(worker, settings)
    refusing.store = Store()
    refusing.later(timedelta(seconds=10))
    with psycopg.connect(door.admin_url, autocommit=True) as connection:
        connection.execute("UPDATE chart_filing SET patient = 'p-9', content = NULL, sha256 = NULL")
    assert await refusing.run() == 0
    shown = await page.get("panel")
    assert "Not filed: the EHR refused The EHR’s words: 404: the EHR has no such patient." in shown

    with psycopg.connect(door.admin_url, autocommit=True) as connection:
        connection.execute("UPDATE chart_filing SET patient = 'p-1'")
    refusing = Filer(worker, settings)
    refusing.later(timedelta(hours=23))
    await refusing.run()
    assert refusing.kept == []
    refusing.later(timedelta(hours=2))
    await refusing.run()
    assert len(refusing.kept) == 1
    assert "Filed in the chart on Nov 10, 2026, 10:00 am" in await page.get("panel")


async def test_the_record_is_a_file_for_whoever_may_read_it(
    door: Door, recorded: Record, worker: AsyncEngine, filer: Filer
) -> None:
    store(door, *STAFF, chart())
    page = Page(door)
    await page.capture()
    (version,) = door.rows("SELECT id::text, version FROM consent_version")
    path = f"records/{version['id']}/{version['version']}"
    before = await page.ask("GET", path)
    assert (before.status_code, before.headers["content-type"]) == (200, "application/pdf")
    text = words(before.content)
    assert "Jorgensen, Clara B. · born Jul 7, 1944 · MRN 00495530" in text
    assert "Words read, version 1, English" in text
    assert "For you that would be Dr Priya Raman." in text
    await tell(door, worker)
    await filer.run()
    (document,) = filer.kept
    assert (await page.ask("GET", path)).content == b64decode(document["content"][0]["attachment"]["data"])
    shown = await page.get("history")
    assert "Filed in the chart on Nov 10, 2026, 10:00 am" in shown
    assert "Record as a file (PDF)" in shown
    other = Page(door, patient="p-2")
    assert (await other.ask("GET", path)).status_code == 404
    assert (await page.ask("GET", f"records/{uuid4()}/1")).status_code == 404
