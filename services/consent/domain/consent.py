"""Consent as it is given, declined, revoked and corrected: versions that are only ever added (ccm-rules 5, C1-C8).

A `Consent` is one version of what one patient said about one program and one billing practitioner. Its identity (patient,
program, practitioner) never changes: another practitioner is another consent. How the consents of one patient and program
bear on each other is told in `standing`.
"""

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.errors import Invalid
from shared.kernel.vocabulary import ConsentMethod, DisclosureCode, Program


class Status(StrEnum):
    """May we act on it today (`integration.md` 13.1)?"""

    ACTIVE = "active"
    REJECTED = "rejected"
    INACTIVE = "inactive"
    ENTERED_IN_ERROR = "entered-in-error"


class Change(StrEnum):
    """What made a version: the fact that its event names."""

    GRANTED = "granted"
    DECLINED = "declined"
    REVOKED = "revoked"
    CORRECTED = "corrected"
    SUPERSEDED = "superseded"


class Answer(StrEnum):
    """What the patient says when asked whether another practice gives this service now."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class ConsentRefused(Invalid):
    """A statement or a change that the rules of consent do not allow; its expression is the name of a field here."""

    rule = "consent-transition"


@dataclass(frozen=True)
class Person:
    """Somebody at the practice: `id` is the EHR's Practitioner id, `credential` as held when it was recorded."""

    id: str
    npi: str | None = None
    name: str | None = None
    credential: str | None = None


@dataclass(frozen=True)
class Script:
    """The exact wording that was read: its address, version and language, and the interpreter if there was one."""

    uri: str
    version: str | None = None
    language: str | None = None
    interpreter: str | None = None


@dataclass(frozen=True)
class Statement:
    """What the patient said and how it was asked (C8), as one resource states it.

    `starts_at` is when it takes effect, never before `given_at` (C3); `until` the last day that the sender sets, if any.
    A disclosure that is absent from `disclosures` was not recorded.
    """

    patient: str
    program: Program
    practitioner: Person
    agreed: bool
    method: ConsentMethod
    given_at: datetime
    starts_at: datetime
    obtained_by: Person
    script: Script
    until: date | None = None
    by_representative: bool = False
    authority: str | None = None
    disclosures: dict[DisclosureCode, bool] = field(default_factory=dict)
    decline_reason: str | None = None
    other_practice: Answer | None = None
    other_practice_name: str | None = None
    document_hash: str | None = None

    @property
    def subject(self) -> tuple[str, Program, str]:
        """Patient, program and billing practitioner: what no correction changes."""
        return self.patient, self.program, self.practitioner.id


@dataclass(frozen=True)
class Stop:
    """A patient's stop as a client reports it; `effective`, if it states one, must be the day that the rule gives."""

    received_at: datetime
    channel: str
    recorded_by: str
    effective: date | None = None


@dataclass(frozen=True)
class Revocation:
    """The patient's stop (C1, C6): `effective` is the last billable day, the end of the month of receipt (R10)."""

    received_at: datetime
    channel: str
    recorded_by: str
    effective: date


@dataclass(frozen=True)
class Consent:
    """One version of a consent.

    `in_force_until` is the last billable day (none: open). `superseded_by` is the consent that ended this one; then
    `revocation` is a copy of that consent's, if it was a revocation that did.
    """

    id: UUID
    version: int
    change: Change
    status: Status
    statement: Statement
    recorded_at: datetime
    first_recorded_at: datetime
    recorded_by: str
    in_force_until: date | None = None
    revocation: Revocation | None = None
    superseded_by: UUID | None = None
    change_reason: str | None = None


@dataclass(frozen=True)
class Submission:
    """What a client says that a consent is: the status that it should have, and all that goes with it.

    `until` of the statement is the last day as the client sees it; `superseded_by` what it read, if anything.
    """

    status: Status
    statement: Statement
    stop: Stop | None = None
    superseded_by: UUID | None = None
    reason: str | None = None


def begin(submission: Submission, *, consent_id: UUID, at: datetime, by: str) -> Consent:
    """Begin a consent as a client submits it: active or rejected, and nothing that only a later version can hold."""
    wanted = Status.ACTIVE if submission.statement.agreed else Status.REJECTED
    if submission.status is not wanted:
        raise ConsentRefused(
            "a consent begins as active with a permit or as rejected with a deny", rule="consent-status", expression="status"
        )
    if submission.stop or submission.superseded_by:
        raise ConsentRefused("a consent does not begin revoked or superseded: change it afterwards", expression="stop")
    return record(submission.statement, consent_id=consent_id, at=at, by=by)


def follow(current: Consent, submission: Submission, *, zone: ZoneInfo, at: datetime, by: str) -> Consent:
    """Make the next version as a client submits it: a correction, a revocation or entered-in-error; else ConsentRefused."""
    statement = _as_stated(current, submission)
    if submission.superseded_by not in (None, current.superseded_by):
        raise ConsentRefused("what superseded a consent is not for a client to say", expression="superseded_by")
    if submission.status is Status.ENTERED_IN_ERROR:
        _refuse_other_changes(current, statement)
        return void(current, reason=_reason(submission), at=at, by=by)
    if submission.status is current.status:
        stop = submission.stop if current.superseded_by is None else None
        return correct(current, statement, stop, reason=_reason(submission), zone=zone, at=at, by=by)
    if (current.status, submission.status) != (Status.ACTIVE, Status.INACTIVE):
        raise ConsentRefused(f"a consent does not go from {current.status} to {submission.status}", expression="status")
    if submission.stop is None:
        raise ConsentRefused("an inactive consent needs its revocation", rule="revocation-required", expression="stop")
    _refuse_other_changes(current, statement)
    return revoke(current, submission.stop, zone=zone, at=at, by=by)


