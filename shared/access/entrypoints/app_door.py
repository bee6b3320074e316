"""What the routes of the app work with, and what its pages have in common: their policy, cookies and refusals."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Protocol
from urllib.parse import quote
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Depends, Request, Response

from shared.access.domain.framing import Way
from shared.access.domain.launch_refusals import EXPLANATIONS, LaunchRefused
from shared.access.usecases.begin_launch import BegunLaunch
from shared.access.usecases.complete_launch import CompletedLaunch, EhrAnswer
from shared.access.usecases.launch_ports import Begin, Directory
from shared.access.usecases.open_page import OpenPage
from shared.contracts.tenant import TenantState
from shared.db.asked import denies
from shared.kernel.errors import Forbidden
from shared.web.pages import Pages, clock_words, day_words

_POLICY = (
    "default-src 'none'; script-src 'self' {own}; style-src 'self' {own}; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; object-src 'none'; {report}frame-ancestors {ancestors}"
)
_COOKIE = "Path=/; HttpOnly; Secure; SameSite=None; Partitioned"
_log = logging.getLogger(__name__)


class Assets(Protocol):
    """The files of the pages."""

    @property
    def scripts(self) -> list[str]: ...

    def address(self, name: str) -> str: ...


class Framings(Protocol):
    """What framed us and was not to."""

    async def note(self, tenant_id: UUID, origin: str, way: Way) -> None: ...


@dataclass(frozen=True)
class AppDoor:
    """The use cases and files behind the app's routes."""

    public_url: str
    directory: Directory
    begin: Begin
    begin_launch: Callable[[str, str], Awaitable[BegunLaunch]]
    complete_launch: Callable[[EhrAnswer, Sequence[str | None]], Awaitable[CompletedLaunch]]
    open_page: Callable[[str, str | None], Awaitable[OpenPage]]
    end_session: Callable[[str, str | None], Awaitable[bool]]
    end_if_stale: Callable[[str, str, str], Awaitable[bool]]
    framings: Framings
    pages: Pages
    assets: Assets

    def page(
        self,
        template: str,
        tenant: TenantState | None,
        *,
        status: int = 200,
        framed_by_all: bool = False,
        within: str | None = None,
        **values: object,
    ) -> Response:
        """Answer with a whole page, to be framed by the tenant's EHR only; it holds no patient data.

        `framed_by_all` is for a page that can do nothing. Where it is framed `within` a page that is named and the browser
        refuses all the same, it reports that.
        """
        return self.pages.answer(
            template,
            status=status,
            headers=page_headers(tenant, self.public_url, framed_by_all=framed_by_all, within=within),
            asset=self.assets.address,
            scripts=self.assets.scripts,
            **values,
        )

    def refused(self, request: Request, refusal: LaunchRefused, tenant: TenantState | None) -> dict[str, Any]:
        """Log a refused launch and return the words of its page."""
        denies(refusal.code)
        reference = str(request.state.request_id)[-8:].upper()
        zone = ZoneInfo(tenant.document.zone) if tenant else ZoneInfo("UTC")
        now = datetime.now(UTC)
        fields = {"service": "access", "error": refusal.code, "request_id": request.state.request_id}
        _log.warning("launch refused: %s", refusal.detail or refusal.code, extra=fields)
        return {
            "code": refusal.code,
            "explanation": EXPLANATIONS[refusal.code],
            "practice": tenant.document.name if tenant else None,
            "when": f"{day_words(now, zone)}, {clock_words(now, zone, seconds=True)} {now.astimezone(zone):%Z}",
            "reference": f"{reference[:4]}-{reference[4:]}",
        }


def _door(request: Request) -> AppDoor:
    door: AppDoor = request.app.state.app_door
    return door


Door = Annotated[AppDoor, Depends(_door)]


def page_headers(
    tenant: TenantState | None, own: str, *, framed_by_all: bool = False, within: str | None = None
) -> Mapping[str, str]:
    """Return the headers of a page: only the tenant's EHR may frame it, and without a tenant nobody.

    A browser's report names our own page only, so its address names the page within which it was. `own` is our origin by name:
    in a sandboxed frame without an origin, WebKit's `'self'` is nobody, and the page could not even say what to do.
    """
    named = " ".join(tenant.document.ehr.frame_ancestors) if tenant else ""
    report = f"report-uri /launch/refused/{tenant.tenant_id}?within={quote(within, safe='')}; " if tenant and within else ""
    ancestors = "*" if framed_by_all else named or "'none'"
    return {"Content-Security-Policy": _POLICY.format(own=own, report=report, ancestors=ancestors)}


def check_own_page(request: Request, door: AppDoor) -> None:
    """Raise Forbidden unless a script of our own pages asks, as far as the browser says who does."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site not in (None, "same-origin") or origin not in (None, door.public_url):
        raise Forbidden("this is for Careledger's own pages")


def keep_cookie(response: Response, name: str, value: str, *, seconds: int) -> None:
    """Set a cookie that only this origin gets, and only in the frame of this very site; 0 seconds end it.

    Written by hand: the standard library knows no Partitioned before Python 3.14.
    """
    response.headers.append("Set-Cookie", f"__Host-{name}={value}; Max-Age={seconds}; {_COOKIE}")
