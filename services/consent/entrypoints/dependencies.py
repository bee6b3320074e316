"""What a route works with: the doors that `main` opened (at `request.app.state`), and who calls for which practice."""

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self
from zoneinfo import ZoneInfo

from fastapi import Request

from services.consent.fhir_mapping.profile import Bases
from services.consent.usecases.ports import Author, Charts, Consents, Documents, Filings, Practice, Recorded, Staff, World
from shared.fhir.search import Search
from shared.kernel.errors import NotFound
from shared.smart.registry import Registry
from shared.web.access_control import Principal
from shared.web.routes import fhir_base


class SearchableConsents(Consents, Protocol):
    """Consents that can be searched as FHIR asks."""

    async def search(self, search: Search, *, patient: str | None = None) -> tuple[list[Recorded], int | None]:
        """Return one page and one row more if there is a next, and how many match if that was asked."""


class Reading(Protocol):
    """A unit of work over consents that can be searched."""

    @property
    def consents(self) -> SearchableConsents:
        """The tenant's consents, once it has begun."""

    @property
    def charts(self) -> Charts:
        """The charts of its patients."""

    @property
    def staff(self) -> Staff:
        """Its staff."""

    @property
    def documents(self) -> Documents:
        """Its signatures and scans."""

    @property
    def filings(self) -> Filings:
        """What goes into the EHR's charts."""

    async def __aenter__(self) -> Self:
        """Begin."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Commit, or roll back after an exception."""


ReadingFactory = Callable[[Practice], Reading]


@dataclass(frozen=True)
class Call:
    """One request: who makes it, for which practice, and where the things that it names lie."""

    principal: Principal
    practice: Practice
    bases: Bases
    author: Author
    world: World
    read: ReadingFactory


async def call_of(request: Request, principal: Principal) -> Call:
    """Return what the route works with; NotFound if the tenant has just been switched off."""
    state = request.app.state
    registry: Registry = state.registry
    tenant = await registry.tenant(principal.tenant)
    if tenant is None:
        raise NotFound("no such resource")
    zone, ehr = ZoneInfo(tenant.document.zone), tenant.document.ehr
    return Call(
        principal=principal,
        practice=Practice(principal.tenant_id, principal.tenant, zone),
        bases=Bases(own=fhir_base(state.public_url, principal.tenant), ehr=ehr.fhir_base, ehr_hosts=ehr.hosts, zone=zone),
        author=Author(principal.actor, principal.client_id, request.state.request_id),
        world=state.world,
        read=state.read,
    )
