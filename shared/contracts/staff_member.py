"""Owner: timetrack. `ccm.staff-member.recorded.v1`: the roster, by which a performer counts or does not (T9-T13, T28)."""

from datetime import date

from shared.contracts.base import Dated, Instant, Payload

TYPES = ("ccm.staff-member.recorded.v1",)


class RoleHeld(Dated):
    """A role in Careledger (`StaffRole`)."""

    role: str


class Credential(Dated):
    """A license or certification (`PerformerRole`) and the state that gave it."""

    credential: str
    state: str | None = None
    number: str | None = None
    verified: bool = True


class Supervision(Dated):
    """The billing practitioner (EHR Practitioner id) who supervises this person's work (T12)."""

    practitioner: str


class WorkLocation(Dated):
    """Where the person works: ISO country, US state, and who attested it (T13, T27)."""

    country: str
    state: str | None = None
    attested_by: str


class StaffMemberState(Payload):
    """One member of the practice's staff, whole, at a version; `practitioner` is the EHR's Practitioner id."""

    practitioner: str
    version: int
    name: str
    npi: str | None = None
    fhir_user: str | None = None
    recorded_at: Instant
    recorded_by: str
    roles: tuple[RoleHeld, ...] = ()
    credentials: tuple[Credential, ...] = ()
    supervision: tuple[Supervision, ...] = ()
    locations: tuple[WorkLocation, ...] = ()
    exclusion_checks: tuple[date, ...] = ()
