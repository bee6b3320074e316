"""Row 17 over HTTP: cloned notes, uniform totals and staff days of a whole practice reach the months that they concern."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from services.billing.adapters.rule_book_files import load_rule_book
from services.billing.adapters.unit_of_work import BillingUnitOfWork
from services.billing.usecases.replay_decisions import replay_decisions
from services.timetrack.domain.note_quality import judge
from shared.contracts.event import Event
from shared.contracts.time_entry import NoteAssessment
from shared.kernel.calendar_month import CalendarMonth
from tests.fakes.world import tenant_id
from tests.integration.billing import world as small
from tests.integration.billing.conftest import NOW, Clinic

GOUT = "Gout flare right great toe since Sunday, ran out of allopurinol. Colchicine 0.6 ok per Dr Bell, recheck Thursday."
OTHER = "Fasting log 168-182 all week, skips metformin at night, nausea. Called Dr Ada, ok to halve the dose, recheck Monday."


def told(text: str) -> dict[str, Any]:
    """Return a note as its author wrote it and timetrack judged it."""
    found = judge(text)
    prints = {"facts_print": found.facts_print, "words_print": found.words_print}
    assessment = NoteAssessment(outcome=found.outcome.value, missing=found.missing, version=found.version, **prints)
    return {"note": text, "note_assessment": assessment}


def written(patient: str, begins: datetime, minutes: float, text: str, **changes: Any) -> Event:
    """Return an entry with its note."""
    return small.entry(patient, begins, minutes, number=changes.pop("number", 7), **told(text) | changes)


async def replayed(clinic: Clinic) -> str:
    """Return what a replay of October says."""
    begin = partial(BillingUnitOfWork, clinic.worker, tenant_id("north"), "north")
    done = await replay_decisions(month=CalendarMonth(2026, 10), begin=begin, rule_book=load_rule_book(), by_another=False)
    return done.summary


def row_17(result: dict[str, Any]) -> list[str]:
    """Return what a month's findings of row 17 say."""
    return [finding["text"] for finding in result["assembly"]["findings"] if finding["situation"] == "17"]


@pytest.mark.requirement("issue-9.5")
async def test_a_note_cloned_to_another_patient_and_month_waits_for_a_person(clinic: Clinic) -> None:
    """Its time is set aside and no unit is lost for certain time; told otherwise by an addendum, it counts again."""
    await clinic.enrol("p1", "p2", "p3", minutes=21)
    september = small.at(20, month=9)
    await clinic.tell(
        [
            written("p1", small.at(12), 20, GOUT),
            written("p2", small.at(13), 20, GOUT.replace("Thursday", "Friday")),
            written("p3", september, 20, OTHER),
            written("p3", small.at(14), 20, OTHER, number=8),
        ]
    )
    await clinic.assemble()
    assert row_17(await clinic.result("p1")) == []
    copied = await clinic.result("p2")
    assert "for another patient" in row_17(copied)[0]
    assert copied["assembly"]["seconds"] == [["clinical_staff", 21 * 60]]
    assert not copied["releasable"]
    assert "of 2026-09-20 for the same patient" in row_17(await clinic.result("p3"))[0]
    assert await replayed(clinic) == "3 decisions, 3 the same to the byte, 0 differences"

    clinic.clock.set(NOW + timedelta(hours=1))
    review = next(iter(copied["reviews"].values()))
    body = {"decision": "add", "reason": "two brothers, one call", "by": small.ADA}
    assert (await clinic.ask("POST", f"/billing/reviews/{review}", json=body)).status_code == 200
    longer = f"{OTHER} Addendum: glucagon kit expired, new one at CVS, wife trained on it."
    addendum = {"version": 2, "change": "amended", "reason": "addendum", "written_at": small.at(14, 18)}
    mended = written("p3", small.at(14), 20, longer, number=8, **addendum)
    await clinic.tell([mended])
    await clinic.assemble()
    assert (await clinic.result("p2"))["assembly"]["seconds"] == [["clinical_staff", 41 * 60]]
    assert row_17(await clinic.result("p3")) == []
    assert await replayed(clinic) == "3 decisions, 3 the same to the byte, 0 differences"
    assert (await clinic.assemble())["changed"] == 0


@pytest.mark.requirement("issue-9.5")
async def test_uniform_totals_of_a_practice_are_looked_at_month_by_month(clinic: Clinic) -> None:
    """Eight months that end within 90 s after 20 min wait; more time in some of them, and none does."""
    names = [f"p{n}" for n in range(8)]
    await clinic.enrol(*names, minutes=20.5)
    await clinic.assemble()
    results = [await clinic.result(name) for name in names]
    assert all("more than 50 %" in row_17(result)[0] for result in results)
    assert {result["assembly"]["outcome"] for result in results} == {"planned"}
    assert not any(result["releasable"] for result in results)
    assert await replayed(clinic) == "8 decisions, 8 the same to the byte, 0 differences"

    clinic.clock.set(NOW + timedelta(hours=1))
    more = [small.entry(name, small.at(25, 9 + n), 5, number=2) for n, name in enumerate(names[:4])]
    await clinic.tell(more)
    await clinic.assemble()
    assert [row_17(await clinic.result(name)) for name in names] == [[]] * 8
    assert await replayed(clinic) == "8 decisions, 8 the same to the byte, 0 differences"


@pytest.mark.requirement("issue-9.5")
async def test_a_staff_day_grows_too_long_by_other_patients_time(clinic: Clinic) -> None:
    """The facts of the first patient stay as they are; that the day is full by now is news all the same."""
    await clinic.enrol("p1", minutes=25)
    await clinic.assemble()
    assert row_17(await clinic.result("p1")) == []
    clinic.clock.set(NOW + timedelta(hours=1))
    await clinic.enrol("p2", minutes=25)
    day = small.at(1, 12)
    await clinic.tell([small.entry("p2", day, 7 * 60 + 36, number=2)])
    assert (await clinic.assemble())["changed"] == 2
    assert "implausible staff day on 2026-10-01" in row_17(await clinic.result("p1"))[0]
    assert await replayed(clinic) == "2 decisions, 2 the same to the byte, 0 differences"
