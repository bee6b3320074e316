"""Provenance of charges: a view over their published versions, each told of by one resource (`integration.md` 1)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from services.billing.entrypoints.dependencies import call_of
from services.billing.entrypoints.fhir_api import charge_versions
from services.billing.fhir_mapping import write_provenance
from shared.db.asked import discloses
from shared.fhir.provenance import parse_provenance_id
from shared.kernel.errors import NotFound
from shared.web.access_control import Principal, needs
from shared.web.fhir_route import FhirRoute, fhir_response
from shared.web.routes import FHIR_BASE

router = APIRouter(prefix=f"{FHIR_BASE}/Provenance", route_class=FhirRoute, tags=["Provenance"])


@router.get("/{provenance_id}", response_class=Response, summary="Who made a version of a charge")
async def read_charge_provenance(
    provenance_id: str, request: Request, principal: Annotated[Principal, Depends(needs("system/ChargeItem.r"))]
) -> Response:
    """Read the Provenance `b-<id>-<version>`: who attested, acknowledged or changed that version, when and why."""
    call = await call_of(request, principal)
    place = parse_provenance_id("b", provenance_id)
    if place is None:
        raise NotFound("there is no such charge")
    for charge in await charge_versions(call, str(place[0])):
        if charge.version == place[1]:
            discloses(charge.patient)
            return fhir_response(write_provenance(charge, call.bases))
    raise NotFound("there is no such charge")
