"""Owner: access. `ccm.tenant.applied.v1`: a practice and its settings, one document, versioned and effective-dated."""

from datetime import date
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field

from shared.contracts.base import Instant, Payload

TYPES = ("ccm.tenant.applied.v1",)


class EhrConnection(Payload):
    """Where the practice's EHR is and how our services read it as a SMART backend client.

    `fhir_base` is also the `iss` of launches; `hosts` are further hosts on which absolute references may lie.
    """

    fhir_base: str
    token_url: str
    client_id: str
    algorithm: Literal["RS384", "ES384"] = "RS384"
    hosts: tuple[str, ...] = ()


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
