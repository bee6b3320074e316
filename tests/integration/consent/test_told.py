"""Charts and staff as the others tell them: in any order, any number of times, each tenant's own.

Requirements: house.md 2 and 3.18.
"""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.consent.adapters.filing_list import note_filings
from services.consent.adapters.told import note_charts, note_staff
from services.consent.adapters.unit_of_work import JOURNAL, ConsentUnitOfWork
from services.consent.entrypoints.consumer import handlers
from services.consent.usecases.ports import Practice
from shared.contracts.ehr_context import EhrContextState
from shared.contracts.event import Event
from shared.contracts.staff_member import StaffMemberState
from shared.db.engine import make_engine
from shared.db.transaction import worker_transaction
from shared.ops.settings import PartSettings
from tests.fakes.world import tenant_id
from tests.integration.consent.conftest import NOW, Door
from tests.integration.consent.pages import STAFF, chart
from tests.unit.services.consent.domain.making import ZONE

NORTH, SOUTH = (Practice(tenant_id(name), name, ZONE) for name in ("north", "south"))


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


def event(state: EhrContextState | StaffMemberState, practice: Practice = NORTH) -> Event:
    """Return the event that tells a state."""
    kind = "ccm.ehr-context.observed.v1" if isinstance(state, EhrContextState) else "ccm.staff-member.recorded.v1"
    key = state.patient if isinstance(state, EhrContextState) else state.practitioner
    data = state.model_dump(mode="json") | {"field_to_come": 1}
    return Event(uuid4(), kind, practice.tenant, practice.tenant_id, key, state.version, NOW, data)


async def take_in(worker: AsyncEngine, producer: str, *events: Event) -> None:
    """Hand events to the consumer's handler."""
    async with worker_transaction(worker) as connection:
        await handlers(JOURNAL, note_charts, note_staff, note_filings)[producer](connection, events)


async def test_the_highest_version_of_a_chart_stands_whatever_the_order(
    door: Door, worker: AsyncEngine, engine: AsyncEngine
) -> None:
    newer = event(chart(version=2, name="Jorgensen, Clara", identifier="00000001"))
    older = event(chart())
    await take_in(worker, "access", newer, older, newer)
    await take_in(worker, "access", older, event(chart(name="Of the south"), SOUTH))

    async with ConsentUnitOfWork(engine, NORTH) as uow:
        found = await uow.charts.find("p-1")
        assert found is not None and (found.name, found.version) == ("Jorgensen, Clara", 2)
        assert [one.patient for one in await uow.charts.by_identifier("00000001")] == ["p-1"]
        assert await uow.charts.by_identifier("00495530") == []  # what it was before
        assert await uow.charts.find("p-9") is None
    assert len(door.rows("SELECT 1 FROM ehr_context")) == 3


async def test_the_highest_version_of_a_member_stands_and_each_tenant_sees_its_own(
    door: Door, worker: AsyncEngine, engine: AsyncEngine
) -> None:
    newer = STAFF[0].model_copy(update={"version": 2, "name": "Dana W."})
    await take_in(worker, "timetrack", event(newer), event(STAFF[0]), event(STAFF[1]), event(STAFF[2], SOUTH), event(newer))
    async with ConsentUnitOfWork(engine, NORTH) as uow:
        assert {one.practitioner: one.name for one in await uow.staff.all()} == {"rn-1": "Dana W.", "dr-1": "Dr Priya Raman"}
    async with ConsentUnitOfWork(engine, SOUTH) as uow:
        assert [one.practitioner for one in await uow.staff.all()] == ["dr-2"]


async def test_other_events_of_the_same_streams_are_left_alone(door: Door, worker: AsyncEngine) -> None:
    other = Event(uuid4(), "ccm.time-entry.logged.v1", "north", NORTH.tenant_id, "t", 1, NOW, {})
    await take_in(worker, "timetrack", other)
    await take_in(worker, "access", other)
    assert door.rows("SELECT 1 FROM staff_member UNION ALL SELECT 1 FROM ehr_context") == []
