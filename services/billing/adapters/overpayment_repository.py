"""A tenant's overpayment cases as rows."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.adapters.journaling import plain_record
from services.billing.adapters.tables import JOURNAL, OVERPAYMENT
from services.billing.usecases.overpayment_ports import Overpayment
from services.billing.usecases.records import Author
from shared.db.journal import journalled, record_values
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.errors import Conflict

_C = OVERPAYMENT.c
_ENDS = ("settled_at", "outcome", "by", "reference")
_row = pg.insert(OVERPAYMENT).values({c.name: sa.bindparam(c.name, type_=c.type) for c in _C})
_PUT = journalled(
    _row.on_conflict_do_update(
        index_elements=[_C.tenant_id, _C.id],
        set_={name: _row.excluded[name] for name in _ENDS},
        where=_C.settled_at.is_(None),
    ).returning(_C.id),
    JOURNAL,
    publish=False,
)


class OverpaymentRepository:
    """Fills `usecases.overpayment_ports.OverpaymentStore` in an open transaction."""

    def __init__(self, connection: AsyncConnection, tenant_id: UUID, tenant: str) -> None:
        self._connection = connection
        self._tenant_id = tenant_id
        self._tenant = tenant

    async def open_cases(self, month: CalendarMonth | None = None, patients: Sequence[str] | None = None) -> list[Overpayment]:
        """Return cases that have not ended."""
        query = sa.select(OVERPAYMENT).where(_C.tenant_id == self._tenant_id, _C.settled_at.is_(None))
        if month is not None:
            query = query.where(_C.month == month.first_day)
        if patients is not None:
            query = query.where(_C.patient == sa.any_(sa.bindparam("who", list(patients), pg.ARRAY(sa.Text))))
        rows = await self._connection.execute(query.order_by(_C.report_by, _C.month, _C.patient))
        return [_case_of(row) for row in rows]

    async def case(self, case_id: UUID) -> Overpayment | None:
        """Return a case and keep it."""
        query = sa.select(OVERPAYMENT).where(_C.tenant_id == self._tenant_id, _C.id == case_id).with_for_update()
        row = (await self._connection.execute(query)).one_or_none()
        return _case_of(row) if row is not None else None

    async def put(self, case: Overpayment, author: Author, at: datetime) -> None:
        """Store a case with its journal row in one statement."""
        version = 1 if case.settled_at is None else 2
        action = "overpayment.found" if case.settled_at is None else "overpayment.settled"
        record = plain_record(at, author, action, (case.patient,), f"overpayment/{case.id}", version)
        values = {name: getattr(case, name) for name in ("id", "patient", "found_at", "report_by", "investigate_by", *_ENDS)}
        values |= {
            "tenant_id": self._tenant_id,
            "month": case.month.first_day,
            "billed": json.dumps(case.billed),
            "now": json.dumps(case.now),
        }
        stored = await self._connection.execute(_PUT, values | record_values(self._tenant_id, self._tenant, record))
        if stored.scalar_one() != 1:
            raise Conflict("somebody else has just ended this case")


def _case_of(row: Any) -> Overpayment:
    fields = {name: getattr(row, name) for name in ("id", "patient", "found_at", "report_by", "investigate_by", *_ENDS)}
    return Overpayment(
        **fields,
        month=CalendarMonth(row.month.year, row.month.month),
        billed=tuple((code, units) for code, units in json.loads(row.billed)),
        now=tuple((code, units) for code, units in json.loads(row.now)),
    )
