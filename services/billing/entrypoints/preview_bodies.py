"""The facts of one patient-month in field terms, as an integrator sends them to the preview: no ids of ours, nothing kept.

People are named as the sender likes, the same name each time. Days are those of the practice, instants carry their offset. What a
finding stands on is told by its place in the request (`entries[2]`).
"""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints

from services.billing.domain.attestations import SPECS, AttestationKind
from services.billing.domain.ledger import EncounterKind, ServiceStatus
from services.billing.entrypoints.preview_example import EXAMPLE
from services.billing.entrypoints.schemas import Body, MonthText
from shared.kernel.vocabulary import Activity, DisclosureCode, PerformerRole, Program

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=20)]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
_MANY = 500


def _list(text: str, at_most: int = _MANY) -> Any:
    return Field(default_factory=list, max_length=at_most, description=text)


def _table_of_kinds() -> str:
    rows = []
    for kind, spec in SPECS.items():
        fields = ", ".join(f"{f.name}{'' if f.required else '?'}: {' | '.join(f.choices) or f.type.value}" for f in spec.fields)
        rows.append(f"- `{kind}` ({spec.rule}): {spec.meaning} – {{{fields}}}")
    return "By kind (`?` may be absent):\n" + "\n".join(rows)


class PatientBody(Body):
    """The patient; of a death the instant, or only the day."""

    birth: date | None = None
    died_at: AwareDatetime | None = None
    died_on: date | None = None


class ConsentBody(Body):
    """A version of a consent; versions of one consent share `consent`."""

    consent: Name | None = Field(default=None, description="The consent of which this is a version; absent: one of its own")
    version: int = Field(default=1, ge=1)
    program: Program = Program.CCM
    practitioner: Name = Field(description="The billing practitioner whom it names")
    practitioner_npi: Code | None = None
    practitioner_name: Name | None = None
    status: Literal["active", "rejected", "inactive", "entered-in-error"] = "active"
    method: Literal["verbal", "written", "electronic"]
    given_at: AwareDatetime = Field(description="When the patient agreed or declined")
    recorded_at: AwareDatetime | None = Field(default=None, description="When this version was recorded; absent: as it was given")
    first_recorded_at: AwareDatetime | None = Field(default=None, description="When its first version was; absent: as this one")
    in_force_from: AwareDatetime | None = Field(default=None, description="Absent: from when it was given")
    in_force_until: date | None = Field(default=None, description="Last billable day")
    revoked_at: AwareDatetime | None = Field(default=None, description="When the patient's stop was received")
    disclosed: list[DisclosureCode] = Field(description="What was recorded as told")
    other_practice: Literal["yes", "no", "unknown"] | None = Field(
        default=None, description="Whether another practice furnishes it"
    )
    other_practice_name: Name | None = None


class NoteBody(Body):
    """What a documentation check said of an entry's note."""

    outcome: Literal["pass", "improve", "fail", "not-countable", "incomplete"]
    missing: list[Literal["problem", "action", "relevance"]] = _list("What it lacks", 3)
    flags: list[Name] = _list("What a person should look at, e.g. clone", 20)
    version: Name = "external"


class EntryBody(Body):
    """A version of a stretch of one person's time: start and end, or a day with seconds; versions share `entry`."""

    entry: Name | None = Field(default=None, description="The entry of which this is a version; absent: one of its own")
    version: int = Field(default=1, ge=1)
    status: Literal["completed", "entered-in-error"] = Field(default="completed", description="entered-in-error: taken back")
    performer: Name
    performer_name: Name | None = None
    role: PerformerRole = Field(description="The credential in which the work was done")
    directed_by: Name | None = Field(default=None, description="Who supervised it")
    program: Program = Program.CCM
    other_programs: list[Program] = _list("Programs that claim the same entry", 5)
    activity: Activity
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None
    day: date | None = Field(default=None, description="In place of start and end, where only the day is known")
    seconds: int | None = Field(default=None, ge=0, le=86_400, description="With `day`; else end minus start")
    basis: Literal["measured", "measured-with-gap", "asserted"] = "measured"
    country: Country | None = Field(default=None, description="Where the work was done; absent: as the staff list says")
    note: NoteBody | None = Field(default=None, description="Absent: not assessed, `documented` stands in")
    documented: list[Literal["problem", "action", "relevance", "note"]] = _list("Parts that are filled in", 4)
    external_ids: list[Name] = _list("Ids by which a repeated entry is known", 10)
    author: Name | None = Field(default=None, description="Absent: the performer")
    written_at: AwareDatetime | None = Field(default=None, description="Absent: as the work ended")
    first_written_at: AwareDatetime | None = Field(default=None, description="Of its first version; absent: as this one")


