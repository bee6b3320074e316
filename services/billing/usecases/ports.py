"""What billing's use cases ask of the world. Everything is one tenant's: that of the unit of work."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import TracebackType
from typing import Any, Protocol, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from services.billing.domain.charge import ChargeItem, Identifier
from services.billing.domain.charge_item import ChargeStatus
from services.billing.domain.ledger import Busy, Ledger, Practice
from services.billing.domain.patterns import Note
from services.billing.usecases.overpayment_ports import OverpaymentStore
from services.billing.usecases.records import Author, LedgerEntry
from shared.kernel.calendar_month import CalendarMonth


class EvidenceStore(Protocol):
    """The inbox: the ledger over all tenants, for the consumer."""

    async def append(self, entries: Sequence[tuple[UUID, LedgerEntry]]) -> None:
        """Append what is not there yet, and note which patients' charts are to be read."""


@dataclass(frozen=True, kw_only=True)
class MonthFacts:
    """What a month's patients share: the practice, its own payer profiles, and where imports met other patients' time.

    `as_of`: as it was known at an instant in the past; None: as it is known now.
    """

    month: CalendarMonth
    practice: Practice
    payers: Mapping[str, Any]
    busy: Mapping[str, tuple[Busy, ...]]
    as_of: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of a patient; `chart` is read, unanswered (the EHR did not answer last time) or None (never asked).

    `mrn` is the patient's number at the practice, as the chart says it.
    """

    ledger: Ledger
    chart: str | None
    chart_source: str
    mrn: str | None = None


class LedgerStore(Protocol):
    """The facts of a tenant."""

    async def latest(self, aggregate: str) -> LedgerEntry | None:
        """Return the version in force of an aggregate."""

    async def latest_of_kinds(self, patient: str, kinds: Iterable[str]) -> dict[str, LedgerEntry]:
        """Return the versions in force of a patient's aggregates of some kinds, by aggregate."""

    async def record(self, entry: LedgerEntry, author: Author, *, action: str, event: "Telling | None" = None) -> bool:
        """Append a fact of our own with its journal row; False, and nothing written, if that version is there."""

    async def append(self, entries: Sequence[LedgerEntry], author: Author, *, action: str) -> int:
        """Append facts that are not there yet with one journal row; return how many were new."""

    async def zone(self) -> ZoneInfo:
        """Return the billing location's zone of today; NotFound if the tenant's settings have not come yet."""

    async def practice(self, month: CalendarMonth) -> Practice:
        """Return a practice's settings, roster and statements, all that names and amounts need; NotFound as `month_facts`."""

    async def month_facts(self, month: CalendarMonth, *, as_of: datetime | None = None) -> MonthFacts:
        """Return what all patients share in a month, as known now or at `as_of`; NotFound without the tenant's settings."""

    async def candidates(self, after: str | None, limit: int) -> list[str]:
        """Return up to `limit` patients of the ledger in order, beginning after `after`."""

    async def of_patients(self, first: str, last: str, facts: MonthFacts) -> list[Known]:
        """Return what is known of the patients from `first` to `last` (inclusive) that a month's decision needs, in order."""

    async def medical_record_number(self, patient: str) -> Identifier | None:
        """Return the patient's number at the practice, as the chart last said it."""

    async def holds_role(self, practitioner: str, role: str, day: date) -> bool:
        """Tell whether the roster gives somebody a role on a day."""

    async def credential_of(self, practitioner: str, day: date) -> str | None:
        """Return the credential that the roster gives somebody on a day, if any."""

    async def notes_of(self, month: CalendarMonth, zone: ZoneInfo) -> list[Note]:
        """Return the live notes of an earlier month by their prints."""

    async def signals_of(self, month: CalendarMonth) -> dict[str, tuple[int, str]]:
        """Return by aggregate the last version and content of every pattern that was recorded of a month."""

    async def of_these(self, patients: Sequence[str], facts: MonthFacts) -> list[Known]:
        """Return what is known of some patients that a month's decision needs, in order."""

    async def note_ehr_read(self, patient: str, began_at: datetime) -> None:
        """Note that a patient's chart was read whole by a reading that began at `began_at`, and is due no more."""

    async def ehr_reads(self, patients: Sequence[str]) -> dict[str, datetime]:
        """Return when the last whole reading of each patient's chart began; patients never read are absent."""


@dataclass(frozen=True, kw_only=True)
class Telling:
    """An event to publish with a change: its type, the aggregate's id and version, and the payload."""

    type: str
    aggregate: str
    version: int
    data: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class AssemblyRow:
    """A month's result of one patient as it is stored: `data` is the engine's canonical JSON."""

    patient: str
    version: int
    recorded_at: datetime
    decision: str
    outcome: str
    lane: str | None
    practitioner: str | None
    releasable: bool
    staff_seconds: int
    complexity_attested: bool
    data: str


@dataclass(frozen=True, kw_only=True)
class DifferenceRow:
    """A released patient-month whose facts now say something else."""

    patient: str
    assembly_version: int
    found_at: datetime
    data: str


