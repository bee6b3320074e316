"""What a patient's month comes to with what is known now: the same decision as at month end, looked at while the month runs."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self
from zoneinfo import ZoneInfo

from services.billing.domain.assembly import judge_month
from services.billing.domain.findings import Assembly
from services.billing.domain.judgement import Judgement
from services.billing.domain.ledger import Ledger, Patient, Practice
from services.billing.domain.minutes import EntryMinutes, minutes_of
from services.billing.domain.outcome import conclude
from services.billing.domain.rule_book import RuleBook
from services.billing.usecases.close_month import MonthStanding, month_standing
from services.billing.usecases.enrolment import before_release
from services.billing.usecases.ports import CurrentCharge, Known, UnitOfWork
from services.billing.usecases.view_ports import EntryText, Face, Views
from shared.kernel.calendar_month import CalendarMonth

_PATIENCE_SECONDS = 1.0
_PAUSE_SECONDS = 0.1


class Viewing(UnitOfWork, Protocol):
    """A unit of work that pages can read from."""

    @property
    def views(self) -> Views:
        """The reads of the pages."""

    async def __aenter__(self) -> Self:
        """Begin."""


Look = Callable[[], Viewing]
"""Makes one viewing unit of work after another for the same tenant."""


@dataclass(frozen=True, kw_only=True)
class PatientMonth:
    """One patient's month as known at `at`: the engine's judgement whole, its conclusion, and what is stored of it."""

    month: CalendarMonth
    zone: ZoneInfo
    at: datetime
    practice: Practice
    face: Face
    judgement: Judgement
    assembly: Assembly
    lines: list[EntryMinutes]
    texts: Mapping[str, EntryText]
    charges: list[CurrentCharge]
    standing: MonthStanding

    @property
    def is_running(self) -> bool:
        """Tell whether the month still runs."""
        return self.at < self.month.end(self.zone)


async def look_at_month(
    *, patient: str, month: CalendarMonth | None, look: Look, rule_book: RuleBook, at: datetime
) -> PatientMonth:
    """Judge the patient's `month` (None: the one that runs) by the facts of now, storing nothing; NotFound without a practice."""
    async with look() as uow:
        zone = await uow.ledger.zone()
        wanted = month or CalendarMonth.of(at, zone)
        facts = await uow.ledger.month_facts(wanted)
        found = await uow.ledger.of_patients(patient, patient, facts)
        known = found[0] if found else _unknown(patient, facts.practice, at)
        book = rule_book.with_profiles(facts.payers)
        judgement = judge_month(wanted, known.ledger, book, at=at)
        lines = minutes_of(judgement)
        return PatientMonth(
            month=wanted,
            zone=facts.practice.tenant_in(wanted).zone,
            at=at,
            practice=facts.practice,
            face=await uow.views.face(patient),
            judgement=judgement,
            assembly=before_release(conclude(judgement, book), known, book),
            lines=lines,
            texts=await uow.views.entry_texts([line.entry.entry_id for line in lines]),
            charges=await uow.charges.current(wanted, [patient]),
            standing=await month_standing(uow, wanted),
        )


async def await_seen(*, seen: str, look: Look) -> bool:
    """Wait at most a second until the ledger holds what another fragment has just written; tell whether it does.

    `seen` is `<aggregate>@<version>`, several separated by commas; what cannot be read as that is not waited for.
    """
    named = [one.rpartition("@") for one in seen.split(",")]
    wanted = [(name, int(version)) for name, _, version in named if version.isdecimal()]
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _PATIENCE_SECONDS
    while wanted:
        async with look() as uow:
            wanted = [(name, version) for name, version in wanted if not await uow.views.has(name, version)]
        if not wanted or loop.time() >= deadline:
            break
        await asyncio.sleep(_PAUSE_SECONDS)
    return not wanted


def _unknown(patient: str, practice: Practice, at: datetime) -> Known:
    nobody = Patient(source=f"patient/{patient}@0", recorded_at=at, id=patient)
    return Known(ledger=Ledger(patient=nobody, practice=practice), chart=None, chart_source="")
