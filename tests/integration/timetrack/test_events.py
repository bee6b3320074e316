"""What timetrack takes in, and what it asks the EHR."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.timetrack.adapters.charts import note_charts
from services.timetrack.adapters.consent_notes import note_consent_states
from services.timetrack.adapters.ehr import EhrPatients
from services.timetrack.adapters.unit_of_work import JOURNAL
from services.timetrack.entrypoints.consumer import handlers
from services.timetrack.usecases.ports import Practice
from shared.contracts.base import Person
from shared.contracts.consent import ConsentState
from shared.contracts.event import Event
from shared.contracts.month import MonthState
from shared.db.engine import make_engine
from shared.db.transaction import worker_transaction
from shared.fhir.client import EhrUnavailable
from shared.ops.settings import PartSettings
from shared.smart.registry import Registry
from tests.fakes.clock import StillClock
from tests.fakes.world import tenant_id
from tests.integration.timetrack.conftest import NOW, Door
from tests.integration.timetrack.tasks import task

NORTH = Practice(tenant_id("north"), "north", ZoneInfo("America/New_York"))


@pytest.fixture(scope="module")
async def worker(settings: PartSettings) -> AsyncIterator[AsyncEngine]:
    """The worker's way to the database."""
    engine = make_engine(settings.worker_database_url, name="test", size=2)
    yield engine
    await engine.dispose()


@pytest.fixture(scope="module")
async def engine(settings: PartSettings) -> AsyncIterator[AsyncEngine]:
    """The app's way to the database."""
    engine = make_engine(settings.database_url, name="test", size=2)
    yield engine
    await engine.dispose()


def event(kind: str, aggregate: str, version: int, data: dict[str, Any], tenant: UUID = NORTH.tenant_id) -> Event:
    """Return an event as another service tells it."""
    return Event(uuid4(), kind, "north", tenant, aggregate, version, NOW, data)


def consent(version: int, status: Any, change: Any) -> Event:
    """Return a consent of p1 for CCM."""
    state = ConsentState(
        consent_id="k1",
        version=version,
        patient="p1",
        program="ccm",
        practitioner=Person(id="d1"),
        status=status,
        change=change,
        method="verbal",
        given_at=NOW,
        recorded_at=NOW,
        first_recorded_at=NOW,
        recorded_by="n1",
        obtained_by=Person(id="n1"),
        in_force_from=NOW,
    )
    return event(f"ccm.consent.{change}.v1", "k1", version, state.model_dump(mode="json") | {"field_to_come": 1})


async def take_in(worker: AsyncEngine, producer: str, *events: Event) -> None:
    """Hand events to the consumer's handler."""
    async with worker_transaction(worker) as connection:
        await handlers(JOURNAL, note_consent_states, note_charts)[producer](connection, events)


async def warnings(door: Door, minute: int) -> list[str]:
    """Log an entry and return the rules of its warnings."""
    answer = await door.post(
        task(f"2026-10-15T14:{minute:02}:00Z", f"2026-10-15T14:{minute:02}:30Z"), Prefer="return=OperationOutcome"
    )
    assert answer.status_code == 201, answer.text
    return [issue["details"]["coding"][0]["code"] for issue in answer.json()["issue"]]


async def test_a_consent_only_quiets_the_warning(door: Door, worker: AsyncEngine) -> None:
    assert await warnings(door, 1) == ["consent-not-known"]
    await take_in(worker, "consent", consent(1, "active", "granted"))
    assert await warnings(door, 2) == ["stored"]
    await take_in(worker, "consent", consent(2, "inactive", "revoked"))
    assert await warnings(door, 3) == ["consent-not-known"]


async def test_order_and_number_of_deliveries_do_not_matter(door: Door, worker: AsyncEngine) -> None:
    granted, revoked = consent(1, "active", "granted"), consent(2, "inactive", "revoked")
    for batch in ([revoked], [granted, revoked], [granted]):
        await take_in(worker, "consent", *batch)
    assert len(door.rows("SELECT 1 FROM consent_note")) == 2
    assert await warnings(door, 1) == ["consent-not-known"]


async def test_a_closed_month_reaches_the_registry(door: Door, worker: AsyncEngine, engine: AsyncEngine) -> None:
    starts, ends = datetime(2026, 9, 1, 4, tzinfo=UTC), datetime(2026, 10, 1, 4, tzinfo=UTC)
    for version, status in ((2, "open"), (1, "closed")):
        state = MonthState(
            month="2026-09", version=version, status=status, at=NOW, by="d1", reason="", starts_at=starts, ends_at=ends
        )
        kind = "ccm.month.closed.v1" if status == "closed" else "ccm.month.reopened.v1"
        await take_in(worker, "billing", event(kind, f"{NORTH.tenant_id}/2026-09", version, state.model_dump(mode="json")))
        told = await Registry(engine, JOURNAL, service="timetrack").closed_month(NORTH.tenant_id, starts)
        assert told is None, "reopened, whichever came first"


@dataclass
class Ehr:
    """An EHR that knows the patient p1, or does not answer; it counts who asks. Stands for sign-in and reader in one."""

    answers: bool = True
    asked: list[str] = field(default_factory=list)

    def client(self, _: object) -> "Ehr":
        return self

    async def read(self, kind: str, ident: str) -> dict[str, Any] | None:
        self.asked.append(f"{kind}/{ident}")
        if not self.answers:
            raise EhrUnavailable("away")
        return {"id": ident} if ident == "p1" else None


@pytest.fixture
def patients_of(door: Door, engine: AsyncEngine) -> Any:
    """Return a maker of the adapter over an EHR, as another process would make it."""
    registry = Registry(engine, JOURNAL, service="timetrack")
    return lambda ehr, clock: EhrPatients(engine, ehr, registry, clock)


async def test_a_patient_is_asked_for_once(patients_of: Any) -> None:
    ehr, clock = Ehr(), StillClock()
    first, second = patients_of(ehr, clock), patients_of(ehr, clock)
    assert [await first.exist(NORTH, "p1"), await first.exist(NORTH, "p1"), await second.exist(NORTH, "p1")] == [True] * 3
    assert ehr.asked == ["Patient/p1"]


async def test_a_patient_who_is_not_there_is_asked_for_again_later(patients_of: Any) -> None:
    ehr, clock = Ehr(), StillClock()
    patients = patients_of(ehr, clock)
    assert [await patients.exist(NORTH, "p9"), await patients.exist(NORTH, "p9")] == [False, False]
    assert len(ehr.asked) == 1
    clock.at += timedelta(minutes=11)
    assert await patients.exist(NORTH, "p9") is False
    assert len(ehr.asked) == 2


async def test_an_ehr_that_does_not_answer_refuses_nothing_and_is_asked_again(patients_of: Any, door: Door) -> None:
    ehr = Ehr(answers=False)
    patients = patients_of(ehr, StillClock())
    assert await patients.exist(NORTH, "p9") is True
    assert door.rows("SELECT 1 FROM patient_mention") == []
    ehr.answers = True
    patients._silent_until.clear()  # an EHR that was silent is left in peace for a while; the while is over
    assert await patients.exist(NORTH, "p9") is False