@dataclass(frozen=True, kw_only=True)
class ReviewRow:
    """A finding that waits for a decision; `id` is derived from tenant, patient and `key`."""

    id: UUID
    month: CalendarMonth
    patient: str
    key: str


@dataclass(frozen=True, kw_only=True)
class CodeTotal:
    """How many charges and units of a code there are in a month, by status."""

    code: str
    status: ChargeStatus
    charges: int
    units: int


class MonthStore(Protocol):
    """The decisions of a tenant's months."""

    async def lock(self, month: CalendarMonth) -> None:
        """Keep whoever else decides the month waiting until this transaction ends."""

    async def lock_patients(self, month: CalendarMonth, patients: Sequence[str]) -> None:
        """Keep whoever else decides the month of these patients, or locks the month, waiting until this transaction ends."""

    async def latest(self, month: CalendarMonth, patients: Sequence[str]) -> dict[str, AssemblyRow]:
        """Return the results in force of some patients."""

    async def page(self, month: CalendarMonth, after: str | None, limit: int) -> list[AssemblyRow]:
        """Return up to `limit` results in force in order of patient."""

    async def outcomes(self, month: CalendarMonth) -> dict[str, int]:
        """Return how many results in force there are by outcome."""

    async def add(self, month: CalendarMonth, rows: Sequence[AssemblyRow], author: Author, at: datetime) -> None:
        """Append new versions of results with one journal row."""

    async def replace_differences(self, month: CalendarMonth, patients: Sequence[str], rows: Sequence[DifferenceRow]) -> None:
        """Make `rows` the open differences of `patients`."""

    async def differences(self, month: CalendarMonth, patients: Sequence[str] | None) -> list[DifferenceRow]:
        """Return the open differences of some or of all patients."""

    async def replace_reviews(
        self, patients: Sequence[str], month: CalendarMonth, rows: Sequence[ReviewRow], at: datetime
    ) -> None:
        """Make `rows` the reviews of `patients` in the month."""

    async def review(self, review_id: UUID) -> ReviewRow | None:
        """Return a review, decided or not."""

    async def totals(self, month: CalendarMonth) -> list[CodeTotal]:
        """Return counts and units of the month's charges by code and status."""


@dataclass(frozen=True, kw_only=True)
class CurrentCharge:
    """A charge of a patient's month in short: what stands in the way of another one, and how often its line was tried."""

    id: UUID
    version: int
    status: ChargeStatus
    patient: str
    practitioner: str
    code_id: str
    code: str
    units: int
    date_of_service: date
    attempt: int
    assembly_version: int
    lane: str | None


class ChargeStore(Protocol):
    """The charges of a tenant."""

    async def current(self, month: CalendarMonth, patients: Sequence[str]) -> list[CurrentCharge]:
        """Return every charge of some patients' month, whatever its state."""

    async def planned_patients(self, month: CalendarMonth, practitioner: str, patients: Sequence[str] | None) -> list[str]:
        """Return, in order, which of `patients` (None: of all) have charges of the practitioner planned in the month."""

    async def plan(self, month: CalendarMonth, patients: Sequence[str], charges: Sequence[CurrentCharge], at: datetime) -> None:
        """Take back whatever was planned for `patients` and plan `charges`."""

    async def read(self, charge_ids: Sequence[UUID], *, lock: bool = False) -> dict[UUID, ChargeItem]:
        """Return published charges in their current version; with `lock` nobody else changes them until this transaction ends."""

    async def release(self, changes: Sequence[tuple[ChargeItem, Telling]], author: Author) -> None:
        """Store the next version of each charge (none twice) with its journal row; Conflict if somebody else stored one."""

    async def note_export(self, patients: tuple[str, ...], author: Author, at: datetime, *, aggregate: str) -> None:
        """Write into the journal that charges of these patients left as a file."""


class FeedStore(Protocol):
    """Where the tenant's feed stands."""

    async def head(self) -> tuple[UUID, int]:
        """Return the epoch and the last number given."""

    async def position(self) -> str:
        """Return both as the position after the last numbered version, `<epoch>.<number>`."""


class UnitOfWork(Protocol):
    """A transaction of one tenant: committed when the block ends, undone by any exception."""

    @property
    def ledger(self) -> LedgerStore:
        """The tenant's facts."""

    @property
    def months(self) -> MonthStore:
        """The tenant's decisions."""

    @property
    def charges(self) -> ChargeStore:
        """The tenant's charges."""

    @property
    def overpayments(self) -> OverpaymentStore:
        """The tenant's overpayment cases."""

    @property
    def feed(self) -> FeedStore:
        """The tenant's change feed."""

    async def __aenter__(self) -> Self:
        """Begin."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Commit, or roll back after an exception."""


Begin = Callable[[], UnitOfWork]
"""Makes one unit of work after another for the same tenant."""


class Chart(Protocol):
    """The tenant's EHR. Each method raises Unavailable if it does not answer."""

    async def of_patient(self, patient: str) -> list[Mapping[str, Any]]:
        """Return the patient's resources that billing reads; of a patient whom the EHR does not know, nothing."""

    async def enrolled(self) -> list[str]:
        """Return the patients with an active episode of care of the program."""
