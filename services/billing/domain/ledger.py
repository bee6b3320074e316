"""The facts that a month is decided on, as billing's ledger holds them.

Every fact names its ledger row (`source`, e.g. `consent/7f3a@3`) and when it was recorded. Instants are aware UTC, days those of
the billing location. A `Ledger` is what is known of one patient, `Practice` what its patients share. Nothing here decides.
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from services.billing.domain.attestations import AttestationKind
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.values import value


@value
class Fact:
    """A row of the ledger; `digest` is the hash of its stored content, if the ledger keeps one."""

    source: str
    recorded_at: datetime
    digest: str = ""


@value
class Patient(Fact):
    """The patient; of a death the instant is known or only the day (R11); `death_source` tells of it if not the chart."""

    id: str
    birth: date | None = None
    died_at: datetime | None = None
    died_on: date | None = None
    death_source: str = ""

    @property
    def death(self) -> str:
        """The fact that tells of the death."""
        return self.death_source or self.source


@value
class ConsentFact(Fact):
    """One version of a consent (C8): `disclosed` are the disclosure codes recorded as given.

    `status`: active, rejected, inactive, entered-in-error; `in_force_until` the last billable day; `revoked_at` when stopped.
    """

    consent_id: str
    version: int
    program: str
    practitioner: str
    practitioner_npi: str | None = None
    practitioner_name: str | None = None
    status: str
    method: str
    given_at: datetime
    first_recorded_at: datetime
    in_force_from: datetime
    in_force_until: date | None = None
    disclosed: frozenset[str] = frozenset()
    revoked_at: datetime | None = None
    other_practice: str | None = None
    other_practice_name: str | None = None


@value
class NoteAssessment:
    """What the documentation check said of an entry (findings.md 3), and two prints of its words by which notes are compared."""

    outcome: str
    missing: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    version: str
    facts_print: str = ""
    words_print: str = ""


@value
class TimeEntryFact(Fact):
    """The version in force of one stretch of one performer's time: `start` and `end`, or `day` alone (T24).

    `role` is the credential in which it was done. `other_programs` claim it too (T6). `country` overrides the roster's location.
    `retagged_from` is an earlier version's program (L3). `has_…`: parts of the note filled in, looked at without an assessment.
    """

    entry_id: str
    version: int
    status: str = "completed"
    performer: str
    performer_name: str | None = None
    role: str
    directed_by: str | None = None
    program: str
    other_programs: tuple[str, ...] = ()
    activity: str
    start: datetime | None = None
    end: datetime | None = None
    day: date | None = None
    seconds: int
    basis: str = "measured"
    has_problem: bool = False
    has_action: bool = False
    has_relevance: bool = False
    has_note: bool = False
    assessment: NoteAssessment | None = None
    external_ids: tuple[str, ...] = ()
    country: str | None = None
    author: str
    written_at: datetime
    first_written_at: datetime
    retagged_from: str | None = None


@value
class Dated:
    """Something that holds from a day to a day, both inclusive; no `until`: still."""

    since: date
    until: date | None = None

    def holds_on(self, day: date) -> bool:
        """Tell whether it holds on `day`."""
        return self.since <= day and (self.until is None or day <= self.until)


@value
class CredentialHeld(Dated):
    """A licence or certification (`PerformerRole`) of the roster."""

    credential: str
    state: str | None = None
    verified: bool = True


@value
class SupervisedBy(Dated):
    """The billing practitioner who supervises (T12)."""

    practitioner: str


@value
class WorkLocation(Dated):
    """The country (ISO 3166 alpha-2) in which somebody works (T13, T27)."""

    country: str


@value
class StaffFact(Fact):
    """One member of the staff as the roster holds them (T28)."""

    practitioner: str
    name: str
    npi: str | None = None
    credentials: tuple[CredentialHeld, ...] = ()
    supervision: tuple[SupervisedBy, ...] = ()
    locations: tuple[WorkLocation, ...] = ()
    exclusion_checks: tuple[date, ...] = ()


@value
class Condition(Fact):
    """A problem of the problem list; `chronic` is what its source says, None where it says nothing."""

    condition_id: str
    icd10: str | None = None
    codes: tuple[str, ...] = ()
    active: bool = True
    chronic: bool | None = None
    onset: date | None = None
    abated: date | None = None


@value
class Coverage(Fact):
    """A coverage, both days inclusive; `kind`: medicare_ffs, medicare_advantage … or unknown, or a profile. Rank 1 pays first."""

    coverage_id: str
    kind: str
    payer: str | None = None
    payer_name: str | None = None
    plan: str | None = None
    member_id: str | None = None
    start: date | None = None
    end: date | None = None
    rank: int = 1
    qmb: bool = False
    active: bool = True


class EncounterKind(StrEnum):
    """What an encounter means for the month. `VISIT` is a face-to-face visit (R8); `VIRTUAL` and `OTHER` bar nothing."""

    VISIT = "visit"
    VIRTUAL = "virtual"
    INPATIENT = "inpatient"
    SNF_PART_A = "snf-part-a"
    NURSING_FACILITY = "nursing-facility"
    OBSERVATION = "observation"
    EMERGENCY = "emergency"
    OTHER = "other"


@value
class Encounter(Fact):
    """A visit or a stay. `start` and `end` are None where the hour is not known; `end_day` is None while it lasts."""

    encounter_id: str
    kind: EncounterKind
    start: datetime | None = None
    end: datetime | None = None
    start_day: date
    end_day: date | None = None
    practitioners: tuple[str, ...] = ()
    own_practice: bool = True
    codes: tuple[str, ...] = ()


@value
class CarePlan(Fact):
    """A version of the comprehensive care plan; `dated` is the day on which it was made or last reviewed (E5)."""

    plan_id: str
    active: bool = True
    dated: date
    author: str | None = None
    signed_by: str | None = None


@value
class Enrollment(Fact):
    """An episode of care of a program in the EHR."""

    episode_id: str
    program: str
    status: str
    start: date | None = None
    end: date | None = None
    practitioner: str | None = None


class ServiceStatus(StrEnum):
    """What is known of a service by somebody else, or of ours outside Careledger."""

    PAID = "paid"
    CLAIMED = "claimed"
    PLANNED = "planned"
    UNKNOWN = "unknown"


@value
class OtherService(Fact):
    """A service billed beside CCM: who (NPI), for which practice (TIN), and the days it covers if it covers a window."""

    code: str
    day: date
    npi: str | None = None
    tin: str | None = None
    status: ServiceStatus = ServiceStatus.UNKNOWN
    window_start: date | None = None
    window_end: date | None = None


@value
class Attestation(Fact):
    """What the EHR cannot say and a named person says. `value` is as `attestations.parse_value` returns it.

    It holds from `effective` to `until` (inclusive), or for `month` alone.
    """

    attestation_id: str
    kind: AttestationKind
    value: Mapping[str, object] = field(default_factory=dict)
    by: str
    role: str
    signed_at: datetime
    effective: date
    until: date | None = None
    month: CalendarMonth | None = None


@value
class ReviewDecision(Fact):
    """A named person's answer to a review: `add` or `leave-out` (time), `bill` or `do-not-bill` (charge), with a reason.

    `key` is that of the Finding; `modifier` is what a hospice review chooses (R23).
    """

    key: str
    decision: str
    reason: str
    by: str
    modifier: str | None = None


@value
class BilledCharge(Fact):
    """A charge of this patient-month that the billing system has acknowledged as billed."""

    charge_id: str
    code: str
    units: int
    date_of_service: date
    practitioner: str


@value
class EarlierMonth(Fact):
    """What was decided for an earlier month of the patient, for patterns over months (ccm-rules 0, finding 4)."""

    month: CalendarMonth
    lane: str
    staff_seconds: int
    complexity_attested: bool


@value
class Busy(Fact):
    """A performer's time for another patient, where imports made it meet time for this one (R29)."""

    performer: str
    start: datetime
    end: datetime


