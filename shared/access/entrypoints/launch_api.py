"""The launch by an EHR: its page, its beginning, its way back, its end (integration.md 3)."""

from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from shared.access.domain.launch import tenant_of_state
from shared.access.domain.launch_refusals import LaunchRefused
from shared.access.entrypoints.app_door import AppDoor, Door, check_own_page, keep_cookie
from shared.access.entrypoints.framing_api import named_parent
from shared.access.entrypoints.session_api import SESSION_COOKIE, page_answer
from shared.access.usecases.complete_launch import EhrAnswer
from shared.contracts.tenant import TenantState
from shared.web.access_control import Open
from shared.web.fhir_route import RetryingRoute

router = APIRouter(
    route_class=RetryingRoute,
    include_in_schema=False,
    dependencies=[Depends(Open("it is where an EHR opens the app: nobody is signed in yet, and no patient data is in it"))],
)

_LAUNCH_SECONDS = 600
_MOST_SESSIONS = 20
Text = Annotated[str, Field(max_length=4096)]


class Begin(BaseModel):
    """What the EHR's address says."""

    iss: Text
    launch: Text


class Proof(BaseModel):
    """Which launch a page asks about."""

    state: Text


class Complete(BaseModel):
    """What the EHR sent the browser back with, and the secret if the page could keep it."""

    state: Text = ""
    code: Text | None = None
    iss: Text | None = None
    error: Text | None = None
    secret: Text | None = None


@router.get("/launch")
async def launch_page(request: Request, door: Door) -> Response:
    """Serve the page that begins a launch; it writes nothing. The EHR comes here with `iss` and `launch`."""
    iss, launch = request.query_params.get("iss"), request.query_params.get("launch")
    tenant = await door.directory.tenant_of_issuer(iss) if iss else None
    if not iss or not launch or tenant is None:
        refusal = LaunchRefused("launch-unknown-ehr" if iss and launch else "launch-incomplete")
        return door.page("error_page.html", tenant, status=400, **door.refused(request, refusal, tenant))
    return door.page("launch.html", tenant, within=await named_parent(request, door, tenant))


@router.post("/launch/begin")
async def begin(body: Begin, request: Request, door: Door) -> Response:
    """Begin a launch; the secret goes to the browser by a cookie and in the answer, since no single store is safe."""
    check_own_page(request, door)
    try:
        begun = await door.begin_launch(body.iss, body.launch)
    except LaunchRefused as refusal:
        return _refused(request, door, refusal, await door.directory.tenant_of_issuer(body.iss))
    answer = JSONResponse({"authorize_url": begun.authorize_url, "state": begun.state, "secret": begun.secret})
    keep_cookie(answer, _launch_cookie(begun.state), begun.secret, seconds=_LAUNCH_SECONDS)
    return answer


@router.post("/launch/proof")
async def proof(body: Proof, request: Request, door: Door) -> Response:
    """Tell whether the browser kept the cookie of a launch that it has just begun."""
    check_own_page(request, door)
    return JSONResponse({"cookie": f"__Host-{_launch_cookie(body.state)}" in request.cookies})


@router.get("/callback")
async def callback(request: Request, door: Door) -> Response:
    """Serve the shell to the browser that comes back from the EHR; nothing is redeemed here."""
    return door.page("shell.html", await _tenant_of(request.query_params.get("state", ""), door))


@router.post("/launch/complete")
async def complete(body: Complete, request: Request, door: Door) -> Response:
    """Complete a launch: burn it, check the proofs, open a session."""
    check_own_page(request, door)
    cookie = _launch_cookie(body.state)
    by_cookie = request.cookies.get(f"__Host-{cookie}")
    try:
        done = await door.complete_launch(EhrAnswer(body.state, body.code, body.iss, body.error), (by_cookie, body.secret))
    except LaunchRefused as refusal:
        answer = _refused(request, door, refusal, await _tenant_of(body.state, door))
        keep_cookie(answer, cookie, "", seconds=0)
        return answer
    answer = page_answer(done.page, None if by_cookie else done.handle)
    keep_cookie(answer, cookie, "", seconds=0)
    await _end_stale(request, answer, door, done.page.user_key)
    if by_cookie:
        keep_cookie(answer, SESSION_COOKIE + done.page.launch_id, done.handle, seconds=12 * 3600)
    return answer


async def _end_stale(request: Request, answer: Response, door: AppDoor, present: str) -> None:
    """End what the browser's partition still holds of others, and drop what is over: its jar is small."""
    prefix = f"__Host-{SESSION_COOKIE}"
    held = [(name.removeprefix(prefix), value) for name, value in request.cookies.items() if name.startswith(prefix)]
    for launch_id, handle in held[:_MOST_SESSIONS]:
        if await door.end_if_stale(launch_id, handle, present):
            keep_cookie(answer, SESSION_COOKIE + launch_id, "", seconds=0)


async def _tenant_of(state: str, door: AppDoor) -> TenantState | None:
    tenant_id = tenant_of_state(state)
    return await door.directory.tenant_by_id(tenant_id) if tenant_id is not None else None


def _refused(request: Request, door: AppDoor, refusal: LaunchRefused, tenant: TenantState | None) -> Response:
    return door.pages.answer("error.html", status=400, **door.refused(request, refusal, tenant))


def _launch_cookie(state: str) -> str:
    return f"ltx-{sha256(state.encode()).hexdigest()[:16]}"
