"""Look at patient-months anew and keep the line that lists and numbers show of each. Nothing is decided here."""

from collections.abc import Callable, Sequence
from datetime import datetime

from services.billing.domain.assembly import judge_month
from services.billing.domain.outcome import conclude
from services.billing.domain.rule_book import RuleBook
from services.billing.usecases.close_month import MonthStatus, month_standing
from services.billing.usecases.enrolment import before_release
from services.billing.usecases.overview import overview_of
from services.billing.usecases.overview_ports import Overseeing
from shared.kernel.calendar_month import CalendarMonth

Oversee = Callable[[], Overseeing]


async def running_months(*, oversee: Oversee, at: datetime) -> list[CalendarMonth]:
    """Return the months whose lines a new fact may change: the one that runs, and the one before unless it is closed."""
    async with oversee() as uow:
        current = CalendarMonth.of(at, await uow.ledger.zone())
        before = await month_standing(uow, current.previous)
    return [current] if before.status is MonthStatus.CLOSED else [current.previous, current]


async def refresh_overviews(
    *, month: CalendarMonth, patients: Sequence[str], oversee: Oversee, rule_book: RuleBook, at: datetime
) -> int:
    """Make the lines of `patients` in `month` anew in one transaction; return how many there are now.

    NotFound if the practice's settings have not come yet.
    """
    async with oversee() as uow:
        facts = await uow.ledger.month_facts(month)
        book = rule_book.with_profiles(facts.payers)
        faces = await uow.overviews.faces(patients)
        unsuitable = await uow.overviews.unsuitable(patients)
        rows = []
        for known in await uow.overviews.known(patients, facts):
            patient = known.ledger.patient.id
            judgement = judge_month(month, known.ledger, book, at=at)
            assembly = before_release(conclude(judgement, book), known, book)
            row = overview_of(judgement, assembly, faces[patient], book, at, suitable=patient not in unsuitable)
            if row is not None:
                rows.append(row)
        await uow.overviews.put(month, patients, rows)
        zone = facts.practice.tenant_in(month).zone
        await uow.overviews.put_staff(month, month.start(zone), month.end(zone), patients)
    return len(rows)
