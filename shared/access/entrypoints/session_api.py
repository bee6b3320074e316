"""The page's session: its next token, its end; and the shell, at an address that says nothing but which launch it is."""

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from shared.access.domain.launch import tenant_of_launch
from shared.access.entrypoints.app_door import Door, check_own_page, keep_cookie
from shared.access.usecases.launch_ports import NoSession
from shared.access.usecases.open_page import OpenPage
from shared.kernel.errors import NotFound
from shared.web.access_control import Open
from shared.web.fhir_route import RetryingRoute

router = APIRouter(
    route_class=RetryingRoute,
    include_in_schema=False,
    dependencies=[Depends(Open("a session is proved by its handle; pages and files hold no patient data"))],
)

SESSION_COOKIE = "cls-"
_LAUNCH_ID = re.compile(r"[A-Za-z0-9_-]{40}\Z")
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
LaunchId = Annotated[str, Header(alias="X-Careledger-Launch", pattern=_LAUNCH_ID.pattern.replace(r"\Z", "$"))]


class Handle(BaseModel):
    """The session's handle, from a browser that keeps no cookie in a frame; else the cookie brings it."""

    handle: Annotated[str, Field(max_length=200)] | None = None


@router.post("/session/token")
async def token(body: Handle, launch: LaunchId, request: Request, door: Door) -> Response:
    """Give the page its next token of 300 s; 401 if the session is over."""
    check_own_page(request, door)
    try:
        return page_answer(await door.open_page(launch, _handle(body, launch, request)), None)
    except NoSession as over:
        answer = JSONResponse({"title": str(over)}, 401)
        keep_cookie(answer, SESSION_COOKIE + launch, "", seconds=0)
        return answer


@router.post("/session/end")
async def end(body: Handle, launch: LaunchId, request: Request, door: Door) -> Response:
    """End the session: its tokens and the EHR's are void."""
    check_own_page(request, door)
    await door.end_session(launch, _handle(body, launch, request))
    answer = Response(status_code=204)
    keep_cookie(answer, SESSION_COOKIE + launch, "", seconds=0)
    return answer


@router.get("/app/{launch_id}")
async def shell(launch_id: str, door: Door) -> Response:
    """Serve the shell; it asks for a token and then for the fragments of the launch in its address."""
    tenant_id = tenant_of_launch(launch_id)
    if tenant_id is None:
        raise NotFound("no such page")
    return door.page("shell.html", await door.directory.tenant_by_id(tenant_id))


@router.get("/static/{digest}/{name:path}")
async def static_file(digest: str, name: str, request: Request) -> Response:
    """Serve a file of the pages; its address changes with its bytes, so it never needs to be asked for again."""
    files = request.app.state.static_files
    file = files.files.get(name) if digest == files.digest else None
    if file is None:
        raise NotFound("no such file")
    return Response(file.body, headers=_FOR_EVER, media_type=file.kind)


def page_answer(page: OpenPage, handle: str | None) -> JSONResponse:
    """Answer with a token and what the shell shows; with the handle only where no cookie can keep it."""
    body = {
        "token": page.token,
        "expires_in": page.expires_in,
        "launch": page.launch_id,
        "tenant": page.tenant,
        "practice": page.practice,
        "user": page.user,
        "user_key": page.user_key,
        "role": page.role,
        "chart": page.chart,
        "pages": [{"path": one.path, "name": one.name} for one in page.pages],
    }
    return JSONResponse(body | ({"handle": handle} if handle else {}))


def _handle(body: Handle, launch: str, request: Request) -> str | None:
    return request.cookies.get(f"__Host-{SESSION_COOKIE}{launch}") or body.handle
