"""Provenance of time entries: a view over their versions, each told of by one resource (`integration.md` 1)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from services.timetrack.entrypoints.dependencies import here
from services.timetrack.entrypoints.task_answers import provenance_of
from services.timetrack.usecases.ports import NoSuchThing
from shared.fhir.provenance import parse_provenance_id
from shared.web.access_control import Principal, needs
from shared.web.fhir_route import FhirRoute, fhir_response
from shared.web.routes import FHIR_BASE

router = APIRouter(prefix=f"{FHIR_BASE}/Provenance", route_class=FhirRoute, tags=["Provenance"])


@router.get("/{provenance_id}")
async def read_task_provenance(
    request: Request, provenance_id: str, principal: Annotated[Principal, Depends(needs("system/Task.r"))]
) -> Response:
    """Return the Provenance `t-<id>-<version>`: who entered that version, when and why."""
    at = await here(request, principal)
    place = parse_provenance_id("t", provenance_id)
    if place is None:
        raise NoSuchThing("no such entry")
    async with at.uow as uow:
        found = await uow.entries.read(place[0], place[1], patient=at.patient)
    if found is None:
        raise NoSuchThing("no such entry")
    return fhir_response(provenance_of(found))
