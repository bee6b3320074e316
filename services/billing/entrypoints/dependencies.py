"""What a route works with: the doors that `main` opened (at `request.app.state`), and who calls for which practice."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Request

from services.billing.domain.charge import ChargeItem
from services.billing.domain.remittance import DenialCauses
from services.billing.domain.rule_book import RuleBook
from services.billing.fhir_mapping import Bases
from services.billing.usecases.cds_ports import CdsStore
from services.billing.usecases.export_ports import PublishedCharges
from services.billing.usecases.list_ports import Lists
from services.billing.usecases.one_time_files import FileStore
from services.billing.usecases.overview_ports import OverviewStore
from services.billing.usecases.ports import Begin, Chart, UnitOfWork
from services.billing.usecases.records import Author
from services.billing.usecases.refreshers import Lessons, RefresherStore
from services.billing.usecases.remittance_ports import RemittanceStore
from services.billing.usecases.view_ports import Views
from shared.fhir.search import Search
from shared.kernel.clock import Clock
from shared.kernel.errors import NotFound
from shared.smart.registry import Registry
from shared.web.access_control import Principal
from shared.web.charts import Charts
from shared.web.routes import fhir_base


class Catalog(PublishedCharges, Protocol):
    """The published charges of a tenant, for the outside; with `patient`, of that patient only."""

    async def versions(self, *charge_ids: UUID, patient: str | None) -> list[ChargeItem]:
        """Return all published versions of these charges, newest first."""

    async def search(self, search: Search, *, patient: str | None, zone: ZoneInfo) -> tuple[list[ChargeItem], int | None]:
        """Return one page and one more if there is a next, and how many match if that was asked."""

    async def changed_since(self, number: int, limit: int, *, patient: str | None) -> list[tuple[int, ChargeItem]]:
        """Return charges changed after a number of the feed, with their newest numbers, in that order."""


class Reading(UnitOfWork, Protocol):
    """A unit of work that can also be read from outside."""

    @property
    def catalog(self) -> Catalog:
        """The published charges, once it has begun."""

    @property
    def views(self) -> Views:
        """The reads of the pages, once it has begun."""

    @property
    def overviews(self) -> OverviewStore:
        """The lines of lists, to be made anew."""

    @property
    def lists(self) -> Lists:
        """The lines of lists, read."""

    @property
    def cds(self) -> CdsStore:
        """A patient's line for cards, and what came of cards."""

    @property
    def files(self) -> FileStore:
        """One-time files."""

    @property
    def refreshers(self) -> RefresherStore:
        """Who has done which lesson."""

    @property
    def remittances(self) -> RemittanceStore:
        """What payers decided."""


class World(Protocol):
    """What `main` opened for all tenants."""

    rule_book: RuleBook
    lessons: Lessons
    denial_causes: DenialCauses
    charts: Charts
    clock: Clock
    wall: Clock

    def rule_book_of(self, edition: str) -> RuleBook:
        """Return the rule book in force (edition empty), or a year's draft; Invalid for a year that has none."""

    def begin(self, tenant_id: UUID, tenant: str) -> Reading:
        """Return a new unit of work."""

    def chart(self, tenant: str) -> Chart:
        """Return the tenant's EHR."""

    async def publish(self, tenant_id: UUID) -> None:
        """Number what was committed, so that the feed shows it."""


@dataclass(frozen=True)
class Call:
    """One request: who makes it, for which practice, and where the things that it names lie."""

    principal: Principal
    bases: Bases
    author: Author
    world: World
    read: Callable[[], Reading]
    begin: Begin


async def call_of(request: Request, principal: Principal) -> Call:
    """Return what the route works with; NotFound if the tenant has just been switched off."""
    state = request.app.state
    registry: Registry = state.registry
    world: World = state.world
    tenant = await registry.tenant(principal.tenant)
    if tenant is None:
        raise NotFound("no such resource")

    def begin() -> Reading:
        return world.begin(principal.tenant_id, principal.tenant)

    return Call(
        principal=principal,
        bases=Bases(
            own=fhir_base(state.public_url, principal.tenant),
            ehr=tenant.document.ehr.fhir_base,
            ehr_hosts=tenant.document.ehr.hosts,
            zone=ZoneInfo(tenant.document.zone),
        ),
        author=Author(principal.actor, principal.client_id, request.state.request_id),
        world=world,
        read=begin,
        begin=begin,
    )