class ConditionBody(Body):
    """A problem of the problem list."""

    icd10: Code | None = None
    active: bool = True
    chronic: bool | None = Field(default=None, description="What the list itself says")
    onset: date | None = None
    abated: date | None = None


class CoverageBody(Body):
    """A coverage, both days inclusive; rank 1 pays first."""

    kind: Name = Field(
        default="unknown", description="medicare_ffs, medicare_advantage, medicaid, commercial, or a payer profile"
    )
    payer: Name | None = None
    payer_name: Name | None = None
    plan: Name | None = None
    start: date | None = None
    end: date | None = None
    rank: int = Field(default=1, ge=1, le=9)
    qmb: bool = False
    active: bool = True


class EncounterBody(Body):
    """A visit or a stay; without hours give days."""

    kind: EncounterKind
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None
    start_day: date | None = Field(default=None, description="Absent: the day of `start`")
    end_day: date | None = Field(default=None, description="Absent: the day of `end`; for a stay without either: it lasts")
    practitioners: list[Name] = _list("Who saw the patient", 20)
    own_practice: bool = Field(default=True, description="At the billing practice (same TIN)")
    codes: list[Code] = _list("Codes of the visit, if known", 20)


class CarePlanBody(Body):
    """A care plan, made or last reviewed on `dated`."""

    dated: date
    active: bool = True
    author: Name | None = None
    signed_by: Name | None = None


class EnrollmentBody(Body):
    """An episode of care of a program."""

    program: Program = Program.CCM
    status: Literal["active", "finished", "planned", "onhold", "cancelled"] = "active"
    start: date | None = None
    end: date | None = None
    practitioner: Name | None = None


class OtherServiceBody(Body):
    """A service billed beside this program, by anybody."""

    code: Code
    day: date
    npi: Code | None = Field(default=None, description="Who billed it")
    tin: Code | None = Field(default=None, description="For which practice")
    status: ServiceStatus = ServiceStatus.UNKNOWN
    source: Name | None = Field(default=None, description="From where it is known")
    window_start: date | None = None
    window_end: date | None = None


class StatementBody(Body):
    """What a named person says: risk, lane, complexity, initiating visit, copy of the plan and the rest of the table."""

    kind: AttestationKind
    value: dict[str, Any] = Field(default_factory=dict, description=_table_of_kinds())
    by: Name
    role: Name = "physician"
    signed_at: AwareDatetime
    effective: date | None = Field(default=None, description="First day on which it holds; absent: the day of signing")
    until: date | None = None
    month: MonthText | None = Field(default=None, description="The one month of which it is said")


class DecisionBody(Body):
    """A named person's answer to a review, by the finding's key."""

    key: Name
    decision: Literal["add", "leave-out", "bill", "do-not-bill"]
    reason: Name
    by: Name
    modifier: Code | None = None


class BilledBody(Body):
    """A line of this patient-month that was billed already."""

    code: Code
    units: int = Field(ge=1, le=99)
    date_of_service: date
    practitioner: Name


class EarlierMonthBody(Body):
    """What an earlier month came to, for patterns over months."""

    month: MonthText
    lane: Literal["clinical_staff", "complex", "practitioner"]
    staff_seconds: int = Field(ge=0)
    complexity_attested: bool


