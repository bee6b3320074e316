"""Bodies of CDS Hooks 2.0.1, with the optional `version` and `hookVersion` of 3.0. Fields that we do not need are not read."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

PatientId = Annotated[str, StringConstraints(pattern=r"^(Patient/)?[A-Za-z0-9\-.]{1,64}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Indicator = Literal["info", "warning", "critical"]
Hook = Literal["patient-view", "appointment-book", "encounter-start"]

_AUTHORIZATION = {
    "type": "object",
    "description": "An access token for the EHR. It is neither used nor kept: leave it out.",
}
IsThere = Annotated[bool, BeforeValidator(lambda value: value is not None), WithJsonSchema(_AUTHORIZATION)]
"""A field of which only is read whether it is there."""


class Read(BaseModel):
    """A body of somebody else's: what we do not know is passed over."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


class HookContext(Read):
    """Where the user is: the patient decides; the other fields of the hook are not needed."""

    user_id: Text = Field(alias="userId", description="The user, as `Practitioner/id` or alike", examples=["Practitioner/rn-1"])
    patient_id: PatientId = Field(alias="patientId", description="FHIR id of the patient", examples=["p-1"])

    @property
    def patient(self) -> str:
        """The patient's id alone."""
        return self.patient_id.removeprefix("Patient/")


class HookRequest(Read):
    """A call of a service. No prefetch is asked for: what comes is passed over."""

    hook: Hook
    hook_instance: UUID = Field(alias="hookInstance", examples=["d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"])
    fhir_server: Text | None = Field(
        default=None, alias="fhirServer", description="Base URL of the EHR", examples=["https://ehr.example/fhir/R4"]
    )
    authorized: IsThere = Field(default_factory=bool, alias="fhirAuthorization")
    context: HookContext

    @model_validator(mode="after")
    def _server_of_authorization(self) -> Self:
        if self.authorized and self.fhir_server is None:
            raise ValueError("fhirAuthorization comes with the fhirServer that it is for (cds-r-1)")
        return self


class Coding(BaseModel):
    """A code of a system."""

    system: Text = Field(examples=["https://careledger.example/fhir/CodeSystem/cds-override-reason"])
    code: Text = Field(examples=["ask-later"])
    display: str | None = Field(default=None, examples=["Ask later"])


class Source(BaseModel):
    """Whose guidance a card is."""

    label: str
    url: str | None = None
    topic: Coding


class Link(BaseModel):
    """A SMART app to open."""

    label: str
    url: str
    type: Literal["absolute", "smart"]
    app_context: str | None = Field(default=None, serialization_alias="appContext")


class Card(BaseModel):
    """Something worth knowing in this chart now; `detail` is GitHub Flavored Markdown."""

    uuid: UUID
    summary: str = Field(max_length=139)
    detail: str | None = None
    indicator: Indicator
    source: Source
    override_reasons: list[Coding] | None = Field(default=None, serialization_alias="overrideReasons")
    links: list[Link]


class CardsAnswer(BaseModel):
    """The cards; none if there is nothing to say."""

    cards: list[Card]


class ServiceEntry(BaseModel):
    """A service for one hook. All have one id: newer cards take the place of older ones."""

    hook: Hook
    id: str
    title: str
    description: str
    usage_requirements: str = Field(serialization_alias="usageRequirements")
    version: str
    hook_version: str = Field(serialization_alias="hookVersion")


class ServicesAnswer(BaseModel):
    """The services of the practice."""

    services: list[ServiceEntry]


class AcceptedSuggestion(Read):
    """A suggestion that somebody took."""

    id: UUID


class GivenReason(Read):
    """Why a card was set aside: a code, words, or both (cds-fb-3)."""

    reason: Coding | None = None
    user_comment: Annotated[str, StringConstraints(min_length=1, max_length=2000)] | None = Field(
        default=None, alias="userComment"
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.reason is None and self.user_comment is None:
            raise ValueError("an overrideReason holds a reason, a userComment or both (cds-fb-3)")
        return self


class CardFeedback(Read):
    """What somebody did with a card."""

    card: UUID
    outcome: Literal["accepted", "overridden"]
    accepted: Annotated[list[AcceptedSuggestion], Field(min_length=1, max_length=50)] | None = Field(
        default=None, alias="acceptedSuggestions"
    )
    override: GivenReason | None = Field(default=None, alias="overrideReason")
    at: AwareDatetime = Field(alias="outcomeTimestamp", examples=["2026-10-05T14:05:31Z"])

    @model_validator(mode="after")
    def _accepts_something(self) -> Self:
        if self.outcome == "accepted" and self.accepted is None:
            raise ValueError("an accepted card names the acceptedSuggestions (cds-fb-2)")
        return self


class FeedbackBody(Read):
    """What users did with cards, some at a time."""

    feedback: Annotated[list[CardFeedback], Field(max_length=50)]
