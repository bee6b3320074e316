"""Record the patterns over a month as facts of the ledger, so that a decision that saw one can be repeated (row 17)."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from services.billing.domain.findings import Assembly
from services.billing.domain.ledger import Ledger, TimeEntryFact
from services.billing.domain.patterns import (
    Note,
    Pattern,
    PatternLimits,
    Total,
    copies,
    pattern_limits,
    templates,
    uniform_totals,
)
from services.billing.domain.rule_book import RuleBook
from services.billing.domain.rules import rules_for
from services.billing.usecases.ports import UnitOfWork
from services.billing.usecases.records import Author, LedgerEntry
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.vocabulary import Lane


@dataclass
class Shown:
    """What some patients show for the patterns of a month: the notes by entry, the totals by patient."""

    notes: dict[str, Note] = field(default_factory=dict)
    totals: dict[str, Total] = field(default_factory=dict)


@dataclass
class MonthSeen:
    """What a month's decisions show together: every live note by its prints, each patient's total."""

    month: CalendarMonth
    zone: ZoneInfo
    rule_book: RuleBook
    shown: Shown = field(default_factory=Shown)

    @property
    def limits(self) -> PatternLimits:
        """From when on something is a pattern."""
        return pattern_limits(self.rule_book, self.month)

    def take(self, ledger: Ledger, assembly: Assembly) -> None:
        """Note a patient's decision; a later one of the same patient stands in place of it."""
        for entry in ledger.entries:
            note = self._note(ledger.patient.id, entry)
            if note is not None:
                self.shown.notes[note.entry] = note
        lane, seconds = assembly.seconds[0]
        rules = rules_for(self.rule_book, assembly.profile, self.month, assembly.program)
        self.shown.totals[ledger.patient.id] = Total(ledger.patient.id, seconds, rules.lanes[Lane(lane)].base_seconds)

    def add(self, shown: Shown) -> None:
        """Note what other patients show, as another worker saw it."""
        self.shown.notes |= shown.notes
        self.shown.totals |= shown.totals

    def _note(self, patient: str, entry: TimeEntryFact) -> Note | None:
        found = entry.assessment
        if found is None or entry.status != "completed" or not (found.facts_print or found.words_print):
            return None
        day = entry.day or (entry.start.astimezone(self.zone).date() if entry.start is not None else None)
        if day is None or not self.month.first_day <= day <= self.month.last_day:
            return None
        return Note(entry.entry_id, patient, day, entry.written_at, found.facts_print, found.words_print)


async def note_copies(uow: UnitOfWork, seen: MonthSeen, author: Author, at: datetime) -> list[str]:
    """Record which notes are copies or of a template; return the patients for whom that is news, in order."""
    before = await uow.ledger.notes_of(seen.month.previous, seen.zone) if seen.shown.notes else []
    notes = [*before, *seen.shown.notes.values()]
    return await _record(uow, seen.month, "note", [*copies(notes, seen.limits), *templates(notes, seen.limits)], author, at)


async def note_uniform_totals(uow: UnitOfWork, seen: MonthSeen, author: Author, at: datetime) -> list[str]:
    """Record whose total is one of many just past the threshold; return the patients for whom that is news, in order."""
    return await _record(uow, seen.month, "total", uniform_totals(list(seen.shown.totals.values()), seen.limits), author, at)


async def _record(
    uow: UnitOfWork, month: CalendarMonth, about: str, found: Iterable[Pattern], author: Author, at: datetime
) -> list[str]:
    """Append what is new, what is told otherwise now, and what stands no more."""
    wanted = {f"signal/{month}/{about}/{p.kind}/{p.entry or p.patient}": p for p in found}
    known = {key: row for key, row in (await uow.ledger.signals_of(month)).items() if key.startswith(f"signal/{month}/{about}/")}
    entries: list[LedgerEntry] = []
    for aggregate in sorted({*wanted, *known}):
        version, data = known.get(aggregate, (0, ""))
        pattern = wanted.get(aggregate)
        content = _content(month, pattern) if pattern is not None else json.loads(data) | {"stands": False}
        text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        if text != data:
            entries.append(
                LedgerEntry(
                    aggregate=aggregate,
                    version=version + 1,
                    patient=str(content["patient"]),
                    kind="signal",
                    recorded_at=at,
                    source=f"month/{month}",
                    data=text,
                )
            )
    await uow.ledger.append(entries, author, action="signal.recorded")
    return sorted({entry.patient for entry in entries if entry.patient is not None})


def _content(month: CalendarMonth, pattern: Pattern) -> dict[str, str | bool | None]:
    return {
        "kind": pattern.kind,
        "month": str(month),
        "patient": pattern.patient,
        "entry": pattern.entry,
        "text": pattern.text,
        "stands": True,
    }
