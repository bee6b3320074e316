"""What browsers say of the pages around our frame, and the trial page that looks at them all (domain/framing.py)."""

import json
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from shared.access.domain.framing import Way, framed_by, origin_of, unnamed
from shared.access.domain.launch_refusals import LaunchRefused
from shared.access.entrypoints.app_door import AppDoor, Door, check_own_page
from shared.contracts.tenant import TenantState
from shared.kernel.errors import Malformed, NotFound
from shared.web.access_control import Open
from shared.web.fhir_route import RetryingRoute

router = APIRouter(
    route_class=RetryingRoute,
    include_in_schema=False,
    dependencies=[Depends(Open("a browser that was refused a frame tells of it; nobody is signed in and nothing opens"))],
)

_MOST_BYTES = 16_384


class Framed(BaseModel):
    """The pages around the trial page's frame, as it sees them: `whole` if it sees all, else the nearest one."""

    iss: Annotated[str, Field(max_length=4096)]
    origins: Annotated[list[Annotated[str, Field(max_length=300)]], Field(max_length=20)]
    whole: bool


async def named_parent(request: Request, door: AppDoor, tenant: TenantState) -> str | None:
    """Return the page right around a launch's frame if the practice names it; else note it: the browser refuses it itself."""
    parent = framed_by(request.headers)
    if parent is None or await _note(door, tenant, [parent], Way.PARENT):
        return None
    return parent


@router.post("/launch/refused/{tenant_id}", status_code=204)
async def refused(tenant_id: UUID, request: Request, door: Door) -> Response:
    """Take a browser's report that it refused the frame `within` a page that is named: another one above it is not.

    Nothing of the report is logged: it may hold the address of a launch.
    """
    tenant = await door.directory.tenant_by_id(tenant_id)
    report = _report(await request.body())
    directive = str(report.get("effective-directive") or report.get("violated-directive") or "")
    within = origin_of(request.query_params.get("within"))
    if tenant is None or within is None or unnamed([within], tenant.document.ehr.frame_ancestors):
        return Response(status_code=204)
    if directive.startswith("frame-ancestors"):
        await door.framings.note(tenant_id, within, Way.ABOVE)
    return Response(status_code=204)


@router.get("/launch/frame")
async def trial_page(request: Request, door: Door) -> Response:
    """Serve the trial page: anybody may frame it, since it can do nothing but say who does. `iss` names the practice."""
    iss = request.query_params.get("iss", "")
    tenant = await door.directory.tenant_of_issuer(iss)
    if tenant is None:
        return door.page("error_page.html", None, status=400, **door.refused(request, LaunchRefused("launch-unknown-ehr"), None))
    return door.page("frame.html", tenant, framed_by_all=True)


@router.post("/launch/framed")
async def framed(body: Framed, request: Request, door: Door) -> Response:
    """Note what the trial page sees, and answer which of it the practice does not name."""
    check_own_page(request, door)
    tenant = await door.directory.tenant_of_issuer(body.iss)
    if tenant is None:
        raise NotFound("no practice has this EHR")
    seen = [origin for one in body.origins if (origin := origin_of(one))]
    return JSONResponse({"seen": seen, "unnamed": await _note(door, tenant, seen, Way.TRIAL)})


async def _note(door: AppDoor, tenant: TenantState, origins: list[str], way: Way) -> list[str]:
    found = unnamed(origins, tenant.document.ehr.frame_ancestors)
    for origin in found:
        await door.framings.note(UUID(tenant.tenant_id), origin, way)
    return found


def _report(body: bytes) -> dict[str, Any]:
    """Return the report of a browser (`application/csp-report`)."""
    try:
        report = json.loads(body)["csp-report"] if len(body) <= _MOST_BYTES else None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Malformed("this is no report of a browser") from error
    if not isinstance(report, dict):
        raise Malformed("this is no report of a browser")
    return report
