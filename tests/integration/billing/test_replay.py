"""Stored decisions repeat themselves from the ledger as it was known then, whatever came later."""

from datetime import timedelta
from functools import partial

from services.billing.adapters.rule_book_files import load_rule_book
from services.billing.adapters.unit_of_work import BillingUnitOfWork
from services.billing.usecases.replay_decisions import Replayed, replay_decisions
from shared.kernel.calendar_month import CalendarMonth
from tests.fakes.world import tenant_id
from tests.integration.billing import world as small
from tests.integration.billing.conftest import NOW, Clinic

OCTOBER = CalendarMonth(2026, 10)


async def _replay(clinic: Clinic, edition: str = "") -> Replayed:
    return await replay_decisions(
        month=OCTOBER,
        begin=partial(BillingUnitOfWork, clinic.worker, tenant_id("north"), "north"),
        rule_book=load_rule_book(edition),
        by_another=bool(edition),
    )


async def test_to_the_byte_whatever_came_later(clinic: Clinic) -> None:
    """Later time, a later consent version, a close and a release leave the decisions of before as they were."""
    await clinic.enrol("p1", "p2", minutes=25)
    await clinic.assemble()
    assert (await _replay(clinic)).summary == "2 decisions, 2 the same to the byte, 0 differences"

    clinic.clock.set(NOW + timedelta(hours=1))
    await clinic.attest()
    await clinic.tell([small.entry("p1", small.at(9, 10), 30, number=7, written_at=NOW + timedelta(hours=2))])
    clinic.clock.set(NOW + timedelta(days=1))
    body = {"by": small.ADA, "reason": "month end"}
    assert (await clinic.ask("POST", "/billing/months/2026-10/close", json=body)).status_code == 200
    replayed = await _replay(clinic)
    assert replayed.repeats, replayed.lines
    assert replayed.decisions == 2


async def test_a_released_month_replays_with_its_charges(clinic: Clinic) -> None:
    """A decision made after the release knew the charges as they stood then, not as they stand now."""
    await clinic.enrol("p1", minutes=25)
    await clinic.assemble()
    clinic.clock.set(NOW + timedelta(hours=1))
    await clinic.attest()
    clinic.clock.set(NOW + timedelta(hours=2))
    await clinic.tell([small.entry("p1", small.at(9, 10), 30, number=7, written_at=NOW + timedelta(minutes=90))])
    await clinic.assemble()
    assert (await clinic.result("p1"))["assembly"]["outcome"] == "billed"
    clinic.clock.set(NOW + timedelta(hours=3))
    await clinic.attest(differences=True)
    replayed = await _replay(clinic)
    assert replayed.repeats, replayed.lines


async def test_by_another_edition_what_is_earned_is_compared(clinic: Clinic) -> None:
    """The draft of 2027 changes no threshold: no difference by patient and code, though its months are held."""
    await clinic.enrol("p1", minutes=45)
    await clinic.assemble()
    replayed = await _replay(clinic, "2027")
    assert (replayed.decisions, replayed.equal, replayed.lines) == (1, 0, [])


async def test_what_was_stored_and_cannot_be_repeated_is_told(clinic: Clinic) -> None:
    """A fact that was not known then, though its record says so, is told for the patient whom it touches."""
    await clinic.enrol("p1", "p2", minutes=25)
    await clinic.assemble()
    await clinic.tell([small.entry("p2", small.at(9, 10), 30, number=7, written_at=NOW - timedelta(hours=1))])
    replayed = await _replay(clinic)
    assert not replayed.repeats
    assert [line.partition(":")[0] for line in replayed.lines] == ["p2"]
    assert "facts of then differ" in replayed.lines[0]
