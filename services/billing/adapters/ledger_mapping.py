"""From ledger rows to the domain's `Ledger` of a patient and `Practice` of a month."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from services.billing.adapters import ehr_facts
from services.billing.adapters.event_facts import consent_fact, staff_fact, tenant_fact, time_entry_fact
from services.billing.domain.attestations import AttestationKind, parse_value
from services.billing.domain.ledger import (
    Attestation,
    BilledCharge,
    EarlierMonth,
    Fact,
    Ledger,
    OtherService,
    Patient,
    Practice,
    ReviewDecision,
    ServiceStatus,
    Signal,
    TimeEntryFact,
)
from services.billing.domain.stated_facts import plan_answers
from services.billing.domain.versions import standing_entries
from services.billing.usecases.decide_review import TAKEN_BACK
from services.billing.usecases.ports import Known, MonthFacts
from shared.kernel.calendar_month import CalendarMonth


class Row(NamedTuple):
    """A row of the ledger as the month's query gives it; `earlier` are a time entry's earlier versions, newest first."""

    patient: str | None
    aggregate: str
    version: int
    kind: str
    recorded_at: datetime
    digest: str
    data: str
    earlier: list[str] | None = None

    @property
    def key(self) -> str:
        """The name by which a fact tells its row."""
        return f"{self.aggregate}@{self.version}"


class _Statement(msgspec.Struct):
    id: str
    kind: str
    value: dict[str, Any]
    by: str
    role: str
    signed_at: datetime
    effective: date
    until: date | None = None
    month: str | None = None
    credential: str | None = None


class _Decision(msgspec.Struct):
    key: str
    decision: str
    reason: str
    by: str
    modifier: str | None = None


class _Signal(msgspec.Struct):
    kind: str
    text: str
    month: str
    stands: bool
    entry: str | None = None


class _Close(msgspec.Struct):
    month: str
    status: str
    at: datetime


_statement = msgspec.json.Decoder(_Statement)
_decision = msgspec.json.Decoder(_Decision)
_signal = msgspec.json.Decoder(_Signal)
_close = msgspec.json.Decoder(_Close)


class _Reading(msgspec.Struct):
    status: str


_reading = msgspec.json.Decoder(_Reading)


class _Facts:
    """A patient's facts while they are gathered, by field of `Ledger`."""

    def __init__(self, patient: str) -> None:
        self.id = patient
        self.patient: Patient | None = None
        self.chart: str | None = None
        self.chart_source = ""
        self.mrn: str | None = None
        self.lists: dict[str, list[Any]] = defaultdict(list)
        self.withdrawn: set[str] = set()

    def add(self, name: str, fact: Any) -> None:
        """Add a fact to a field; None is left out."""
        if fact is not None:
            self.lists[name].append(fact)

    def drop_withdrawn(self) -> None:
        """Leave out what was taken back."""
        for name in ("attestations", "other_services") if self.withdrawn else ():
            self.lists[name] = [fact for fact in self.lists[name] if not _is_withdrawn(fact, self.withdrawn)]


def practice_of(rows: Iterable[Row], month: CalendarMonth) -> MonthFacts | None:
    """Build what a month's patients share from the practice's rows in force (of tenants: all versions); None without a tenant."""
    tenants, staff, attestations, closed_at = [], {}, [], None
    withdrawn: set[str] = set()
    for row in rows:
        if row.kind == "tenant":
            tenants.append((row.version, *tenant_fact(row.data, row.key, row.digest)))
        elif row.kind == "staff-member":
            member = staff_fact(row.data, row.key, row.digest)
            staff[member.practitioner] = member
        elif row.kind == "attestation":
            attestations += [fact for fact in _attested(row, withdrawn) if isinstance(fact, Attestation)]
        elif row.kind == "month":
            close = _close.decode(row.data)
            if close.month == str(month) and close.status == "closed":
                closed_at = close.at
    if not tenants:
        return None
    tenants.sort(key=lambda version: version[0])
    effective = [version for version in tenants if version[1].effective_from <= month.last_day] or tenants[:1]
    said = tuple(fact for fact in attestations if not _is_withdrawn(fact, withdrawn))
    plans, profiles = plan_answers(said, month)
    practice = Practice(
        tenants=tuple(replace(version[1], plans={**version[1].plans, **plans}) for version in tenants),
        staff=staff,
        attestations=said,
        closed_at=closed_at,
    )
    return MonthFacts(month=month, practice=practice, payers={**effective[-1][2], **profiles}, busy={})


def known_of(
    rows: Iterable[Row],
    facts: MonthFacts,
    *,
    billed: dict[str, tuple[BilledCharge, ...]],
    earlier: dict[str, tuple[EarlierMonth, ...]],
) -> Iterator[Known]:
    """Build what is known of each patient, in order of patient, from rows in any order."""
    zone = facts.practice.tenant_in(facts.month).zone
    for patient, found in sorted(_in_force(rows).items()):
        into = _Facts(patient)
        for row in found.values():
            _take(row, facts, zone, into)
        into.drop_withdrawn()
        ledger = Ledger(
            patient=into.patient or _unread(patient, found.values()),
            practice=facts.practice,
            busy=facts.busy.get(patient, ()),
            billed=billed.get(patient, ()),
            earlier_months=earlier.get(patient, ()),
            **{name: tuple(values) for name, values in into.lists.items()},
        )
        yield Known(ledger=ledger, chart=into.chart, chart_source=into.chart_source, mrn=into.mrn)


