"""One stretch of one performer's time for one patient: what it must say, and how it may change (ccm-rules T1-T2, T24).

An entry is logged, amended or voided, never edited or deleted: each change is a new version. Its stretch is either a half-open
interval of instants or, where only the day is known (paper, imports), a day with its seconds; the latter never gets clock times.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from shared.kernel.calendar_month import day_start
from shared.kernel.errors import Conflict, Invalid, Issue
from shared.kernel.interval import Interval
from shared.kernel.values import value
from shared.kernel.vocabulary import Activity, PerformerRole, Program, TimeBasis

LONGEST_SECONDS = 24 * 60 * 60
"""One entry is one stretch of one person's work."""


class InvalidEntry(Invalid):
    """The entry says what cannot be; its issues name the fields of `TimeEntry`."""

    rule = "time-entry"


class EntryFixed(Invalid):
    """The change is not one that an entry may undergo."""

    rule = "time-entry-fixed"


class OverlappingEntry(Conflict):
    """The performer already has a live entry at some of the same instants; the text names it."""

    rule = "time-entry-overlap"


class Status(StrEnum):
    """Live or void (FHIR Task.status; a running timer is no entry yet)."""

    COMPLETED = "completed"
    ENTERED_IN_ERROR = "entered-in-error"


@dataclass(frozen=True, slots=True)
class DayOnly:
    """Time known by its day and its seconds only."""

    day: date
    seconds: int


Stretch = Interval | DayOnly


@dataclass(frozen=True, slots=True)
class Performer:
    """Who worked, as the EHR knows them: `id` is the EHR's Practitioner id."""

    id: str
    npi: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """The problem that the work addressed: the EHR's Condition id, its codes (`system|code`), the words."""

    condition: str | None = None
    codes: tuple[str, ...] = ()
    text: str | None = None

    def __bool__(self) -> bool:
        return bool(self.condition or self.codes or self.text)


NO_PROBLEM = Problem()


@value
class TimeEntry:
    """An entry as it should stand.

    `gap_seconds` is idle time within it that a person chose to keep (measured-with-gap); `external_ids` and
    `patient_identifier` (the medical record number) are written `system|value`.
    """

    patient: str
    performer: Performer
    role: PerformerRole
    program: Program
    activity: Activity
    stretch: Stretch
    basis: TimeBasis
    gap_seconds: int = 0
    asserted_reason: str | None = None
    problem: Problem = NO_PROBLEM
    additional_problems: tuple[Problem, ...] = ()
    action_taken: str | None = None
    clinical_relevance: str | None = None
    note: str | None = None
    directed_by: str | None = None
    encounter: str | None = None
    group: str | None = None
    external_ids: tuple[str, ...] = ()
    patient_identifier: str | None = None
    status: Status = Status.COMPLETED
    reason: str | None = None
    """Why it was amended or voided."""

    @property
    def seconds(self) -> int:
        """Its length: end - start, or what the sender stated for a day."""
        return self.stretch.seconds

    @property
    def day(self) -> date | None:
        """The day, if no more is known."""
        return self.stretch.day if isinstance(self.stretch, DayOnly) else None

    @property
    def interval(self) -> Interval | None:
        """The instants, if they are known."""
        return self.stretch if isinstance(self.stretch, Interval) else None

    def begins(self, zone: ZoneInfo) -> datetime:
        """Return the first instant at which it can lie: it decides the month to which it belongs (T21)."""
        return self.stretch.start if isinstance(self.stretch, Interval) else day_start(self.stretch.day, zone)


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """What a change is measured against: the current version."""

    version: int
    status: Status
    patient: str
    performer: str
    program: Program
    stretch: Stretch
    basis: TimeBasis
    gap_seconds: int
    external_ids: tuple[str, ...] = ()


def log_entry(entry: TimeEntry, *, now: datetime, zone: ZoneInfo) -> TimeEntry:
    """Return a new entry that may be stored; InvalidEntry names every field that is wrong."""
    _raise(
        *_stretch_issues(entry, now, zone),
        *_basis_issues(entry, measured=None),
        *(() if entry.status is Status.COMPLETED else (Issue("time-entry-new", "a new entry is completed", "status"),)),
    )
    return entry


