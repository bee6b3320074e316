"""What the use cases need of the world; `adapters` and the fakes of the tests fill these doors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from services.consent.domain.consent import Consent
from shared.contracts.ehr_context import EhrContextState
from shared.contracts.month import MonthState
from shared.contracts.staff_member import StaffMemberState
from shared.kernel.clock import Clock


@dataclass(frozen=True)
class Practice:
    """The tenant whose rows are meant, and the zone in which its months begin and end."""

    tenant_id: UUID
    tenant: str
    zone: ZoneInfo


@dataclass(frozen=True)
class Author:
    """Who makes a change: the person or system, the client and the request, for the journal."""

    actor: str
    client: str
    request: str


@dataclass(frozen=True)
class Accepted:
    """A resource that was taken in: what of it is kept (JSON text), what searches need of it, and its text as sent.

    `categories` and `patient_identifiers` are tokens `system|code`; `text` is None where a version follows from another
    consent's, and where a version is read back.
    """

    kept: str
    categories: tuple[str, ...]
    patient_identifiers: tuple[str, ...]
    text: str | None


@dataclass(frozen=True)
class Recorded:
    """One version as stored; `late` if it concerns a month that was closed when it was written."""

    consent: Consent
    accepted: Accepted
    late: bool


@dataclass(frozen=True)
class Claim:
    """A business identifier of a client's, with the hash of the body that it came with; `consent_id` has it."""

    system: str
    value: str
    consent_id: UUID
    body_hash: bytes


@dataclass(frozen=True)
class Document:
    """A signature or a scan: its bytes as they came, their media type by what they are, and their SHA-256."""

    id: UUID
    patient: str
    content_type: str
    content: bytes
    sha256: bytes
    kept_at: datetime
    kept_by: str


class Consents(Protocol):
    """The consents of one tenant, within a unit of work. `patient` restricts what is found to that patient."""

    async def lock(self, patient: str, program: str) -> None:
        """Wait until nobody else changes consents of that patient and program, and keep others waiting until the end."""

    async def claim(self, claims: Sequence[Claim]) -> list[Claim]:
        """Claim the identifiers; return the claims of others that stand in the way, none if all are ours now."""

    async def add(self, recorded: Recorded, author: Author) -> None:
        """Write the first version of a consent, with its journal row and event."""

    async def replace(self, recorded: Recorded, author: Author) -> None:
        """Write the next version, with its journal row and event; PreconditionFailed if another was written meanwhile."""

    async def get(self, consent_id: UUID, *, version: int | None = None, patient: str | None = None) -> Recorded | None:
        """Return one version, the newest by default."""

    async def current(self, patient: str, program: str) -> list[Recorded]:
        """Return the newest versions of all consents of the patient and program."""

    async def identifiers(self, consent_id: UUID) -> set[tuple[str, str]]:
        """Return the client's identifiers (system, value) of a consent."""

    async def versions(self, *consent_ids: UUID, patient: str | None = None) -> list[Recorded]:
        """Return all versions of these consents, newest first."""

    async def history(self, patient: str, program: str) -> list[Consent]:
        """Return all versions of all consents of the patient and program."""


class Charts(Protocol):
    """Charts of one tenant's patients, as the EHR showed them at launches."""

    async def find(self, patient: str) -> EhrContextState | None:
        """Return the patient's chart as last seen."""


class Staff(Protocol):
    """The staff of one tenant, as timetrack tells it."""

    async def all(self) -> Sequence[StaffMemberState]:
        """Return every member's newest version."""


class Documents(Protocol):
    """Signatures and scans of one tenant."""

    async def add(self, document: Document) -> None:
        """Store a document."""

    async def find(self, document_id: UUID, *, patient: str | None) -> Document | None:
        """Return a document; `patient` restricts whose."""


@dataclass(frozen=True)
class Filed:
    """What became of a version on its way into the chart: `waiting`, `filed` or `refused`, since when, and why not."""

    version: int
    status: str
    at: datetime
    reason: str | None


class Filings(Protocol):
    """What of one tenant goes into the EHR's charts."""

    async def of(self, consent_id: UUID) -> Sequence[Filed]:
        """Return what became of each version of a consent, the newest first."""

    async def content(self, consent_id: UUID, version: int) -> bytes | None:
        """Return the PDF of a version, if one was written for the chart."""


class UnitOfWork(Protocol):
    """A transaction of one tenant: committed when the block ends, undone by any exception."""

    @property
    def consents(self) -> Consents:
        """The tenant's consents, once it has begun."""

    @property
    def charts(self) -> Charts:
        """The charts of its patients."""

    @property
    def staff(self) -> Staff:
        """Its staff."""

    @property
    def documents(self) -> Documents:
        """Its signatures and scans."""

    @property
    def filings(self) -> Filings:
        """What goes into the EHR's charts."""

    async def __aenter__(self) -> Self:
        """Begin."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Commit, or roll back after an exception."""


UnitOfWorkFactory = Callable[[Practice], UnitOfWork]
"""Makes a new unit of work for a practice."""


class Patients(Protocol):
    """The patients of the practice's EHR."""

    async def exist(self, practice: Practice, patient: str) -> bool:
        """Tell whether the EHR has the patient; true if it does not answer (nothing is refused for that)."""


class ClosedMonths(Protocol):
    """The months that billing has closed."""

    async def closed_month(self, tenant_id: UUID, at: datetime) -> MonthState | None:
        """Return the closed month in which `at` lies, or None."""


@dataclass(frozen=True)
class World:
    """The doors that a use case goes through, in one hand."""

    begin: UnitOfWorkFactory
    patients: Patients
    months: ClosedMonths
    clock: Clock