def _in_force(rows: Iterable[Row]) -> dict[str, dict[str, Row]]:
    """Return the rows in force by patient and name: of a consent every version, of everything else the last."""
    found: dict[str, dict[str, Row]] = {}
    for row in rows:
        mine = found.setdefault(row.patient or "", {})
        name = row.key if row.kind == "consent" else row.aggregate
        other = mine.get(name)
        if other is None or other.version < row.version:
            mine[name] = row
    return found


def _unread(patient: str, rows: Iterable[Row]) -> Patient:
    """Return a patient whose chart nobody has read: known by the facts that name them."""
    first = min(rows, key=lambda row: (row.recorded_at, row.key))
    return Patient(source=first.key, recorded_at=first.recorded_at, id=patient)


def _take(row: Row, facts: MonthFacts, zone: ZoneInfo, into: _Facts) -> None:
    match row.kind:
        case "time-entry":
            entry = time_entry_fact(row.data, row.key, row.digest)
            into.add("entries", _standing(entry, row, facts.practice.closed_at) if row.earlier else entry)
        case "consent":
            into.add("consents", consent_fact(row.data, row.key, row.digest))
        case "attestation":
            for fact in _attested(row, into.withdrawn):
                into.add("attestations" if isinstance(fact, Attestation) else "other_services", fact)
        case "review-decision":
            into.add("decisions", _decided(row))
        case "signal":
            into.add("signals", _signalled(row, facts.month))
        case "ehr-read":
            into.chart, into.chart_source = _reading.decode(row.data).status, row.key
        case _:
            _take_resource(row, facts, zone, into)


def _standing(fact: TimeEntryFact, row: Row, closed_at: datetime | None) -> TimeEntryFact:
    """Return the version of an amended entry that stands for the month (T23)."""
    versions = [fact]
    for data in row.earlier or ():
        before = time_entry_fact(data, "", hashlib.sha256(data.encode()).hexdigest())
        versions.append(replace(before, source=f"{row.aggregate}@{before.version}"))
    return standing_entries(versions, closed_at)[0]


def _take_resource(row: Row, facts: MonthFacts, zone: ZoneInfo, into: _Facts) -> None:
    resource = msgspec.json.decode(row.data)
    if resource.get("gone"):
        return
    key, digest, at = row.key, row.digest, row.recorded_at
    match row.kind:
        case "Patient":
            number = ehr_facts.medical_record_number(resource)
            into.mrn = number.value if number else None
            into.patient = ehr_facts.patient_fact(resource, into.id, key, digest, at, zone)
        case "Condition":
            into.add("conditions", ehr_facts.condition_fact(resource, key, digest, at))
        case "Coverage":
            into.add("coverages", ehr_facts.coverage_fact(resource, key, digest, at))
        case "Encounter":
            into.add("encounters", ehr_facts.encounter_fact(resource, facts.practice.staff, key, digest, at, zone))
        case "CarePlan":
            into.add("care_plans", ehr_facts.care_plan_fact(resource, key, digest, at))
        case "EpisodeOfCare":
            for fact in ehr_facts.enrollment_facts(resource, key, digest, at):
                into.add("enrollments", fact)


def _decided(row: Row) -> ReviewDecision | None:
    d = _decision.decode(row.data)
    if d.decision == TAKEN_BACK:
        return None
    return ReviewDecision(
        source=row.key,
        digest=row.digest,
        recorded_at=row.recorded_at,
        key=d.key,
        decision=d.decision,
        reason=d.reason,
        by=d.by,
        modifier=d.modifier,
    )


def _signalled(row: Row, month: CalendarMonth) -> Signal | None:
    """Return the pattern that still stands in the month."""
    s = _signal.decode(row.data)
    if s.month != str(month) or not s.stands:
        return None
    return Signal(source=row.key, digest=row.digest, recorded_at=row.recorded_at, kind=s.kind, text=s.text, entry=s.entry)


def _is_withdrawn(fact: Fact, withdrawn: set[str]) -> bool:
    return fact.source.partition("@")[0] in withdrawn


def _attested(row: Row, withdrawn: set[str]) -> Iterator[Attestation | OtherService]:
    """Yield the fact that a statement is, and note in `withdrawn` the aggregate that it takes back."""
    said = _statement.decode(row.data)
    kind = AttestationKind(said.kind)
    value = parse_value(kind, said.value)
    if kind is AttestationKind.WITHDRAWAL:
        withdrawn.add(f"attestation/{value['attestation']}")
    if kind is AttestationKind.OTHER_SERVICE:
        status = ServiceStatus(str(value.get("status", ServiceStatus.UNKNOWN)))
        yield OtherService(
            source=row.key,
            digest=row.digest,
            recorded_at=row.recorded_at,
            **{**{k: v for k, v in value.items() if k != "source"}, "status": status},  # type: ignore[arg-type]
        )
        return
    yield Attestation(
        source=row.key,
        digest=row.digest,
        recorded_at=row.recorded_at,
        attestation_id=said.id,
        kind=kind,
        value=value,
        by=said.by,
        role=said.credential or said.role,
        signed_at=said.signed_at,
        effective=said.effective,
        until=said.until,
        month=CalendarMonth.parse(said.month) if said.month else None,
    )
