"""What billing's use cases and its adapters hand each other."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from uuid import UUID

from services.billing.domain.findings import PlannedCharge


@dataclass(frozen=True, kw_only=True)
class Author:
    """Who makes a change: the person or system, the client and the request, for the journal."""

    actor: str
    client: str
    request: str


@dataclass(frozen=True, kw_only=True)
class LedgerEntry:
    """A fact as the ledger stores it: `data` is its whole content as JSON text, `source` names where it came from.

    `patient` is None for what concerns the practice. A time entry also has its performer and stretch in plain fields, `None` once
    it is void, so that the database can sum staff days and find overlaps.
    """

    aggregate: str
    version: int
    patient: str | None
    kind: str
    recorded_at: datetime
    source: str
    data: str
    performer: str | None = None
    from_at: datetime | None = None
    until_at: datetime | None = None
    seconds: int | None = None

    @cached_property
    def digest(self) -> str:
        """The hash of the content."""
        return hashlib.sha256(self.data.encode()).hexdigest()


class Status(StrEnum):
    """The states of a charge. Outside clients never see a planned one."""

    PLANNED = "planned"
    BILLABLE = "billable"
    BILLED = "billed"
    ABORTED = "aborted"
    ENTERED_IN_ERROR = "entered-in-error"


@dataclass(frozen=True, kw_only=True)
class Identifier:
    """A business identifier."""

    system: str
    value: str


@dataclass(frozen=True, kw_only=True)
class CoverageLine:
    """Who pays, in order of rank: the payer, the member's number and the EHR's Coverage."""

    coverage: str
    rank: int
    payer: str | None = None
    payer_name: str | None = None
    member_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Acknowledgement:
    """What the billing system last said of a charge."""

    outcome: str
    claim: Identifier | None = None
    reason: str | None = None
    reason_text: str | None = None
    client: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Charge:
    """A charge at a version, whole: what its ChargeItem is built from. Version 0 is planned and unpublished.

    `id` repeats itself for (tenant, patient, practitioner, month, code, attempt) and is the business identifier too. `lane` is
    set on the base line of a CCM lane only. `line` is what the engine planned; `decision` the hash under which it did.
    """

    id: UUID
    version: int
    status: Status
    attempt: int
    patient: str
    month: str
    first_day: date
    last_day: date
    lane: str | None
    line: PlannedCharge
    decision: str
    rule_book: str
    assembly_version: int
    updated_at: datetime
    mrn: Identifier | None = None
    practitioner_name: str | None = None
    organization_npi: str | None = None
    organization_tin: str | None = None
    coverages: tuple[CoverageLine, ...] = ()
    part_of: UUID | None = None
    context: str | None = None
    account: str | None = None
    entered_by: str | None = None
    entered_at: datetime | None = None
    replaces: UUID | None = None
    claim_frequency: str | None = None
    claim: Identifier | None = None
    acknowledgement: Acknowledgement | None = None
