"""From the body of a preview to the ledger that the engine decides on: each fact's source is its place in the request."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.billing.domain.attestations import SPECS, AttestationKind, parse_value
from services.billing.domain.ledger import (
    Attestation,
    BilledCharge,
    Busy,
    CarePlan,
    Condition,
    ConsentFact,
    Coverage,
    CredentialHeld,
    EarlierMonth,
    Encounter,
    EncounterKind,
    Enrollment,
    Fact,
    Ledger,
    NoteAssessment,
    OtherService,
    Patient,
    Practice,
    ReviewDecision,
    Signal,
    StaffFact,
    SupervisedBy,
    TenantFact,
    TimeEntryFact,
    WorkLocation,
)
from services.billing.domain.versions import standing_entries
from services.billing.entrypoints import preview_bodies as bodies
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.errors import Invalid

F = TypeVar("F", bound=Fact)
_LONG_AGO = date(1900, 1, 1)


def ledger_of(body: bodies.PreviewBody, at: datetime) -> Ledger:
    """Return the facts of the body as known at `at`; Invalid names the field that cannot be read."""
    zone = _zone(body.practice.zone)

    def facts(name: str, make: Callable[..., F], *more: Any) -> tuple[F, ...]:
        rows = getattr(body, name)
        return tuple(make(row, {"source": f"{name}[{n}]", "recorded_at": at}, *more) for n, row in enumerate(rows))

    def plain(kind: type[F], **ids: str) -> Callable[..., F]:
        return lambda row, origin: kind(**origin, **row.model_dump(), **dict.fromkeys(ids, origin["source"]))

    practice = _practice(body.practice, zone, at)
    return Ledger(
        patient=Patient(source="patient", recorded_at=at, id="patient", **body.patient.model_dump()),
        practice=practice,
        consents=facts("consents", _consent),
        entries=standing_entries(facts("entries", _entry), practice.closed_at),
        conditions=facts("conditions", plain(Condition, condition_id="")),
        coverages=facts("coverages", plain(Coverage, coverage_id="")),
        encounters=facts("encounters", _encounter, zone),
        care_plans=facts("care_plans", plain(CarePlan, plan_id="")),
        enrollments=facts("enrollments", plain(Enrollment, episode_id="")),
        other_services=facts("other_services", _service),
        attestations=facts("attestations", _attestation, zone),
        decisions=facts("decisions", plain(ReviewDecision)),
        billed=facts("billed", plain(BilledCharge, charge_id="")),
        earlier_months=facts("earlier_months", _earlier),
        busy=facts("busy", plain(Busy)),
        signals=facts("signals", plain(Signal)),
    )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Invalid(f"there is no zone {name}", rule="T21", expression="practice.zone") from error


def _practice(body: bodies.PracticeBody, zone: ZoneInfo, at: datetime) -> Practice:
    limits = {name: getattr(body, name) for name in ("asserted_percent", "asserted_lead_percent")}
    tenant = TenantFact(
        source="practice",
        recorded_at=at,
        tenant="practice",
        effective_from=_LONG_AGO,
        zone=zone,
        npi=body.npi,
        tin=body.tin,
        place_of_service=body.place_of_service,
        claim_form=body.claim_form,
        settings={name: value for name, value in limits.items() if value is not None},
        plans=body.plans,
    )
    return Practice(
        tenants=(tenant,),
        staff={row.practitioner: _staff(row, f"practice.staff[{n}]", at) for n, row in enumerate(body.staff)},
        attestations=tuple(
            _attestation(row, {"source": f"practice.attestations[{n}]", "recorded_at": at}, zone)
            for n, row in enumerate(body.attestations)
        ),
        staff_seconds={(row.performer, row.day): row.seconds for row in body.staff_seconds},
        closed_at=body.closed_at,
    )


def _staff(row: bodies.StaffBody, source: str, at: datetime) -> StaffFact:
    return StaffFact(
        source=source,
        recorded_at=at,
        practitioner=row.practitioner,
        name=row.name or row.practitioner,
        npi=row.npi,
        credentials=_dated(CredentialHeld, row.credentials),
        supervision=_dated(SupervisedBy, row.supervision),
        locations=_dated(WorkLocation, row.locations),
        exclusion_checks=tuple(row.exclusion_checks),
    )


D = TypeVar("D", CredentialHeld, SupervisedBy, WorkLocation)


def _dated(kind: type[D], rows: Sequence[bodies.PeriodBody]) -> tuple[D, ...]:
    return tuple(kind(**row.model_dump(mode="python")) for row in rows)


def _consent(row: bodies.ConsentBody, origin: dict[str, Any]) -> ConsentFact:
    fields = row.model_dump(exclude={"consent", "recorded_at", "first_recorded_at", "in_force_from", "disclosed"})
    recorded = row.recorded_at or row.given_at
    return ConsentFact(
        **fields,
        source=origin["source"],
        recorded_at=recorded,
        consent_id=row.consent or origin["source"],
        first_recorded_at=row.first_recorded_at or recorded,
        in_force_from=row.in_force_from or row.given_at,
        disclosed=frozenset(row.disclosed),
    )


def _entry(row: bodies.EntryBody, origin: dict[str, Any]) -> TimeEntryFact:
    where = origin["source"]
    if row.start is not None and row.end is not None:
        if row.end <= row.start or row.end - row.start > timedelta(days=1):
            raise Invalid("an entry ends after its start and within 24 hours", rule="T2", expression=f"{where}.end")
        seconds, ended = int((row.end - row.start).total_seconds()), row.end
    elif row.day is not None and row.seconds is not None and row.start is None and row.end is None:
        seconds, ended = row.seconds, None
    else:
        raise Invalid("an entry has start and end, or day and seconds", rule="T24", expression=where)
    written = row.written_at or ended
    if written is None:
        raise Invalid("an entry known by its day only says when it was written", rule="T23", expression=f"{where}.written_at")
    fields = row.model_dump(
        exclude={
            "entry",
            "note",
            "documented",
            "other_programs",
            "external_ids",
            "author",
            "seconds",
            "written_at",
            "first_written_at",
        }
    )
    found = row.note
    return TimeEntryFact(
        **fields,
        source=where,
        recorded_at=written,
        entry_id=row.entry or where,
        other_programs=tuple(row.other_programs),
        seconds=seconds,
        assessment=None
        if found is None
        else NoteAssessment(outcome=found.outcome, missing=tuple(found.missing), flags=tuple(found.flags), version=found.version),
        has_problem="problem" in row.documented,
        has_action="action" in row.documented,
        has_relevance="relevance" in row.documented,
        has_note="note" in row.documented,
        external_ids=tuple(row.external_ids),
        author=row.author or row.performer,
        written_at=written,
        first_written_at=row.first_written_at or written,
    )


def _encounter(row: bodies.EncounterBody, origin: dict[str, Any], zone: ZoneInfo) -> Encounter:
    first = row.start_day or (row.start.astimezone(zone).date() if row.start else None)
    last = row.end_day or (row.end.astimezone(zone).date() if row.end else None)
    if first is None:
        raise Invalid("a visit or stay has a start or a first day", rule="T19", expression=f"{origin['source']}.start_day")
    if (last is not None and last < first) or (row.start is not None and row.end is not None and row.end < row.start):
        raise Invalid("it ends before it starts", rule="T19", expression=f"{origin['source']}.end")
    return Encounter(
        **origin,
        encounter_id=origin["source"],
        kind=row.kind,
        start=row.start,
        end=row.end,
        start_day=first,
        end_day=first if last is None and row.kind is EncounterKind.VISIT else last,
        practitioners=tuple(row.practitioners),
        own_practice=row.own_practice,
        codes=tuple(row.codes),
    )


def _service(row: bodies.OtherServiceBody, origin: dict[str, Any]) -> OtherService:
    return OtherService(**origin, **row.model_dump(exclude={"source"}))


def _earlier(row: bodies.EarlierMonthBody, origin: dict[str, Any]) -> EarlierMonth:
    return EarlierMonth(**origin, **row.model_dump(exclude={"month"}), month=CalendarMonth.parse(row.month))


def _attestation(row: bodies.StatementBody, origin: dict[str, Any], zone: ZoneInfo) -> Attestation:
    if SPECS[row.kind].preview or row.kind is AttestationKind.WITHDRAWAL:
        text = f"{row.kind} is told in {SPECS[row.kind].preview}" if SPECS[row.kind].preview else "what is withdrawn is left out"
        raise Invalid(text, rule=SPECS[row.kind].rule, expression=f"{origin['source']}.kind")
    return Attestation(
        source=origin["source"],
        recorded_at=row.signed_at,
        attestation_id=origin["source"],
        kind=row.kind,
        value=parse_value(row.kind, row.value),
        by=row.by,
        role=row.role,
        signed_at=row.signed_at,
        effective=row.effective or row.signed_at.astimezone(zone).date(),
        until=row.until,
        month=CalendarMonth.parse(row.month) if row.month else None,
    )