@value
class Signal(Fact):
    """A pattern found over many patients or months that a person should look at; `entry`: that it concerns this entry's time."""

    kind: str
    text: str
    entry: str | None = None


@value
class TenantFact(Fact):
    """The practice's own settings, effective-dated; `charge_master` is what it charges for a unit of a code, in dollars."""

    tenant: str
    effective_from: date
    zone: ZoneInfo
    npi: str | None = None
    tin: str | None = None
    place_of_service: str = "11"
    claim_form: str = "professional"
    settings: Mapping[str, int | str | bool] = field(default_factory=dict)
    plans: Mapping[str, str] = field(default_factory=dict)
    charge_master: Mapping[str, Decimal] = field(default_factory=dict)


@value
class Practice:
    """What all patients of a tenant share in a month; one object for a whole month's assembly.

    `tenants` are in order of version; `staff_seconds` seconds of all patients by performer and local day; `closed_at` is None
    while the month is open; `memo` keeps what the engine has found out about the shared facts (a qualification on a day).
    """

    tenants: tuple[TenantFact, ...]
    staff: Mapping[str, StaffFact] = field(default_factory=dict)
    attestations: tuple[Attestation, ...] = ()
    staff_seconds: Mapping[tuple[str, date], int] = field(default_factory=dict)
    closed_at: datetime | None = None
    memo: dict[Any, Any] = field(default_factory=dict, init=False, compare=False, repr=False)

    def tenant_in(self, month: CalendarMonth) -> TenantFact:
        """Return the settings in force at the end of `month`."""
        return self.tenants[0] if len(self.tenants) == 1 else self.tenant_on(month.last_day)

    def tenant_on(self, day: date) -> TenantFact:
        """Return the settings in force on a day: the last version effective by then, else the first."""
        effective = [version for version in self.tenants[1:] if version.effective_from <= day]
        return effective[-1] if effective else self.tenants[0]


@value
class Ledger:
    """What is known about one patient. Consents in all their versions; of every other fact the version in force."""

    patient: Patient
    practice: Practice
    consents: tuple[ConsentFact, ...] = ()
    entries: tuple[TimeEntryFact, ...] = ()
    conditions: tuple[Condition, ...] = ()
    coverages: tuple[Coverage, ...] = ()
    encounters: tuple[Encounter, ...] = ()
    care_plans: tuple[CarePlan, ...] = ()
    enrollments: tuple[Enrollment, ...] = ()
    other_services: tuple[OtherService, ...] = ()
    attestations: tuple[Attestation, ...] = ()
    decisions: tuple[ReviewDecision, ...] = ()
    billed: tuple[BilledCharge, ...] = ()
    earlier_months: tuple[EarlierMonth, ...] = ()
    busy: tuple[Busy, ...] = ()
    signals: tuple[Signal, ...] = ()
