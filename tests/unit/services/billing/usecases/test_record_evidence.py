"""Events as ledger rows: whole, versioned, with the plain fields that the database sums."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from pydantic import ValidationError

from services.billing.usecases.record_evidence import record_evidence
from services.billing.usecases.records import LedgerEntry
from shared.contracts.event import Event
from tests.integration.billing import world as small


class Kept:
    """An evidence store in memory."""

    def __init__(self) -> None:
        self.rows: list[LedgerEntry] = []

    async def append(self, entries: Sequence[tuple[UUID, LedgerEntry]]) -> None:
        """Keep the entries."""
        self.rows += [entry for _, entry in entries]


async def kept(*events: Event) -> list[LedgerEntry]:
    """Return what is kept of events."""
    store = Kept()
    assert await record_evidence(store=store, events=events) == len(store.rows)
    return store.rows


async def test_a_measured_entry_has_its_stretch() -> None:
    start = small.at(3)
    [row] = await kept(small.entry("p1", start, 12))
    assert (row.aggregate, row.version, row.patient, row.kind) == ("time-entry/entry-p1-1", 1, "p1", "time-entry")
    assert (row.performer, row.from_at, row.seconds) == (small.BO, start, 720)


async def test_a_void_sums_to_nothing() -> None:
    void = small.entry("p1", small.at(3), 12, version=2, status="entered-in-error", change="voided")
    [row] = await kept(void)
    assert (row.performer, row.seconds, row.version) == (None, None, 2)


async def test_an_entry_known_by_its_day_gets_no_invented_hours() -> None:
    """T24: it stands on its day in every zone of the United States, and overlaps nothing."""
    known = {"start": None, "end": None, "day": date(2026, 10, 3), "basis": "asserted"}
    [row] = await kept(small.entry("p1", small.at(3), 12, **known))
    assert (row.from_at, row.until_at, row.seconds) == (datetime(2026, 10, 3, 12, tzinfo=UTC), None, 720)


async def test_the_practices_facts_belong_to_no_patient() -> None:
    rows = await kept(*small.practice())
    assert {row.patient for row in rows} == {None}
    assert {row.kind for row in rows} == {"tenant", "staff-member"}


async def test_content_alone_makes_the_digest() -> None:
    event = small.consent("p1")
    shuffled = replace(event, data=dict(reversed(event.data.items())))
    first, second = await kept(event, shuffled)
    assert first.digest == second.digest
    [other] = await kept(small.consent("p1", method="written"))
    assert other.digest != first.digest


async def test_what_is_no_fact_for_billing_is_left_alone() -> None:
    assert await kept(replace(small.consent("p1"), type="ccm.client.registered.v1")) == []


@pytest.mark.parametrize("data", [{}, {"entry_id": "x"}])
async def test_a_broken_payload_is_refused_whole(data: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        await kept(small.consent("p1"), replace(small.entry("p1", small.at(3), 5), data=data))


async def test_an_entry_without_any_time_is_refused() -> None:
    with pytest.raises(ValueError, match="start and end"):
        await kept(small.entry("p1", small.at(3), 5, start=None, end=None))
