"""The auditors' page: who saw and did what, by patient, person and day, and how far the log is sealed.

Each part answers for its own journal (`log_router`); access serves the page that asks all four (`page_router`).
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Protocol
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.db.asked import discloses
from shared.db.audit_reading import AuditLog, Standing, Wanted
from shared.db.journal import JournalTables
from shared.db.transaction import tenant_transaction
from shared.fhir.audit_event import interaction_of_row
from shared.kernel.errors import NotFound
from shared.kernel.vocabulary import StaffRole
from shared.web.access_control import Principal, page
from shared.web.fhir_route import RetryingRoute
from shared.web.pages import Pages, clock_words, day_words
from shared.web.typed import day_of

GUARANTEE = (
    "Every committed change has its audit record in the same transaction, and no patient data leaves in an answer before the "
    "record of that read is durable. Within 5 seconds a record is sealed; from the next external checkpoint on (at most 1 hour), "
    "edit, deletion, insertion, reordering or truncation of any sealed record by anyone, database administrators included, is "
    "found and named by `careledger audit verify` with the checkpoint and the public key. Records not yet covered by a "
    "checkpoint are protected by database privileges only. Folded denial floods keep counts, not each request. If the audit "
    "cannot be written, the request fails with 503."
)
"""As integration.md 7 has it: printed on the page and in docs/audit.md."""

_PAGES = Pages(Path(__file__).parent / "templates")
_AREAS = (("billing", "Billing"), ("time", "Time"), ("consent", "Consent"), ("access", "Front door"))
_MOST = 200
_WEEK = timedelta(days=7)
_VERBS = {
    "read": "Read", "vread": "Read a version", "history-instance": "Read the history", "search-type": "Searched",
    "create": "Recorded", "update": "Changed", "delete": "Dropped", "operation": "Asked",
}  # fmt: skip
Auditor = Annotated[Principal, Depends(page(StaffRole.AUDITOR, chart=False))]
Row = dict[str, Any]


class Place(Protocol):
    """A practice's settings, as far as the page needs them."""

    @property
    def document(self) -> Any:
        """The document: `zone`."""


@dataclass(frozen=True)
class AuditReading:
    """What the routes work with, found at the app as `audit_log`."""

    engine: AsyncEngine
    tables: JournalTables
    practice_of: Callable[[str], Awaitable[Place | None]]

    async def zone_of(self, tenant: str) -> ZoneInfo:
        """Return the practice's zone; NotFound if it is not served."""
        found = await self.practice_of(tenant)
        if found is None:
            raise NotFound("no such resource")
        return ZoneInfo(found.document.zone)


@dataclass(frozen=True)
class _Filter:
    first: date
    last: date
    patient: str
    person: str

    def wanted(self, zone: ZoneInfo) -> Wanted:
        """Return what is asked of the journal, days being the practice's."""
        start, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (self.first, self.last + timedelta(days=1)))
        return Wanted(start, end, self.patient or None, self.person or None)


def _filter(request: Request, today: date) -> _Filter:
    query = request.query_params
    last = day_of(query.get("to", "")) or today
    first = day_of(query.get("from", "")) or last - _WEEK
    text = {name: query.get(name, "").strip()[:200] for name in ("patient", "person")}
    return _Filter(min(first, last), last, text["patient"].removeprefix("Patient/"), text["person"])


def page_router() -> APIRouter:
    """Return the router of the page itself, which access serves."""
    router = _router("access")

    @router.get("")
    async def audit_page(request: Request, principal: Auditor) -> Response:
        """Show the filter, the guarantee, and a panel for each part's journal."""
        zone = await _reading(request).zone_of(principal.tenant)
        wanted = _filter(request, datetime.now(zone).date())
        return _PAGES.answer(
            "audit.html",
            base=f"/t/{principal.tenant}/app",
            areas=_AREAS,
            guarantee=GUARANTEE.replace("`", ""),
            first=wanted.first.isoformat(),
            last=wanted.last.isoformat(),
            patient=wanted.patient,
            person=wanted.person,
        )

    return router


def log_router(area: str) -> APIRouter:
    """Return the router of one part's journal, at `/t/{tenant}/app/<area>/audit/log`."""
    router = _router(area)

    @router.get("/log")
    async def audit_log(request: Request, principal: Auditor) -> Response:
        """Show the newest rows that match, each with its number in the sealed log, and how far that is sealed and signed."""
        reading = _reading(request)
        zone = await reading.zone_of(principal.tenant)
        wanted = _filter(request, datetime.now(zone).date())
        async with tenant_transaction(reading.engine, principal.tenant_id) as connection:
            log = AuditLog(connection, reading.tables, principal.tenant_id)
            rows, standing = await log.newest(wanted.wanted(zone), most=_MOST + 1), await log.standing()
        discloses(*(patient for row in rows for patient in row["patients"]))
        return _PAGES.answer(
            "audit_log.html",
            base=f"/t/{principal.tenant}/app",
            area=area,
            name=dict(_AREAS)[area],
            standing=_standing_words(standing, zone),
            rows=[_row(row, zone) for row in rows[:_MOST]],
            more=len(rows) > _MOST,
        )

    return router


def _router(area: str) -> APIRouter:
    return APIRouter(prefix=f"/t/{{tenant}}/app/{area}/audit", route_class=RetryingRoute, include_in_schema=False)


def _reading(request: Request) -> AuditReading:
    found: AuditReading = request.app.state.audit_log
    return found


def _standing_words(standing: Standing, zone: ZoneInfo) -> str:
    if standing.sealed is None or standing.sealed_at is None:
        return "Nothing is sealed yet."
    sealed = f"Sealed up to entry {standing.sealed}, {_at(standing.sealed_at, zone)}. "
    if standing.signed is None or standing.signed_at is None:
        return f"{sealed}No checkpoint is signed yet."
    return f"{sealed}The last checkpoint covers entry {standing.signed}, signed {_at(standing.signed_at, zone)}."


def _at(instant: datetime, zone: ZoneInfo) -> str:
    return f"{day_words(instant, zone)}, {clock_words(instant, zone, seconds=True)}"


def _row(row: Mapping[str, Any], zone: ZoneInfo) -> Row:
    resources = list(row["resources"] or ()) or [row["aggregate"]]
    month = row["at"].astimezone(zone)
    return {
        "at": _at(row["at"], zone),
        "person": row["actor"].rpartition("/")[2],
        "client": row["client"] if row["client"] != row["actor"] else "",
        "what": _what(row),
        "level": {"denied": "deny", "failed": "hold"}.get(row["action"], "none"),
        "where": row["route"] or "",
        "resource": resources[0] if len(resources) == 1 else f"{len(resources)} resources",
        "patients": list(row["patients"])[:5],
        "others": max(len(row["patients"]) - 5, 0),
        "month": f"{month:%Y-%m}",
        "entry": row["entry"],
        "request": row["request"],
    }


def _what(row: Mapping[str, Any]) -> str:
    verb = _VERBS.get(interaction_of_row(row), "Asked")
    rule = json.loads(row["data"])["rule"] if row["status"] is not None and row["data"] else row["status"]
    times = f", {row['times']} times" if (row["times"] or 1) > 1 else ""
    if row["action"] == "denied":
        return f"Refused ({rule}){times}"
    if row["action"] == "failed":
        return f"{verb}, without success ({rule})"
    return verb if row["status"] is not None else row["action"].replace(".", ": ").replace("-", " ").capitalize()
