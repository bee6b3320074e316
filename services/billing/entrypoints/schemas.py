"""Bodies of billing's routes beside FHIR."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from services.billing.domain.attestations import AttestationKind
from shared.kernel.vocabulary import StaffRole

EhrId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9\-.]{1,64}$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
MonthText = Annotated[str, StringConstraints(pattern=r"^2[01][0-9]{2}-(0[1-9]|1[0-2])$")]


class Body(BaseModel):
    """A request body: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class IdentifierBody(Body):
    """The sender's own identifier, by which a repeated request is known again."""

    system: Annotated[str, StringConstraints(min_length=1, max_length=500)] = Field(examples=["https://ehr.example/attestations"])
    value: Annotated[str, StringConstraints(min_length=1, max_length=500)] = Field(examples=["2026-10-risk-17"])


class AttestationBody(Body):
    """What somebody says that the EHR cannot say."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "identifier": {"system": "https://ehr.example/attestations", "value": "2026/p-1/risk"},
                    "kind": "risk",
                    "patient": "p-1",
                    "value": {"significant": True},
                    "by": "dr-1",
                    "role": "billing-practitioner",
                    "effective": "2026-01-20",
                }
            ]
        }
    )

    identifier: IdentifierBody
    kind: AttestationKind = Field(examples=["risk"])
    patient: EhrId | None = Field(default=None, description="EHR Patient id; absent: said of the practice")
    value: dict[str, Any] = Field(
        default_factory=dict, description="By kind, see the table of kinds", examples=[{"significant": True}]
    )
    by: EhrId = Field(description="EHR Practitioner id of the person who says so")
    role: StaffRole = Field(description="The role in which, held in the roster on the day of signing")
    signed_at: AwareDatetime | None = Field(default=None, description="When it was signed; absent: now")
    effective: date | None = Field(default=None, description="First day on which it holds; absent: the day of signing")
    until: date | None = Field(default=None, description="Last day on which it holds; absent: still")
    month: MonthText | None = Field(default=None, description="The one month that it is said of", examples=["2026-10"])


class AttestationAnswer(BaseModel):
    """The statement as recorded."""

    id: UUID
    created: bool = Field(description="False if this identifier had been recorded before")
    recorded_at: AwareDatetime


class ReviewBody(Body):
    """A named person's answer to a review."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"decision": "add", "reason": "the call is in the chart", "by": "dr-1"}]}
    )

    decision: Literal["add", "leave-out", "bill", "do-not-bill"] = Field(
        description="Of time add or leave-out, of a charge bill or do-not-bill"
    )
    reason: Words
    by: EhrId = Field(description="EHR Practitioner id of who decides")
    modifier: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{2}$")] | None = Field(
        default=None, description="Only where the review asks for one"
    )


class ReviewAnswer(BaseModel):
    """The decision as recorded; the month shows it when it is next assembled."""

    review: UUID
    version: int


class AttestBody(Body):
    """The billing practitioner's signature."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"by": "dr-1", "patients": ["p-1"]}]})

    by: EhrId = Field(description="EHR Practitioner id of the billing practitioner who signs")
    patients: list[EhrId] | None = Field(default=None, max_length=10_000, description="Only these; absent: all that are planned")
    differences: bool = Field(default=False, description="Sign the open differences of released months instead")


class AttestAnswer(BaseModel):
    """What became of each patient-month."""

    released: list[str] = Field(description="Patients whose charges are billable now (or whose difference was applied)")
    changed: list[str] = Field(description="Patients whose facts changed since the month was assembled: look again")
    waiting: list[str] = Field(description="Patients whom a hold or a review keeps")
    charges: int


class AssembleAnswer(BaseModel):
    """What an assembly did."""

    month: MonthText
    results: int = Field(description="Patients with a result")
    changed: int = Field(description="Results that are new or differ from before")
    outcomes: dict[str, int] = Field(description="Results by outcome")
    charts: int = Field(description="Charts read in the EHR")
    charts_unanswered: int = Field(description="Charts that the EHR did not give; these months are held")
    enrolment_read: bool = Field(description="Whether the EHR said who is enrolled")


class CloseBody(Body):
    """Who closes or reopens a month, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"by": "dr-1", "reason": "all charges are signed"}]})

    by: EhrId
    reason: Words


class MonthStandingAnswer(BaseModel):
    """A month's state."""

    month: MonthText
    status: Literal["open", "closed"]
    version: int = Field(description="How often it was closed or reopened")
    at: AwareDatetime | None = None
    by: str | None = None
    reason: str | None = None
    feed_position: str | None = Field(default=None, description="Where the change feed stood at the last close")


class TotalAnswer(BaseModel):
    """Charges and units of a code by status."""

    code: str
    status: str
    charges: int
    units: int


class ChargeAnswer(BaseModel):
    """A charge as it stands."""

    id: UUID
    status: str
    code: str
    units: int
    date_of_service: date
    practitioner: str
    attempt: int


class ResultAnswer(BaseModel):
    """One patient's month: the engine's decision whole, and what became of it."""

    patient: str
    version: int
    decision: str = Field(description="Hash of facts, rule book and engine")
    recorded_at: AwareDatetime
    releasable: bool = Field(description="Planned, and nothing keeps it from being signed")
    assembly: dict[str, Any] = Field(description="Lane, seconds, findings with rule, facts and sources, trace")
    charges: list[ChargeAnswer]
    reviews: dict[str, UUID] = Field(description="By the finding's key: the id under which it is decided")
    difference: dict[str, Any] | None = Field(description="What was released against what the facts give now")


class MonthAnswer(BaseModel):
    """A month with a page of its results."""

    month: MonthText
    status: Literal["open", "attested", "closed"]
    standing: MonthStandingAnswer
    outcomes: dict[str, int]
    totals: list[TotalAnswer]
    results: list[ResultAnswer]
    next: str | None = Field(description="Give it as `after` for the next page")


class ManifestAnswer(BaseModel):
    """What a billing system reconciles a month with: published charges only."""

    month: MonthText
    status: Literal["open", "attested", "closed"]
    charges: int
    units: int
    totals: list[TotalAnswer]
    feed_position: str = Field(description="Where the change feed stands now")
    feed_position_at_close: str | None
