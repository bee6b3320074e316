"""Ledger rows that came by event, as the domain's facts. On the month close's hot path: msgspec reads only what is used."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from services.billing.domain.ledger import (
    ConsentFact,
    CredentialHeld,
    NoteAssessment,
    StaffFact,
    SupervisedBy,
    TenantFact,
    TimeEntryFact,
    WorkLocation,
)


class _Person(msgspec.Struct):
    id: str
    npi: str | None = None
    name: str | None = None


class _Revocation(msgspec.Struct):
    received_at: datetime


class _Consent(msgspec.Struct):
    consent_id: str
    version: int
    program: str
    practitioner: _Person
    status: str
    method: str
    given_at: datetime
    recorded_at: datetime
    first_recorded_at: datetime
    in_force_from: datetime
    in_force_until: date | None = None
    disclosures: dict[str, bool] = {}
    revocation: _Revocation | None = None
    other_practice: str | None = None
    other_practice_name: str | None = None


class _Problem(msgspec.Struct):
    condition: str | None = None
    codes: tuple[str, ...] = ()
    text: str | None = None


class _Assessment(msgspec.Struct):
    outcome: str
    version: str
    missing: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    facts_print: str = ""
    words_print: str = ""


class _TimeEntry(msgspec.Struct):
    entry_id: str
    version: int
    status: str
    performer: _Person
    role: str
    program: str
    activity: str
    seconds: int
    basis: str
    author: str
    written_at: datetime
    first_written_at: datetime
    directed_by: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    day: date | None = None
    problem: _Problem | None = None
    action_taken: str | None = None
    clinical_relevance: str | None = None
    note: str | None = None
    note_assessment: _Assessment | None = None
    external_ids: tuple[str, ...] = ()


class _Dated(msgspec.Struct):
    since: date
    until: date | None = None


class _Role(_Dated):
    role: str = ""


class _Credential(_Dated):
    credential: str = ""
    state: str | None = None
    verified: bool = True


class _Supervision(_Dated):
    practitioner: str = ""


class _Location(_Dated):
    country: str = ""


class _Staff(msgspec.Struct):
    practitioner: str
    name: str
    recorded_at: datetime
    npi: str | None = None
    roles: tuple[_Role, ...] = ()
    credentials: tuple[_Credential, ...] = ()
    supervision: tuple[_Supervision, ...] = ()
    locations: tuple[_Location, ...] = ()
    exclusion_checks: tuple[date, ...] = ()


class _Document(msgspec.Struct):
    tenant: str
    zone: str
    npi: str
    effective_from: date
    tin: str | None = None
    place_of_service: str = "11"
    claim_form: str = "professional"
    settings: dict[str, int | str | bool] = {}
    payers: dict[str, Any] = {}
    plans: dict[str, str] = {}
    charge_master: dict[str, Decimal] = {}


class _Tenant(msgspec.Struct):
    applied_at: datetime
    document: _Document


_consent = msgspec.json.Decoder(_Consent)
_entry = msgspec.json.Decoder(_TimeEntry)
_staff = msgspec.json.Decoder(_Staff)
_tenant = msgspec.json.Decoder(_Tenant)


def consent_fact(data: str, source: str, digest: str) -> ConsentFact:
    """Read a version of a consent."""
    c = _consent.decode(data)
    return ConsentFact(
        source=source,
        digest=digest,
        recorded_at=c.recorded_at,
        consent_id=c.consent_id,
        version=c.version,
        program=c.program,
        practitioner=c.practitioner.id,
        practitioner_npi=c.practitioner.npi,
        practitioner_name=c.practitioner.name,
        status=c.status,
        method=c.method,
        given_at=c.given_at,
        first_recorded_at=c.first_recorded_at,
        in_force_from=c.in_force_from,
        in_force_until=c.in_force_until,
        disclosed=frozenset(code for code, told in c.disclosures.items() if told),
        revoked_at=c.revocation.received_at if c.revocation else None,
        other_practice=c.other_practice,
        other_practice_name=c.other_practice_name,
    )


def time_entry_fact(data: str, source: str, digest: str) -> TimeEntryFact:
    """Read a version of a time entry."""
    e = _entry.decode(data)
    found = e.note_assessment
    return TimeEntryFact(
        source=source,
        digest=digest,
        recorded_at=e.written_at,
        entry_id=e.entry_id,
        version=e.version,
        status=e.status,
        performer=e.performer.id,
        performer_name=e.performer.name,
        role=e.role,
        directed_by=e.directed_by,
        program=e.program,
        activity=e.activity,
        start=e.start,
        end=e.end,
        day=e.day,
        seconds=e.seconds,
        basis=e.basis,
        has_problem=e.problem is not None and (e.problem.condition or e.problem.codes or e.problem.text) not in (None, ()),
        has_action=bool(e.action_taken),
        has_relevance=bool(e.clinical_relevance),
        has_note=bool(e.note),
        assessment=None if found is None else _assessment(found),
        external_ids=e.external_ids,
        author=e.author,
        written_at=e.written_at,
        first_written_at=e.first_written_at,
    )


def _assessment(found: _Assessment) -> NoteAssessment:
    return NoteAssessment(
        outcome=found.outcome,
        missing=found.missing,
        flags=found.flags,
        version=found.version,
        facts_print=found.facts_print,
        words_print=found.words_print,
    )


def staff_fact(data: str, source: str, digest: str) -> StaffFact:
    """Read a member of the staff."""
    s = _staff.decode(data)
    return StaffFact(
        source=source,
        digest=digest,
        recorded_at=s.recorded_at,
        practitioner=s.practitioner,
        name=s.name,
        npi=s.npi,
        credentials=tuple(
            CredentialHeld(since=c.since, until=c.until, credential=c.credential, state=c.state, verified=c.verified)
            for c in s.credentials
        ),
        supervision=tuple(SupervisedBy(since=p.since, until=p.until, practitioner=p.practitioner) for p in s.supervision),
        locations=tuple(WorkLocation(since=w.since, until=w.until, country=w.country) for w in s.locations),
        exclusion_checks=s.exclusion_checks,
    )


def holds_role(data: str, role: str, day: date) -> bool:
    """Tell whether the member of the staff held `role` on `day`."""
    return any(
        held.role == role and held.since <= day and (held.until is None or day <= held.until)
        for held in _staff.decode(data).roles
    )


def credential_of(data: str, day: date) -> str | None:
    """Return the credential that the member of the staff held on `day`, the newest of several."""
    held = [c for c in _staff.decode(data).credentials if c.since <= day and (c.until is None or day <= c.until)]
    return max(held, key=lambda c: (c.since, c.credential)).credential if held else None


def tenant_fact(data: str, source: str, digest: str) -> tuple[TenantFact, dict[str, Any]]:
    """Read a version of the practice's settings, and its own payer profiles, which overlay the rule book's."""
    t = _tenant.decode(data)
    document = t.document
    fact = TenantFact(
        source=source,
        digest=digest,
        recorded_at=t.applied_at,
        tenant=document.tenant,
        effective_from=document.effective_from,
        zone=ZoneInfo(document.zone),
        npi=document.npi,
        tin=document.tin,
        place_of_service=document.place_of_service,
        claim_form=document.claim_form,
        settings=document.settings,
        plans=document.plans,
        charge_master=document.charge_master,
    )
    return fact, document.payers
