"""Which charts are to be read, over all tenants: for the consumer's process, by the worker role."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncEngine

from services.billing.adapters.tables import EHR_DUE
from shared.contracts.tenant import TenantState
from shared.db.journal import JournalTables
from shared.db.transaction import worker_transaction

_AT_ONCE = 100


@dataclass(frozen=True)
class Due:
    """A chart to be read, since when."""

    tenant_id: UUID
    tenant: str
    patient: str
    asked_at: datetime


class ReadingList:
    """The list; a tenant whose settings have not come yet has to wait."""

    def __init__(self, engine: AsyncEngine, tables: JournalTables) -> None:
        self._engine = engine
        self._registry = tables.registry

    async def tenants(self) -> list[tuple[UUID, str]]:
        """Return the active tenants: id and slug."""
        query = (
            sa.select(self._registry.c.data)
            .ext(pg.distinct_on(self._registry.c.id))
            .where(self._registry.c.kind == "tenant")
            .order_by(self._registry.c.id, self._registry.c.version.desc())
        )
        async with worker_transaction(self._engine) as connection:
            states = [TenantState.model_validate_json(data) for data in (await connection.execute(query)).scalars()]
        return [(UUID(state.tenant_id), state.document.tenant) for state in states if state.document.active]

    async def due(self) -> list[Due]:
        """Return what has waited longest."""
        slugs = dict(await self.tenants())
        query = sa.select(EHR_DUE).where(EHR_DUE.c.tenant_id.in_(list(slugs))).order_by(EHR_DUE.c.asked_at).limit(_AT_ONCE)
        async with worker_transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return [Due(row.tenant_id, slugs[row.tenant_id], row.patient, row.asked_at) for row in rows]

    async def done(self, due: Due) -> None:
        """Take a chart off the list, unless it was asked for again meanwhile."""
        same = (EHR_DUE.c.tenant_id == due.tenant_id) & (EHR_DUE.c.patient == due.patient) & (EHR_DUE.c.asked_at == due.asked_at)
        async with worker_transaction(self._engine) as connection:
            await connection.execute(sa.delete(EHR_DUE).where(same))
