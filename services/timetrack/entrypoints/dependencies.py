"""What a request is handled with, taken from `request.app.state` and typed."""

from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from fastapi import Request

from services.timetrack.fhir_mapping.inbound import EhrPlace
from services.timetrack.usecases.ports import Author, ClosedMonths, Patients, Practice, StoredVersion, UnitOfWork
from shared.contracts.tenant import TenantDocument
from shared.fhir.search import Key, Search
from shared.kernel.errors import NotFound
from shared.kernel.values import value
from shared.web.access_control import Principal
from shared.web.routes import fhir_base


class Searches(Protocol):
    """Searches the entries of a tenant."""

    async def search(self, search: Search, *, patient: str | None = None) -> tuple[list[StoredVersion], list[Key], int | None]:
        """Return up to one more than the wanted count, the sort keys of the last wanted row, and the total where asked."""


class SearchableUnitOfWork(UnitOfWork, Protocol):
    """A unit of work that can also search."""

    searches: Searches


@value
class Here:
    """One request's place: whose practice, on whose behalf, when, and the doors to the rest."""

    practice: Practice
    author: Author
    document: TenantDocument
    base: str
    patient: str | None
    now: datetime
    uow: SearchableUnitOfWork
    patients: Patients
    months: ClosedMonths

    @property
    def ehr(self) -> EhrPlace:
        """Where the practice's EHR is."""
        return EhrPlace(self.document.ehr.fhir_base, self.document.ehr.hosts)


async def here(request: Request, principal: Principal) -> Here:
    """Return the place of a request whose caller has been verified."""
    state: Any = request.app.state
    tenant = await state.registry.tenant(principal.tenant)
    if tenant is None:
        raise NotFound("no such resource")
    practice = Practice(principal.tenant_id, principal.tenant, ZoneInfo(tenant.document.zone))
    return Here(
        practice=practice,
        author=Author(principal.actor, principal.client_id, request.state.request_id),
        document=tenant.document,
        base=fhir_base(state.public_url, principal.tenant),
        patient=principal.patient,
        now=state.clock.now(),
        uow=state.unit_of_work(practice),
        patients=state.patients,
        months=state.registry,
    )
