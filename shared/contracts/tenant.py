"""Owner: access. `ccm.tenant.applied.v1`: a practice and its settings, one document, versioned and effective-dated."""

from datetime import date
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field

from shared.contracts.base import Instant, Payload
from shared.kernel.vocabulary import StaffRole

TYPES = ("ccm.tenant.applied.v1",)


class EhrConnection(Payload):
    """Where the practice's EHR is, how our services read it as a SMART backend client, and how it launches our app.

    `hosts` are further hosts of the EHR: absolute references, `fhirUser`, its authorize, token and key endpoints may lie there.
    The `iss` of launches is one of `issuers`, to the byte (none: `fhir_base`), and `app_client_id` our id as its app (none:
    `client_id`). `frame_ancestors` are the origins of all pages around our frame; without any the app opens in its own window
    only. A session lasts `session_hours`. `v1_scopes` asks in the words of SMART 1. Consents that are recorded from
    `file_consents_from` on are filed in the chart as DocumentReferences; without it none is.
    """

    fhir_base: str
    token_url: str
    client_id: str
    algorithm: Literal["RS384", "ES384"] = "RS384"
    hosts: tuple[str, ...] = ()
    issuers: tuple[str, ...] = ()
    app_client_id: str | None = None
    id_token_algorithms: tuple[Literal["RS256", "RS384", "ES256", "ES384"], ...] = ("RS256",)
    frame_ancestors: tuple[str, ...] = ()
    session_hours: int = Field(default=8, ge=1, le=12)
    v1_scopes: bool = False
    file_consents_from: date | None = None

    @property
    def launch_issuers(self) -> tuple[str, ...]:
        """The exact `iss` values by which this EHR launches us; each is a FHIR base of the EHR."""
        return self.issuers or (self.fhir_base,)

    @property
    def app_client(self) -> str:
        """Our client id as the EHR's app."""
        return self.app_client_id or self.client_id


class RoleRule(Payload):
    """Who has `role`: whoever meets what is named here, of the code of a PractitionerRole (system|code), NPI, Practitioner id."""

    role: StaffRole
    code: str | None = None
    npi: str | None = None
    practitioner: str | None = None


class CdsClient(Payload):
    """A system that asks for CDS Hooks cards about the practice's patients (CDS Hooks 2.0.1, "Trusting CDS Clients").

    Its tokens name it by `iss`, to the byte, and are signed by a key of `jwks`, or of the one address `jwks_url`. Where one `iss`
    speaks for many practices, `organization` is what the tokens' claim `tenant` must be. A token lives `token_seconds` at most
    and counts once, unless the client `reuses_tokens` while they live. `origins` are those of pages in a browser that may ask:
    for sandboxes.
    """

    iss: str
    jwks: dict[str, Any] | None = None
    jwks_url: str | None = None
    algorithms: tuple[Literal["RS384", "ES384"], ...] = ("RS384", "ES384")
    organization: str | None = None
    token_seconds: int = Field(default=900, ge=60, le=3600)
    reuses_tokens: bool = False
    origins: tuple[str, ...] = ()


class TenantDocument(Payload):
    """What `careledger tenant apply FILE` reads; YAML with these fields."""

    tenant: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{1,62}$")
    name: str
    npi: str
    tin: str | None = None
    zone: str
    place_of_service: str = "11"
    claim_form: Literal["professional", "institutional"] = "professional"
    programs: tuple[str, ...] = ("ccm",)
    effective_from: date
    active: bool = True
    ehr: EhrConnection
    roles: tuple[RoleRule, ...] = ()
    cds_clients: tuple[CdsClient, ...] = ()
    settings: dict[str, int | str | bool] = Field(default_factory=dict)
    payers: dict[str, Any] = Field(default_factory=dict)
    plans: dict[str, str] = Field(default_factory=dict)
    charge_master: dict[str, Decimal] = Field(default_factory=dict)


class TenantState(Payload):
    """The tenant's document at a version."""

    tenant_id: str
    version: int
    applied_at: Instant
    applied_by: str
    document: TenantDocument
