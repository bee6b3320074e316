"""Patterns over a practice's month that no single entry shows: cloned notes, templates, uniform totals (row 17).

Pure. Notes are compared by the prints that their assessment carries, never read. A pattern keeps nothing from counting by
itself: it sends what it concerns to a person.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from services.billing.domain.payers import MEDICARE
from services.billing.domain.rule_book import RuleBook
from shared.kernel.calendar_month import CalendarMonth

_FACT = 6
"""Hex digits of one fact in a print of facts."""
_BAND = 3 * _FACT
"""The three lowest or highest facts: notes nearly alike share one of the two bands, others hardly ever."""

COPY, TEMPLATE, UNIFORM = "copy", "template", "uniform"


@dataclass(frozen=True, slots=True)
class PatternLimits:
    """From when on notes and totals are a pattern: `time.patterns.*` of the rule book."""

    likeness_percent: int
    template_notes: int
    uniform_seconds: int
    uniform_percent: int
    uniform_patients: int


@dataclass(frozen=True, slots=True)
class Note:
    """A live entry's note by its prints; `earlier`: of a month before, with which others are compared and no more."""

    entry: str
    patient: str
    day: date
    written_at: datetime
    facts: str
    words: str
    earlier: bool = False


@dataclass(frozen=True, slots=True)
class Total:
    """What a patient's month counts in its lane, and where that lane's first unit begins, in seconds."""

    patient: str
    seconds: int
    threshold: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a person should look at: of a patient, and of one `entry` of theirs or (None) of the whole month."""

    kind: str
    patient: str
    entry: str | None
    text: str


def copies(notes: Iterable[Note], limits: PatternLimits) -> list[Pattern]:
    """Return each note whose facts nearly are those of one written before: of the patient on another day, or of another patient.

    Of one patient and day, parts of one stretch may tell the same.
    """
    bands: dict[str, Note] = {}
    found: list[Pattern] = []
    for note in sorted((n for n in notes if n.facts), key=lambda n: (n.written_at, n.entry)):
        keys = (note.facts[:_BAND], note.facts[-_BAND:])
        others = [other for key in keys if (other := bands.get(key)) is not None]
        original = next((other for other in others if _alike(note, other, limits.likeness_percent)), None)
        for key in keys:
            bands.setdefault(key, note)
        if original is not None and not note.earlier:
            whose = "for the same patient" if original.patient == note.patient else "for another patient"
            text = f"its note tells the same facts as one of {original.day} {whose}"
            found.append(Pattern(COPY, note.patient, note.entry, text))
    return found


def _alike(note: Note, other: Note, percent: int) -> bool:
    if (note.patient, note.day) == (other.patient, other.day):
        return False
    if note.facts == other.facts:
        return True
    mine, theirs = _facts(note.facts), _facts(other.facts)
    return len(mine & theirs) * 100 >= percent * len(mine | theirs)


def _facts(print_: str) -> set[str]:
    return {print_[at : at + _FACT] for at in range(0, len(print_), _FACT)}


def templates(notes: Iterable[Note], limits: PatternLimits) -> list[Pattern]:
    """Return the notes of the month whose words, apart from numbers, stand in many others too."""
    same: dict[str, list[Note]] = defaultdict(list)
    for note in notes:
        if note.words and not note.earlier:
            same[note.words].append(note)
    text = f"its words, apart from numbers, stand in {limits.template_notes} or more notes of the month"
    return [
        Pattern(TEMPLATE, note.patient, note.entry, text)
        for group in same.values()
        if len(group) >= limits.template_notes
        for note in group
    ]


def uniform_totals(totals: Sequence[Total], limits: PatternLimits) -> list[Pattern]:
    """Return the patients whose month ends just past its threshold, if those are most of all that reach it."""
    reached = [total for total in totals if total.seconds >= total.threshold]
    just = [total for total in reached if total.seconds < total.threshold + limits.uniform_seconds]
    if len(reached) < limits.uniform_patients or len(just) * 100 <= limits.uniform_percent * len(reached):
        return []
    text = (
        f"as in more than {limits.uniform_percent} % of the practice's months, the total ends"
        f" within {limits.uniform_seconds} seconds after the threshold"
    )
    return [Pattern(UNIFORM, total.patient, None, text) for total in just]


def pattern_limits(book: RuleBook, month: CalendarMonth) -> PatternLimits:
    """Return the limits of a month."""

    def value(path: str) -> int:
        return int(book.parameter(MEDICARE, f"time.patterns.{path}").on(month.first_day))

    return PatternLimits(
        likeness_percent=value("copy.percent"),
        template_notes=value("template.notes"),
        uniform_seconds=value("uniform.seconds"),
        uniform_percent=value("uniform.percent"),
        uniform_patients=value("uniform.patients"),
    )
