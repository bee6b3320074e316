"""How the consents of one patient and program bear on each other, and which of them is in force at an instant.

A grant ends by the patient's stop (billable to the end of that month: C6, R10), by its own last day, by a later refusal given
to the same practitioner (R16: from that instant nothing), or by a later consent to another practitioner (C5). `given_at`
decides what is later, at one instant the order of recording (R14). A repeated grant to the same practitioner ends nothing
(R15), and a stop or refusal ends every earlier grant to that practitioner.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from services.consent.domain.consent import Change, Consent, Revocation, Status
from shared.kernel.calendar_month import day_start
from shared.kernel.vocabulary import DisclosureCode

RESTORED = "the consent that had ended this one does so no longer"


class Reason(StrEnum):
    """Why a consent is in force or not at an instant."""

    GRANTED = "granted"
    STOPPING = "revoked-to-month-end"
    BEFORE_START = "before-start"
    ENDED = "ended"
    REVOKED = "revoked"
    DECLINED = "declined"
    SUPERSEDED = "superseded"
    ENTERED_IN_ERROR = "entered-in-error"
    NO_CONSENT = "no-consent"


@dataclass(frozen=True)
class Evidence:
    """One consent, in the version known, and what it says at the instant asked about.

    `may_act` is false where services may still be billed but the patient has said stop. `ends_at` (exclusive) is when it
    ceases to be in force. `not_told` are the disclosures that it does not record as given.
    """

    consent: Consent
    reason: Reason
    in_force: bool
    may_act: bool
    ends_at: datetime | None
    not_told: tuple[DisclosureCode, ...]


@dataclass(frozen=True)
class InForce:
    """The answer at `at` as known at `known_at`: the evidence that decides, if any, and all that was considered."""

    at: datetime
    known_at: datetime
    deciding: Evidence | None
    evidence: tuple[Evidence, ...]

    @property
    def in_force(self) -> bool:
        """Whether time may be billed under a consent then."""
        return self.deciding is not None and self.deciding.in_force

    @property
    def may_act(self) -> bool:
        """Whether new work may be started then."""
        return self.deciding is not None and self.deciding.may_act

    @property
    def reason(self) -> Reason:
        """Why."""
        return self.deciding.reason if self.deciding else Reason.NO_CONSENT


@dataclass(frozen=True)
class _End:
    """What ends a grant: until when one may act on it and bill by it (both exclusive), by which consent, and why."""

    acts_until: datetime
    bills_until: datetime
    by: Consent
    reason: Reason


def in_force(
    history: Iterable[Consent], *, at: datetime, known_at: datetime, zone: ZoneInfo, practitioner: str | None = None
) -> InForce:
    """Tell whether a consent was in force `at` as known at `known_at`, for any practitioner or the one named.

    `history` are all versions of all consents of one patient and program, in any order; instants are aware.
    """
    known = _known(history, known_at)
    evidence = tuple(
        _evidence(consent, known, at, zone)
        for consent in sorted(known, key=_order)
        if practitioner in (None, consent.statement.practitioner.id)
    )
    told = [found for found in evidence if found.reason not in (Reason.BEFORE_START, Reason.ENTERED_IN_ERROR)]
    return InForce(at, known_at, max(told, key=_weight, default=None), evidence)


def consequences(changed: Consent, others: Sequence[Consent], *, zone: ZoneInfo) -> tuple[Consent, list[Consent]]:
    """Return `changed` as the others let it stand, and the new version of every other that it ends or lets stand again.

    `others` are the current versions of the other consents of the same patient and program.
    """
    family = [changed, *others]
    moved = [(other, _settled(other, family, zone)) for other in others]
    followed = [
        replace(
            settled,
            version=other.version + 1,
            change=_change(settled),
            recorded_at=changed.recorded_at,
            recorded_by=changed.recorded_by,
            change_reason=RESTORED if settled.status is Status.ACTIVE else None,
        )
        for other, settled in moved
        if settled != other
    ]
    return _settled(changed, family, zone), followed


def _change(settled: Consent) -> Change:
    if settled.status is Status.ACTIVE:
        return Change.CORRECTED
    return Change.REVOKED if settled.revocation else Change.SUPERSEDED


def _settled(consent: Consent, family: Sequence[Consent], zone: ZoneInfo) -> Consent:
    """Return the consent with status, last billable day and successor as the family gives them."""
    if consent.status in (Status.REJECTED, Status.ENTERED_IN_ERROR):
        return consent
    ends = _ends(consent, family, zone)
    last = min((end.bills_until for end in ends), default=None)
    until = _last_day(last, zone) if last else None
    if _own_revocation(consent):
        return replace(consent, in_force_until=until)
    by_others = [end for end in ends if end.by.id != consent.id]
    if not by_others:
        return replace(consent, status=Status.ACTIVE, superseded_by=None, revocation=None, in_force_until=until)
    first = min(by_others, key=lambda end: (end.acts_until, _order(end.by)))
    revocation = first.by.revocation if first.reason is Reason.REVOKED else None
    return replace(consent, status=Status.INACTIVE, superseded_by=first.by.id, revocation=revocation, in_force_until=until)


def _ends(consent: Consent, family: Iterable[Consent], zone: ZoneInfo) -> list[_End]:
    """Return everything that ends the grant `consent`."""
    statement = consent.statement
    ends = []
    if statement.until:
        last = day_start(statement.until + timedelta(days=1), zone)
        ends.append(_End(last, last, consent, Reason.ENDED))
    for other in family:
        if other.status is Status.ENTERED_IN_ERROR:
            continue
        begins, agreed = other.statement.starts_at, other.statement.agreed
        same_practitioner = other.statement.practitioner.id == statement.practitioner.id
        stop = _own_revocation(other)
        if stop and same_practitioner and stop.received_at >= statement.starts_at:
            last = day_start(stop.effective + timedelta(days=1), zone)
            ends.append(_End(stop.received_at, last, other, Reason.REVOKED))
        if _order(other) > _order(consent):
            if agreed and not same_practitioner:
                ends.append(_End(begins, begins, other, Reason.SUPERSEDED))
            if same_practitioner and not agreed:
                ends.append(_End(begins, begins, other, Reason.DECLINED))
    return ends


def _evidence(consent: Consent, known: Sequence[Consent], at: datetime, zone: ZoneInfo) -> Evidence:
    statement = consent.statement
    ends = _ends(consent, known, zone) if consent.statement.agreed else []
    first = min(ends, key=lambda end: (end.bills_until, _order(end.by)), default=None)
    stopped = any(end.acts_until <= at for end in ends)
    if consent.status is Status.ENTERED_IN_ERROR:
        reason = Reason.ENTERED_IN_ERROR
    elif at < statement.starts_at:
        reason = Reason.BEFORE_START
    elif not statement.agreed:
        reason = Reason.DECLINED
    elif first and first.bills_until <= at:
        reason = first.reason
    else:
        reason = Reason.STOPPING if stopped else Reason.GRANTED
    return Evidence(
        consent=consent,
        reason=reason,
        in_force=reason in (Reason.GRANTED, Reason.STOPPING),
        may_act=reason is Reason.GRANTED,
        ends_at=first.bills_until if first else None,
        not_told=tuple(code for code in DisclosureCode if not statement.disclosures.get(code)),
    )


def _known(history: Iterable[Consent], known_at: datetime) -> list[Consent]:
    newest: dict[UUID, Consent] = {}
    for consent in history:
        if consent.recorded_at <= known_at and (consent.id not in newest or consent.version > newest[consent.id].version):
            newest[consent.id] = consent
    return list(newest.values())


def _order(consent: Consent) -> tuple[datetime, datetime, UUID]:
    return consent.statement.starts_at, consent.first_recorded_at, consent.id


def _weight(found: Evidence) -> tuple[bool, bool, int, tuple[datetime, datetime, UUID]]:
    """Prefer what is in force, then what may be acted on, then the fuller disclosure (R15), then the later."""
    return found.in_force, found.may_act, -len(found.not_told), _order(found.consent)


def _own_revocation(consent: Consent) -> Revocation | None:
    """Return the stop that this consent itself records, not the copy of another's."""
    return consent.revocation if consent.superseded_by is None else None


def _last_day(end: datetime, zone: ZoneInfo) -> date:
    return (end - timedelta(microseconds=1)).astimezone(zone).date()
