"""The staff roster: `/t/{tenant}/time/roster`."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.timetrack.domain import staff
from services.timetrack.entrypoints.dependencies import here
from services.timetrack.entrypoints.timer_models import EhrId
from services.timetrack.usecases.ports import NoSuchThing, StaffRecord
from services.timetrack.usecases.record_staff_member import record_staff_member
from shared.kernel.errors import Invalid
from shared.kernel.vocabulary import PerformerRole, StaffRole
from shared.web.access_control import Principal, needs
from shared.web.fhir_route import RetryingRoute, etag, required_version

router = APIRouter(prefix="/t/{tenant}/time/roster", route_class=RetryingRoute, tags=["Roster"])

Caller = Annotated[Principal, Depends(needs("careledger/roster"))]
Json = dict[str, Any]
_IF_MATCH: Json = {
    "name": "If-Match",
    "in": "header",
    "description": "For a change: the ETag of the version that you read.",
    "schema": {"type": "string"},
    "example": 'W/"1"',
}
Short = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
UsState = Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="USPS code of a state or territory", examples=["NC"])]


class _Dated(BaseModel):
    model_config = ConfigDict(extra="forbid")

    since: date
    until: date | None = Field(default=None, description="The last day; absent: still.")


class RoleHeld(_Dated):
    """A role in Careledger."""

    role: StaffRole


class Credential(_Dated):
    """A license or certification."""

    credential: PerformerRole
    state: UsState | None = None
    number: Short | None = None
    verified: bool = Field(default=True, description="Whether somebody has looked it up at its source.")


class Supervision(_Dated):
    """The billing practitioner who supervises."""

    practitioner: EhrId


class WorkLocation(_Dated):
    """Where the person works, and who attested it."""

    country: str = Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2", examples=["US"])
    state: UsState | None = None
    attested_by: Short


def _without_example(schema: Json) -> None:
    schema.pop("examples", None)


_NURSE: Json = {
    "name": "Dana Whitfield",
    "npi": "1234567893",
    "roles": [{"role": "clinical-staff", "since": "2025-01-01"}],
    "credentials": [{"credential": "registered-nurse", "state": "CT", "number": "CT-1", "since": "2024-01-01"}],
    "supervision": [{"practitioner": "dr-1", "since": "2025-01-01"}],
    "locations": [{"country": "US", "state": "CT", "since": "2025-01-01", "attested_by": "dr-1"}],
    "exclusion_checks": ["2026-10-02"],
}


class StaffMember(BaseModel):
    """A member of staff, whole: what is not sent is no longer so."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_NURSE]})

    name: Short
    npi: str | None = Field(default=None, examples=["1234567893"])
    fhir_user: Short | None = Field(default=None, description="Who they are at a SMART launch (absolute URL of their fhirUser).")
    roles: list[RoleHeld] = Field(default_factory=list, max_length=50)
    credentials: list[Credential] = Field(default_factory=list, max_length=50)
    supervision: list[Supervision] = Field(default_factory=list, max_length=200)
    locations: list[WorkLocation] = Field(default_factory=list, max_length=50)
    exclusion_checks: list[date] = Field(
        default_factory=list, max_length=500, description="Days on which the exclusion lists were checked."
    )

    def to_member(self, practitioner: str) -> staff.StaffMember:
        """Return it for the use case."""
        return staff.StaffMember(
            practitioner=practitioner,
            name=self.name,
            npi=self.npi,
            fhir_user=self.fhir_user,
            roles=tuple(staff.RoleHeld(**dict(role)) for role in self.roles),
            credentials=tuple(staff.Credential(**dict(credential)) for credential in self.credentials),
            supervision=tuple(staff.Supervision(**dict(supervision)) for supervision in self.supervision),
            locations=tuple(staff.WorkLocation(**dict(location)) for location in self.locations),
            exclusion_checks=tuple(self.exclusion_checks),
        )


class RecordedMember(StaffMember):
    """A member of staff as recorded."""

    model_config = ConfigDict(json_schema_extra=_without_example)

    practitioner: str = Field(description="Practitioner id in the EHR.")
    version: int
    recorded_at: datetime
    recorded_by: str

    @classmethod
    def of(cls, record: StaffRecord) -> Self:
        """Return the view of a record."""
        told = {"version": record.version, "recorded_at": record.recorded_at, "recorded_by": record.recorded_by}
        return cls.model_validate({**asdict(record.member), **told})


class Roster(BaseModel):
    """All members of staff."""

    members: list[RecordedMember]


@router.put(
    "/{practitioner}",
    response_model=RecordedMember,
    summary="Record a member of staff",
    openapi_extra={"parameters": [_IF_MATCH]},
    responses={
        412: {"description": "Somebody changed it since you read it"},
        201: {"model": RecordedMember, "description": "Recorded for the first time"},
    },
)
async def record_member(
    request: Request, response: Response, practitioner: str, body: StaffMember, principal: Caller
) -> RecordedMember:
    """Record a member of staff under their Practitioner id; the same again changes nothing, a change needs If-Match."""
    at = await here(request, principal)
    seen = required_version(request) if "if-match" in request.headers else None
    record, new = await record_staff_member(
        uow=at.uow,
        practice=at.practice,
        author=at.author,
        member=body.to_member(_ehr_id(practitioner)),
        seen_version=seen,
        now=at.now,
    )
    response.status_code = 201 if new and record.version == 1 else 200
    response.headers["ETag"] = etag(record.version)
    return RecordedMember.of(record)


@router.get("/{practitioner}", response_model=RecordedMember, summary="Read a member of staff")
async def read_member(request: Request, response: Response, practitioner: str, principal: Caller) -> RecordedMember:
    """Return a member of staff."""
    at = await here(request, principal)
    async with at.uow as uow:
        record = await uow.roster.find(practitioner)
    if record is None:
        raise NoSuchThing("nobody of that id is on the roster")
    response.headers["ETag"] = etag(record.version)
    return RecordedMember.of(record)


@router.get("", response_model=Roster, summary="Read the whole roster")
async def read_roster(request: Request, principal: Caller) -> Roster:
    """Return the whole roster."""
    at = await here(request, principal)
    async with at.uow as uow:
        return Roster(members=[RecordedMember.of(record) for record in await uow.roster.all()])


def _ehr_id(text: str) -> str:
    if not (0 < len(text) <= 64) or not all(c.isascii() and (c.isalnum() or c in "-.") for c in text):
        raise Invalid("is no id of a Practitioner", rule="ehr-id", expression="practitioner")
    return text
