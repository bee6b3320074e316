"""Provenance of consents: a view over their versions, each told of by one resource (`integration.md` 1)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from services.consent.entrypoints.dependencies import call_of
from services.consent.fhir_mapping.outbound import write_provenance
from shared.db.asked import discloses
from shared.fhir.provenance import parse_provenance_id
from shared.kernel.errors import NotFound
from shared.web.access_control import Principal, needs
from shared.web.fhir_route import FhirRoute, fhir_response
from shared.web.routes import FHIR_BASE

router = APIRouter(prefix=f"{FHIR_BASE}/Provenance", route_class=FhirRoute, tags=["Provenance"])


@router.get("/{provenance_id}", response_class=Response, summary="Who made a version of a consent")
async def read_consent_provenance(
    provenance_id: str, request: Request, principal: Annotated[Principal, Depends(needs("system/Consent.r"))]
) -> Response:
    """Read the Provenance `c-<id>-<version>`: who recorded that version, when and why."""
    call = await call_of(request, principal)
    place = parse_provenance_id("c", provenance_id)
    if place is None:
        raise NotFound("there is no such consent")
    async with call.read(call.practice) as uow:
        found = await uow.consents.get(place[0], version=place[1], patient=principal.patient)
    if found is None:
        raise NotFound("there is no such consent")
    discloses(found.consent.statement.patient)
    return fhir_response(write_provenance(found.consent, call.bases))