class BusyBody(Body):
    """A performer's time for another patient."""

    performer: Name
    start: AwareDatetime
    end: AwareDatetime


class SignalBody(Body):
    """A pattern over patients or months that a person should look at."""

    kind: Name
    text: Name
    entry: Name | None = Field(default=None, description="The entry whose time it concerns; absent: the month")


class PeriodBody(Body):
    """Days, both inclusive."""

    since: date = date(1900, 1, 1)
    until: date | None = None


class CredentialBody(PeriodBody):
    """A licence or certification."""

    credential: PerformerRole
    state: Code | None = None
    verified: bool = True


class SupervisionBody(PeriodBody):
    """The billing practitioner who supervises."""

    practitioner: Name


class LocationBody(PeriodBody):
    """The country of work."""

    country: Country


class StaffBody(Body):
    """A member of the staff, by the name that entries and consents use."""

    practitioner: Name
    name: Name | None = None
    npi: Code | None = None
    credentials: list[CredentialBody] = _list("With their days", 20)
    supervision: list[SupervisionBody] = _list("With their days", 50)
    locations: list[LocationBody] = _list("With their days", 20)
    exclusion_checks: list[date] = _list("Days on which the exclusion list was checked")


class StaffDayBody(Body):
    """Seconds of a performer on a day over all patients."""

    performer: Name
    day: date
    seconds: int = Field(ge=0)


class PracticeBody(Body):
    """The practice: its place, staff, standing attestations, answers for plans, and whether the month is closed."""

    zone: Name = Field(description="IANA zone of the billing location", examples=["America/New_York"])
    npi: Code | None = None
    tin: Code | None = None
    place_of_service: Code = "11"
    claim_form: Literal["professional", "institutional"] = "professional"
    asserted_percent: int | None = Field(default=None, ge=0, le=100, description="The practice's own limit of asserted time")
    asserted_lead_percent: int | None = Field(default=None, ge=0, le=100)
    plans: dict[str, str] = Field(default_factory=dict, description="Plan or payer → profile")
    payers: dict[str, Any] = Field(default_factory=dict, description="Own payer profiles, as in the tenant document")
    staff: list[StaffBody] = _list("Everybody whom entries and consents name")
    attestations: list[StatementBody] = _list("What the practice says for all its patients", 100)
    staff_seconds: list[StaffDayBody] = _list("Whole days of performers, where known", 10_000)
    closed_at: AwareDatetime | None = Field(default=None, description="When the month was closed; absent: open")


class PreviewBody(Body):
    """One patient-month. Every fact that the engine can use has a place here; what is absent is not known."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    month: MonthText
    at: AwareDatetime | None = Field(default=None, description="As if decided then; absent: now")
    edition: Annotated[str, StringConstraints(pattern=r"^[0-9]{0,4}$")] = Field(
        default="", description="A draft of the rule book (`2027`); absent: the rule book in force"
    )
    patient: PatientBody = Field(default_factory=PatientBody)
    practice: PracticeBody
    consents: list[ConsentBody] = _list("All versions, in any order")
    entries: list[EntryBody] = _list("Time entries of all programs, all versions")
    conditions: list[ConditionBody] = _list("The problem list")
    coverages: list[CoverageBody] = _list("Who pays", 50)
    encounters: list[EncounterBody] = _list("Visits of the last year, and stays of the month")
    care_plans: list[CarePlanBody] = _list("Versions of the comprehensive care plan", 100)
    enrollments: list[EnrollmentBody] = _list("Episodes of care", 50)
    other_services: list[OtherServiceBody] = _list("What else was billed")
    attestations: list[StatementBody] = _list("What is said of this patient")
    decisions: list[DecisionBody] = _list("Reviews that were decided")
    billed: list[BilledBody] = _list("What was billed already for this month", 20)
    earlier_months: list[EarlierMonthBody] = _list("The two months before", 12)
    busy: list[BusyBody] = _list("Performers' time for other patients")
    signals: list[SignalBody] = _list("Patterns", 50)
