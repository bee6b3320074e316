"""A charge as billing keeps it: every field of its ChargeItem, and what the billing system may say of it (integration.md 6).

Nothing that was taken off the queue comes back changed: a corrected charge is a new one, with the next attempt number.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from services.billing.domain.charge_item import ChargeChangeRefused, ChargeEvent, ChargeStatus, next_status
from services.billing.domain.findings import ASSEMBLED, PlannedCharge
from shared.kernel.errors import Issue
from shared.kernel.vocabulary import Lane

BASE_LINES = tuple(f"{program}.{lane}.base" for program in ASSEMBLED for lane in Lane)
"""The neutral ids of the lines by which a month's lane is known."""

LANE_LINES = (*BASE_LINES, *(f"{program}.{lane}.addon" for program in ASSEMBLED for lane in Lane))
"""The neutral ids of the lines that a lane is charged by: what a billed month is compared with."""

RELEASED = frozenset((ChargeStatus.BILLABLE, ChargeStatus.BILLED))
"""The states of a charge that the outside may bill, or has."""


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
class ChargeItem:
    """A charge at a version, whole: what its ChargeItem is built from. Version 0 is planned and unpublished.

    `id` repeats itself for (tenant, patient, practitioner, month, code, attempt) and is the business identifier too. `lane` is
    set on the base line of a CCM lane only. `line` is what the engine planned; `decision` the hash under which it did.
    """

    id: UUID
    version: int
    status: ChargeStatus
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


class AcknowledgedAs(StrEnum):
    """What became of a charge at the billing system."""

    BILLED = "billed"
    REJECTED = "rejected"
    RETURNED = "returned"
    VOIDED = "voided"


class Answer(StrEnum):
    """What we did with an item."""

    APPLIED = "applied"
    ALREADY = "already"
    CONFLICT = "conflict"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class Item:
    """One item of the billing system's message; `version` is the one that it saw, if it says so."""

    charge: UUID | None
    outcome: AcknowledgedAs
    claim: Identifier | None = None
    reason: str | None = None
    reason_text: str | None = None
    version: int | None = None


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of an item, in its place; `charge` as it is now, None if there is no such charge."""

    answer: Answer
    charge: ChargeItem | None
    issue: Issue | None = None


_LEADS_TO = {
    AcknowledgedAs.BILLED: ChargeStatus.BILLED,
    AcknowledgedAs.REJECTED: ChargeStatus.ABORTED,
    AcknowledgedAs.RETURNED: ChargeStatus.BILLABLE,
    AcknowledgedAs.VOIDED: ChargeStatus.ENTERED_IN_ERROR,
}
_WHY = {
    ChargeStatus.BILLABLE: Issue("not-billed", "the charge is not billed: it waits on the queue"),
    ChargeStatus.BILLED: Issue("billed", "the charge is billed: return it or void it"),
    ChargeStatus.ABORTED: Issue("withdrawn", "the charge is withdrawn: do not bill it"),
    ChargeStatus.ENTERED_IN_ERROR: Issue("withdrawn", "the charge is void: do not bill it"),
}


def judge(item: Item, charge: ChargeItem | None) -> Result:
    """Say what becomes of an item while its charge is as it is. Pure."""
    if charge is None:
        return Result(answer=Answer.REFUSED, charge=None, issue=Issue("not-found", "there is no such charge"))
    last = charge.acknowledgement
    if last is not None and last.outcome == item.outcome and charge.status is _LEADS_TO[item.outcome]:
        if item.claim is None or item.claim == (last.claim or charge.claim):
            return Result(answer=Answer.ALREADY, charge=charge)
        return Result(answer=Answer.CONFLICT, charge=charge, issue=Issue("claim", "it was acknowledged under another claim"))
    if charge.status is ChargeStatus.ENTERED_IN_ERROR and item.outcome is AcknowledgedAs.VOIDED:
        return Result(answer=Answer.ALREADY, charge=charge)
    try:
        next_status(charge.status, ChargeEvent(item.outcome))
    except ChargeChangeRefused:
        return Result(answer=Answer.REFUSED, charge=charge, issue=_WHY[charge.status])
    if item.version is not None and item.version != charge.version:
        text = f"the charge is at version {charge.version}: read it again"
        return Result(answer=Answer.CONFLICT, charge=charge, issue=Issue("stale-version", text))
    named = None if item.outcome is AcknowledgedAs.BILLED else item.claim
    if named is not None and charge.claim is not None and named != charge.claim:
        return Result(answer=Answer.CONFLICT, charge=charge, issue=Issue("claim", "it was billed under another claim"))
    return Result(answer=Answer.APPLIED, charge=charge)


def applied(charge: ChargeItem, item: Item, said: Acknowledgement) -> ChargeItem:
    """Return the next version of a charge to which an item applies."""
    return replace(
        charge,
        version=charge.version + 1,
        status=next_status(charge.status, ChargeEvent(item.outcome)),
        updated_at=said.at,
        claim=item.claim if item.outcome is AcknowledgedAs.BILLED else charge.claim,
        acknowledgement=said,
    )


def aggregate_id(source: str) -> str:
    """Return the id of the thing that a ledger source names: `consent/7f3a@3` → `7f3a`."""
    return source.split("@", 1)[0].rsplit("/", 1)[-1]
