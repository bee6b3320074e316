"""What filing into the chart needs of the world: what waits, the EHR's chart, paper."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol
from uuid import UUID

from services.consent.domain.consent import Consent
from services.consent.usecases.ports import Document, Practice, Recorded
from shared.contracts.staff_member import StaffMemberState


@dataclass(frozen=True)
class Filing:
    """One version of a consent on its way into the chart.

    `content` is its PDF once it was written: from then on these bytes are filed and no others. `replaces` is the EHR's id of
    the document of an earlier version.
    """

    practice: Practice
    practice_name: str
    consent_id: UUID
    version: int
    patient: str
    content: bytes | None
    replaces: str | None


@dataclass(frozen=True)
class Face:
    """Whose chart it is, as every sheet says; what the chart does not say is None."""

    name: str | None
    birth_date: date | None
    number: str | None


class FilingList(Protocol):
    """What waits to be filed, over all practices that file; each row is lent to one process at a time."""

    async def due(self) -> Sequence[Filing]:
        """Borrow what is due, the oldest first; a version waits for the versions before it."""

    async def keep(self, filing: Filing, content: bytes) -> bytes:
        """Keep the PDF, unless one is kept already; return the one that is kept."""

    async def filed(self, filing: Filing, document: str) -> None:
        """Note under which id the EHR keeps it, with a journal row."""

    async def refused(self, filing: Filing, reason: str) -> None:
        """Note that the EHR will not; it is asked again the next day."""

    async def wait(self, filing: Filing, reason: str) -> None:
        """Note that the EHR gave no answer; it is asked again, ever more rarely, at least once an hour."""


class ChartDoor(Protocol):
    """The charts of a practice's EHR."""

    async def face(self, practice: Practice, patient: str) -> Face:
        """Return who the patient is; an EHR without the patient refuses."""

    async def file(self, filing: Filing, consent: Consent, content: bytes) -> str:
        """Have the EHR keep the PDF of a version once, and return its id there."""


@dataclass(frozen=True)
class Paper:
    """What a consent's record on paper is made of: the version, with what the practice knows around it."""

    recorded: Recorded
    face: Face
    staff: Sequence[StaffMemberState]
    signature: Document | None
    practice: Practice
    practice_name: str


class Writer(Protocol):
    """Puts a record on paper."""

    def attached_to(self, recorded: Recorded) -> UUID | None:
        """Return the id of the signature or scan that the version names, if we keep it."""

    def write(self, paper: Paper) -> bytes:
        """Return the PDF."""