def log_measured(entry: TimeEntry) -> TimeEntry:
    """Return an entry that our own clock measured; InvalidEntry if it lasts too long."""
    _raise(*_length_issues(entry))
    return entry


def amend_entry(stored: StoredEntry, entry: TimeEntry, *, now: datetime, zone: ZoneInfo) -> TimeEntry:
    """Return `entry` as the next version of `stored`, amended or, with status entered-in-error, voided.

    EntryFixed for a void entry, and for another patient, performer or business identifier: such an entry is voided and logged
    anew. InvalidEntry for the rest; a void leaves the stretch as it was.
    """
    if stored.status is not Status.COMPLETED:
        raise EntryFixed("the entry is void and stays so: log a new one", rule="time-entry-void", expression="status")
    fixed = (("patient", stored.patient == entry.patient), ("performer", stored.performer == entry.performer.id))
    for name, kept in (*fixed, ("identifier", set(stored.external_ids) == set(entry.external_ids))):
        if not kept:
            raise EntryFixed(f"the {name} of an entry does not change: void it and log another", expression=name)
    if not entry.reason:
        what = "void" if entry.status is Status.ENTERED_IN_ERROR else "change"
        raise InvalidEntry(f"say why you {what} the entry", rule="time-entry-reason", expression="reason")
    if entry.status is Status.ENTERED_IN_ERROR and stored.stretch != entry.stretch:
        raise EntryFixed("voiding changes nothing else of an entry", rule="time-entry-void", expression="stretch")
    measured = stored if stored.basis is not TimeBasis.ASSERTED else None
    _raise(*_stretch_issues(entry, now, zone), *_basis_issues(entry, measured=measured))
    return entry


def _length_issues(entry: TimeEntry) -> Iterator[Issue]:
    seconds = entry.seconds
    if seconds <= 0:
        yield Issue("time-entry-positive", "an entry lasts at least one second", "seconds" if entry.day else "end")
    if seconds > LONGEST_SECONDS:
        yield Issue("time-entry-24-hours", "an entry lasts at most 24 hours", "seconds" if entry.day else "end")


def _stretch_issues(entry: TimeEntry, now: datetime, zone: ZoneInfo) -> Iterator[Issue]:
    yield from _length_issues(entry)
    stretch = entry.stretch
    if isinstance(stretch, DayOnly):
        if stretch.day > now.astimezone(zone).date():
            yield Issue("time-entry-future", "the day has not come yet", "start")
    elif stretch.end > now:
        yield Issue("time-entry-future", "the time has not passed yet", "end")


def _basis_issues(entry: TimeEntry, *, measured: StoredEntry | None) -> Iterator[Issue]:
    """Time that our clock did not measure is asserted, with a reason; what it did measure stays so while it is unchanged."""
    as_measured = (
        measured is not None
        and (entry.basis, entry.gap_seconds) == (measured.basis, measured.gap_seconds)
        and entry.stretch == measured.stretch
    )
    if entry.basis is not TimeBasis.ASSERTED and not as_measured:
        yield Issue("time-entry-basis", "only our own clock measures: time from elsewhere is asserted", "basis")
    if entry.basis is TimeBasis.ASSERTED and not entry.asserted_reason:
        yield Issue("time-entry-asserted-reason", "say why the time was not measured", "asserted_reason")
    if entry.basis is TimeBasis.ASSERTED and entry.gap_seconds:
        yield Issue("time-entry-gap", "only measured time has a gap", "gap_seconds")


def _raise(*issues: Issue) -> None:
    if issues:
        raise InvalidEntry(issues[0].text, issues=issues)


def interval_of(start: datetime, end: datetime) -> Interval:
    """Return `[start, end)`; InvalidEntry if it is empty or runs backwards."""
    if end <= start:
        raise InvalidEntry("an entry ends after it starts", rule="time-entry-order", expression="end")
    return Interval(start, end)
