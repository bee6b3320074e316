"""What the use cases need of the world."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from services.timetrack.domain.staff import StaffMember
from services.timetrack.domain.time_entry import Performer, Problem, StoredEntry, TimeEntry
from services.timetrack.domain.timer import Timer
from shared.contracts.ehr_context import EhrContextState
from shared.contracts.month import MonthState
from shared.kernel.errors import Conflict, Invalid, NotFound
from shared.kernel.interval import Interval
from shared.kernel.values import value
from shared.kernel.vocabulary import PerformerRole

Change = Literal["logged", "amended", "voided"]


class IdentifierTaken(Conflict):
    """One of the identifiers belongs to an entry already."""

    rule = "identifier-taken"


class StretchTaken(Conflict):
    """The database's overlap constraint refused the entry."""

    rule = "time-entry-overlap"


class TimerRunning(Conflict):
    """The performer has a running timer; the text names it."""

    rule = "timer-running"


class UnknownPatient(Invalid):
    """The EHR does not know the patient."""

    rule = "patient-unknown"


class NoSuchThing(NotFound):
    """Nothing of that id that this caller may see."""


@dataclass(frozen=True, slots=True)
class Practice:
    """The tenant whose rows are meant, and the zone in which its days and months begin and end."""

    tenant_id: UUID
    tenant: str
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Author:
    """Who makes a change: the person or system, the client and the request, for the journal."""

    actor: str
    client: str
    request: str


@value
class EntryVersion:
    """One version of an entry as it is stored: `body` is the Task's JSON text, `state` the event's payload."""

    id: UUID
    version: int
    change: Change
    entry: TimeEntry
    written_at: datetime
    authored_on: datetime
    late: bool
    body: str
    state: str
    timer_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A version as it is read back: what an answer is made of."""

    id: UUID
    version: int
    seconds: int
    authored_on: datetime
    written_at: datetime
    author: str
    change: Change
    late: bool
    body: str


@dataclass(frozen=True, slots=True)
class TimerRecord:
    """A timer with whom and what it is for."""

    id: UUID
    version: int
    client: str
    identifier: str
    performer: Performer
    role: PerformerRole
    patient: str
    directed_by: str | None
    encounter: str | None
    started_at: datetime
    timer: Timer


@dataclass(frozen=True, slots=True)
class TimerNote:
    """What a person writes when a timer stops."""

    problem: Problem
    additional_problems: tuple[Problem, ...] = ()
    action_taken: str | None = None
    clinical_relevance: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class StaffRecord:
    """A version of a member of staff."""

    member: StaffMember
    version: int
    recorded_at: datetime
    recorded_by: str


class Entries(Protocol):
    """Time entries of one tenant."""

    async def add(self, version: EntryVersion, author: Author) -> None:
        """Store a new entry with its journal row and event; IdentifierTaken or StretchTaken, and nothing is stored."""

    async def append(self, version: EntryVersion, author: Author) -> None:
        """Store the next version of a locked entry, as `add`; StretchTaken."""

    async def for_change(self, entry_id: UUID, *, patient: str | None) -> tuple[StoredEntry, datetime, UUID | None] | None:
        """Lock an entry; return its current version, when it was authored, and the timer that made it."""

    async def read(self, entry_id: UUID, version: int | None = None, *, patient: str | None = None) -> StoredVersion | None:
        """Return the current or the named version."""

    async def history(self, *entry_ids: UUID, patient: str | None = None) -> Sequence[StoredVersion]:
        """Return all versions of these entries, the newest first."""

    async def owner_of(self, tokens: Sequence[str]) -> UUID | None:
        """Return the entry to which one of the identifiers (`system|value`) belongs."""

    async def overlapping(self, performer: str, interval: Interval, *, other_than: UUID | None = None) -> UUID | None:
        """Return a live entry of the performer at some of these instants."""

    async def of_timer(self, timer_id: UUID) -> Sequence[StoredVersion]:
        """Return the current versions of the entries that a timer made, the first first."""

    async def recent(self, patient: str, *, count: int) -> Sequence[StoredVersion]:
        """Return the current versions of the patient's live entries, the last written first."""


class Timers(Protocol):
    """Timers of one tenant; a `what` says what was done to one, for the journal (None: nothing to record)."""

    async def add(self, record: TimerRecord, author: Author) -> None:
        """Store a new timer; TimerRunning or IdentifierTaken, and nothing is stored."""

    async def save(
        self, record: TimerRecord, what: str | None, author: Author, *, at: datetime, reason: str | None = None
    ) -> None:
        """Store the next state of a timer that was locked, recorded at `at`; TimerRunning if it runs beside another."""

    async def for_change(self, timer_id: UUID) -> TimerRecord | None:
        """Lock and return a timer."""

    async def read(self, timer_id: UUID) -> TimerRecord | None:
        """Return a timer."""

    async def by_identifier(self, client: str, identifier: str) -> TimerRecord | None:
        """Return the timer that the client started under that identifier."""

    async def running(self, performer: str) -> TimerRecord | None:
        """Lock and return the performer's running timer."""

    async def open_of(self, performer: str) -> Sequence[TimerRecord]:
        """Return the performer's timers that are not over."""


class Roster(Protocol):
    """The staff of one tenant."""

    async def find(self, practitioner: str) -> StaffRecord | None:
        """Return the member's current version."""

    async def all(self) -> Sequence[StaffRecord]:
        """Return every member's current version, by Practitioner id."""

    async def add(self, record: StaffRecord, state: str, author: Author) -> None:
        """Store a member's next version with its journal row and event; Conflict if somebody else just did."""


class Charts(Protocol):
    """Charts of one tenant's patients, as the EHR showed them at launches."""

    async def find(self, patient: str) -> EhrContextState | None:
        """Return the patient's chart as last seen."""

    async def by_identifier(self, identifier: str) -> Sequence[EhrContextState]:
        """Return the charts that carry this MRN."""


class UnitOfWork(Protocol):
    """A transaction of one tenant: committed when the block ends, undone by any exception; usable again afterwards."""

    entries: Entries
    timers: Timers
    roster: Roster
    charts: Charts

    async def __aenter__(self) -> Self:
        """Begin."""

    async def __aexit__(self, *error: object) -> None:
        """Commit, or roll back."""

    async def add_entry(self, version: EntryVersion, author: Author) -> None:
        """Add a new entry as `Entries.add` does, in a transaction of its own instead of a block's."""

    async def consent_in_force(self, patient: str, program: str) -> bool | None:
        """Tell whether a consent is active as far as we were told; None if none was mentioned."""


class UnitOfWorkFactory(Protocol):
    """Makes a unit of work for a practice."""

    def __call__(self, practice: Practice) -> UnitOfWork:
        """Return a new one."""


class Patients(Protocol):
    """The patients of the practice's EHR."""

    async def exist(self, practice: Practice, patient: str) -> bool:
        """Tell whether the EHR has the patient; true if it does not answer (nothing is refused for that)."""


class ClosedMonths(Protocol):
    """The months that billing has closed."""

    async def closed_month(self, tenant_id: UUID, at: datetime) -> MonthState | None:
        """Return the closed month in which `at` lies, or None."""