def record(statement: Statement, *, consent_id: UUID, at: datetime, by: str) -> Consent:
    """Begin a consent with what the patient said, granted or declined, recorded `at` by `by`; ConsentRefused by C3."""
    _check(statement, at)
    return Consent(
        id=consent_id,
        version=1,
        change=Change.GRANTED if statement.agreed else Change.DECLINED,
        status=Status.ACTIVE if statement.agreed else Status.REJECTED,
        statement=statement,
        recorded_at=at,
        first_recorded_at=at,
        recorded_by=by,
        in_force_until=statement.until,
    )


def revoke(current: Consent, stop: Stop, *, zone: ZoneInfo, at: datetime, by: str) -> Consent:
    """End an active consent by the patient's stop: billable until the end of that calendar month in `zone` (C6, R10)."""
    if current.status is not Status.ACTIVE:
        raise ConsentRefused(f"only an active consent can be revoked, and this one is {current.status}")
    revocation = _revocation(current.statement, stop, zone, at)
    return replace(
        _next(current, Change.REVOKED, at, by),
        status=Status.INACTIVE,
        revocation=revocation,
        in_force_until=earlier(current.statement.until, revocation.effective),
    )


def correct(
    current: Consent, statement: Statement, stop: Stop | None, *, reason: str, zone: ZoneInfo, at: datetime, by: str
) -> Consent:
    """Say anew what was wrongly recorded; patient, program, practitioner and whether they agreed stay (else ConsentRefused).

    `stop` says anew how the patient's stop was received; it belongs to a revoked consent and to no other.
    """
    if statement.subject != current.statement.subject or statement.agreed != current.statement.agreed:
        raise ConsentRefused(
            "a correction keeps patient, program, practitioner and answer: say entered-in-error and record a new consent",
            rule="consent-identity",
        )
    _check(statement, at)
    own = current.revocation if current.superseded_by is None else None
    if (stop is None) != (own is None):
        raise ConsentRefused("a correction neither revokes a consent nor takes its revocation back")
    revocation = current.revocation if stop is None else _revocation(statement, stop, zone, at)
    return replace(
        _next(current, Change.CORRECTED, at, by),
        statement=statement,
        revocation=revocation,
        in_force_until=earlier(statement.until, revocation.effective if revocation else None),
        change_reason=reason,
    )


def void(current: Consent, *, reason: str, at: datetime, by: str) -> Consent:
    """Declare that the consent was entered in error: it never held."""
    return replace(_next(current, Change.CORRECTED, at, by), status=Status.ENTERED_IN_ERROR, change_reason=reason)


def earlier(one: date | None, other: date | None) -> date | None:
    """Return the earlier of two last days, where none means open."""
    return min((day for day in (one, other) if day is not None), default=None)


def _as_stated(current: Consent, submission: Submission) -> Statement:
    """Return the statement with the last day that the client sets, where it does not just repeat what the rules gave."""
    statement = submission.statement
    if statement.until == current.in_force_until:
        return replace(statement, until=current.statement.until)
    if submission.status is Status.INACTIVE and statement.until not in (None, current.statement.until):
        raise ConsentRefused("the last day of an ended consent is given by the rules", rule="consent-end", expression="until")
    if submission.status is Status.INACTIVE:
        return replace(statement, until=current.statement.until)
    return statement


def _refuse_other_changes(current: Consent, statement: Statement) -> None:
    if statement != current.statement:
        raise ConsentRefused("this change of status changes nothing else: correct the consent first", rule="consent-unchanged")


def _reason(submission: Submission) -> str:
    if not submission.reason:
        raise ConsentRefused("a correction says why", rule="change-reason", expression="reason")
    return submission.reason


def _next(current: Consent, change: Change, at: datetime, by: str) -> Consent:
    if current.status is Status.ENTERED_IN_ERROR:
        raise ConsentRefused("a consent that was entered in error stays so")
    return replace(current, version=current.version + 1, change=change, recorded_at=at, recorded_by=by, change_reason=None)


def _revocation(statement: Statement, stop: Stop, zone: ZoneInfo, at: datetime) -> Revocation:
    if stop.received_at < statement.starts_at or stop.received_at > at:
        text = "a revocation is received after the consent took effect and not in the future"
        raise ConsentRefused(text, rule="revocation-time", expression="stop.received_at")
    effective = CalendarMonth.of(stop.received_at, zone).last_day
    if stop.effective not in (None, effective):
        text = f"a stop takes effect at the end of its calendar month, {effective} (C6)"
        raise ConsentRefused(text, rule="revocation-effective", expression="stop.effective")
    return Revocation(stop.received_at, stop.channel, stop.recorded_by, effective)


def _check(statement: Statement, at: datetime) -> None:
    if statement.given_at > at:
        raise ConsentRefused("a consent is not given in the future", rule="consent-future", expression="given_at")
    if not statement.given_at <= statement.starts_at <= at:
        raise ConsentRefused(
            "a consent takes effect not before it is given (C3) and not in the future",
            rule="consent-start",
            expression="starts_at",
        )
    if not statement.agreed and not statement.decline_reason:
        raise ConsentRefused("a declined consent says why", rule="decline-reason", expression="decline_reason")
