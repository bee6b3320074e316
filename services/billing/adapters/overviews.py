"""Overviews as rows of one tenant: written whole for some patients, the time by staff summed by the database."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.adapters.ledger_repository import LedgerRepository
from services.billing.adapters.tables import OVERVIEW, OVERVIEW_STAFF
from services.billing.adapters.views import PageViews, face_of
from services.billing.usecases.overview_ports import OverviewRow
from services.billing.usecases.ports import Known, MonthFacts
from services.billing.usecases.view_ports import Face
from shared.kernel.calendar_month import CalendarMonth

_COLUMNS = [field.name for field in fields(OverviewRow)]
_row = pg.insert(OVERVIEW)
_held = sa.case(
    (_row.excluded.state != "hold", sa.null()),
    (OVERVIEW.c.state == "hold", sa.func.coalesce(OVERVIEW.c.held_since, _row.excluded.held_since)),
    else_=_row.excluded.held_since,
)
_PUT = _row.on_conflict_do_update(
    index_elements=[OVERVIEW.c.tenant_id, OVERVIEW.c.month, OVERVIEW.c.patient],
    set_={
        **{name: _row.excluded[name] for name in _COLUMNS if name not in ("patient", "held_since")},
        "held_since": _held,
    },
)
# The first version of an entry tells how its note was when it was first saved; the one in force how long it is.
_PUT_STAFF = sa.text("""
    INSERT INTO overview_staff
        (tenant_id, month, patient, performer, performer_name, measured, asserted, entries, passed, late)
    SELECT e.tenant_id, CAST(:month AS date), e.patient, e.performer,
           coalesce(max(e.data::jsonb #>> '{performer,name}'), e.performer),
           coalesce(sum(e.seconds) FILTER (WHERE e.data::jsonb ->> 'basis' <> 'asserted'), 0),
           coalesce(sum(e.seconds) FILTER (WHERE e.data::jsonb ->> 'basis' = 'asserted'), 0),
           count(*),
           count(*) FILTER (WHERE coalesce(f.data, e.data)::jsonb #>> '{note_assessment,outcome}' = 'pass'),
           count(*) FILTER (WHERE (e.data::jsonb ->> 'first_written_at')::timestamptz
                                  > coalesce(e.until_at, e.from_at) + interval '7 days')
      FROM ledger_entry AS e
      LEFT JOIN ledger_entry AS f
        ON f.tenant_id = e.tenant_id AND f.aggregate = e.aggregate AND f.version = 1 AND e.version > 1
     WHERE e.tenant_id = :tenant_id AND e.patient = ANY(CAST(:patients AS text[])) AND e.kind = 'time-entry'
       AND e.performer IS NOT NULL AND e.from_at >= :month_start AND e.from_at < :month_end
       AND e.data::jsonb ->> 'program' = 'ccm'
       AND NOT EXISTS (SELECT 1 FROM ledger_entry AS n
                        WHERE n.tenant_id = e.tenant_id AND n.aggregate = e.aggregate AND n.version > e.version)
     GROUP BY e.tenant_id, e.patient, e.performer
""")


class OverviewRepository:
    """Fills `usecases.overview_ports.OverviewStore` in an open transaction."""

    def __init__(self, connection: AsyncConnection, tenant_id: UUID, ledger: LedgerRepository, views: PageViews) -> None:
        self._connection = connection
        self._tenant_id = tenant_id
        self._ledger = ledger
        self._views = views

    async def known(self, patients: Sequence[str], facts: MonthFacts) -> list[Known]:
        """Return what is known of some patients."""
        return await self._ledger.of_these(patients, facts)

    async def faces(self, patients: Sequence[str]) -> dict[str, Face]:
        """Return who the patients are."""
        kinds = ("ehr-context", "ehr/Patient")
        rows = await self._views.newest([f"{kind}/{patient}" for patient in patients for kind in kinds])
        data = {row.aggregate: row.data for row in rows}
        return {patient: face_of(data.get(f"ehr-context/{patient}"), data.get(f"ehr/Patient/{patient}")) for patient in patients}

    async def unsuitable(self, patients: Sequence[str]) -> set[str]:
        """Return for whom a clinician said no, and not yes later."""
        rows = await self._views.newest([f"suitability/{patient}" for patient in patients])
        return {row.aggregate.partition("/")[2] for row in rows if not msgspec.json.decode(row.data)["suitable"]}

    async def put(self, month: CalendarMonth, patients: Sequence[str], rows: Sequence[OverviewRow]) -> None:
        """Make `rows` the overviews of `patients`: those without a row have none."""
        kept = {row.patient for row in rows}
        gone = [patient for patient in patients if patient not in kept]
        if gone:
            await self._connection.execute(sa.delete(OVERVIEW).where(*self._of(OVERVIEW, month, gone)))
        if rows:
            common = {"tenant_id": self._tenant_id, "month": month.first_day}
            values: list[dict[str, Any]] = [
                {**common, **asdict(row), "held_since": row.looked_at if row.state == "hold" else None}
                for row in sorted(rows, key=lambda row: row.patient)
            ]
            await self._connection.execute(_PUT, values)

    async def put_staff(self, month: CalendarMonth, start: datetime, end: datetime, patients: Sequence[str]) -> None:
        """Sum the time of `patients` by who worked it."""
        await self._connection.execute(sa.delete(OVERVIEW_STAFF).where(*self._of(OVERVIEW_STAFF, month, patients)))
        values = {
            "tenant_id": self._tenant_id,
            "month": month.first_day,
            "patients": list(patients),
            "month_start": start,
            "month_end": end,
        }
        await self._connection.execute(_PUT_STAFF, values)

    def _of(self, table: sa.Table, month: CalendarMonth, patients: Sequence[str]) -> list["sa.ColumnElement[bool]"]:
        who = sa.any_(sa.bindparam("who", list(patients), pg.ARRAY(sa.Text)))
        return [table.c.tenant_id == self._tenant_id, table.c.month == month.first_day, table.c.patient == who]
