"""Any table's file by an address that works once: where an EHR's frame may not download, a window of its own may."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from services.billing.entrypoints.fragments.common import answer, desk_of, fragment_router
from services.billing.entrypoints.fragments.practice import Everybody
from services.billing.usecases.one_time_files import OneTimeFile, keep_for_once, take_once
from shared.kernel.errors import Malformed
from shared.web.access_control import Open
from shared.web.fhir_route import RetryingRoute
from shared.web.typed import form_of

router = fragment_router("/exports")
open_router = APIRouter(prefix="/t/{tenant}/billing/exports", route_class=RetryingRoute, include_in_schema=False)

_FILE = re.compile(r"(?:[a-z0-9_/-]+)\.csv\Z")
_NAME = re.compile(r'filename="([A-Za-z0-9_.-]+)"')
_ONCE = Open("holds nothing of its own: whoever made the file has just been let in, and its address works once, for a minute")


@router.post("")
async def export(request: Request, principal: Everybody) -> Response:
    """Ask the named file of this very app in the caller's name, keep it for a minute, and answer with its address.

    What the caller may not read is refused by that file's own route, and its reading is on record there.
    """
    desk, typed = await desk_of(request, principal), await form_of(request)
    path, _, query = typed.get("file", "").partition("?")
    if not _FILE.match(path) or ".." in path:
        raise Malformed("file names no file of billing", expression="file")
    status, headers, body = await _ask(request, f"{desk.base}/{path}", query)
    if status != 200:
        return Response(body, status, media_type=headers.get("content-type", "application/problem+json"))
    named = _NAME.search(headers.get("content-disposition", ""))
    file = OneTimeFile(name=named[1] if named else "table.csv", media_type=headers["content-type"], body=body)
    secret = await keep_for_once(file=file, keep=desk.call.read, wall=desk.call.world.wall)
    return JSONResponse({"address": f"/t/{desk.call.principal.tenant}/billing/exports/{secret}"}, 201)


@open_router.get("/{secret}")
async def fetch(request: Request, tenant: str, secret: str, _: Annotated[None, Depends(_ONCE)]) -> Response:
    """Hand the file out once; a page that says so to everybody who comes later, or with another address."""
    state = request.app.state
    known = await state.registry.tenant(tenant)
    file = None
    if known is not None:
        world, tenant_id = state.world, known.tenant_id
        file = await take_once(secret=secret, keep=lambda: world.begin(tenant_id, tenant), wall=world.wall)
    if file is None:
        return answer("export_gone.html", status=404)
    headers = {"Content-Disposition": f'attachment; filename="{file.name}"', "Cache-Control": "no-store"}
    return Response(file.body, 200, headers, media_type=file.media_type)


async def _ask(request: Request, path: str, query: str) -> tuple[int, dict[str, str], bytes]:
    """Send a GET of the same caller through the whole app: its roles, limits and records are those of any other request."""
    kept = {"type", "asgi", "http_version", "scheme", "server", "client", "root_path", "app"}
    names = (b"authorization", b"x-careledger-launch", b"host")
    scope: dict[str, Any] = {name: value for name, value in request.scope.items() if name in kept} | {
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name, value) for name, value in request.scope["headers"] if name in names],
        "state": {},
    }
    found: dict[str, Any] = {"status": 500, "headers": {}, "body": b""}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            found["status"] = message["status"]
            found["headers"] = {name.decode().lower(): value.decode("latin-1") for name, value in message["headers"]}
        elif message["type"] == "http.response.body":
            found["body"] += message.get("body", b"")

    await request.app(scope, receive, send)
    return found["status"], found["headers"], found["body"]
