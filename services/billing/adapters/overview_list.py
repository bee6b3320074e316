"""Which patient-months are to be looked at anew, over all tenants: for the consumer's process, by the worker role."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.billing.adapters.tables import LEDGER_ENTRY, OVERVIEW_DUE
from shared.db.transaction import worker_transaction
from shared.kernel.calendar_month import CalendarMonth

_AT_ONCE = 5000


@dataclass(frozen=True)
class DueOverviews:
    """Notes of one tenant and one month (None: the months that run): whose, and the notes themselves."""

    tenant_id: UUID
    month: CalendarMonth | None
    patients: tuple[str, ...]
    notes: tuple[UUID, ...]


class OverviewList:
    """The notes that the database's triggers leave."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def due(self, tenants: Sequence[UUID]) -> list[DueOverviews]:
        """Return what waits of active tenants, some thousand notes at a time; a note of the whole practice names everybody."""
        query = sa.select(OVERVIEW_DUE).where(OVERVIEW_DUE.c.tenant_id.in_(list(tenants))).limit(_AT_ONCE)
        async with worker_transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
            whole = {row.tenant_id for row in rows if row.patient is None}
            everybody = {tenant_id: await self._everybody(connection, tenant_id) for tenant_id in whole}
        notes: dict[tuple[UUID, date | None], tuple[set[str], list[UUID]]] = {}
        for row in rows:
            patients, ids = notes.setdefault((row.tenant_id, row.month), (set(), []))
            ids.append(row.id)
            patients.update((row.patient,) if row.patient is not None else everybody[row.tenant_id])
        return [
            DueOverviews(tenant_id, _month(first_day), tuple(sorted(patients)), tuple(ids))
            for (tenant_id, first_day), (patients, ids) in notes.items()
        ]

    async def done(self, due: DueOverviews) -> None:
        """Take notes off the list; what came after they were read is a note of its own."""
        same = (OVERVIEW_DUE.c.tenant_id == due.tenant_id) & OVERVIEW_DUE.c.id.in_(due.notes)
        async with worker_transaction(self._engine) as connection:
            await connection.execute(sa.delete(OVERVIEW_DUE).where(same))

    async def ask_for_all(self, tenant_id: UUID) -> None:
        """Note a whole practice: a new day may mean another month, another age of evidence."""
        async with worker_transaction(self._engine) as connection:
            await connection.execute(sa.insert(OVERVIEW_DUE).values(tenant_id=tenant_id))

    async def _everybody(self, connection: AsyncConnection, tenant_id: UUID) -> list[str]:
        query = (
            sa.select(LEDGER_ENTRY.c.patient)
            .distinct()
            .where(LEDGER_ENTRY.c.tenant_id == tenant_id, LEDGER_ENTRY.c.patient.is_not(None))
        )
        return [patient for patient in (await connection.execute(query)).scalars() if patient is not None]


def _month(first_day: date | None) -> CalendarMonth | None:
    return CalendarMonth(first_day.year, first_day.month) if first_day else None
