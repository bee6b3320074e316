"""The overviews of one tenant, read: pages by index, sums by one pass."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.adapters.tables import ASSEMBLY, DIFFERENCE, LEDGER_ENTRY, OVERVIEW, OVERVIEW_DUE, OVERVIEW_STAFF
from services.billing.domain.findings import Difference
from services.billing.usecases.list_ports import (
    PAGE,
    ChargeTally,
    Decided,
    HoldNote,
    OpenDifference,
    StaffTally,
    Tally,
    Want,
)
from services.billing.usecases.overview_ports import OverviewRow
from shared.db.asked import discloses
from shared.kernel.calendar_month import CalendarMonth

_O, _S = OVERVIEW.c, OVERVIEW_STAFF.c
_IN_MONTH = _O.state != "outside"
_LISTS: dict[str, "sa.ColumnElement[bool]"] = {
    "all": _IN_MONTH,
    "hold": _O.state == "hold",
    "attest": _O.state == "attest",
    "released": _O.state == "released",
    "none": _O.state == "none",
    "clear": _O.state.in_(("attest", "released")),
    "reviews": (_O.state == "hold") & _O.only_reviews,
    "enrolled": _O.enrolled,
    "enrolled-first": _O.enrolled_first,
    "in-force": _O.enrolled & (_O.consent == "in-force"),
    "consent": _O.enrolled & (_O.consent != "in-force"),
    "renewal": _O.enrolled & (_O.consent == "in-force") & (_O.consent_why != ""),
    "approached": _O.approached,
    "consented": _O.consented,
    "eligible": _O.eligible & ~_O.enrolled,
    "notes": _O.notes_due > 0,
    "copied": _O.copied > 0,
    "measured": _O.counted > _O.asserted,
    "asserted": _O.asserted > 0,
    "unknown": _O.unknown_amounts > 0,
    "plan": _O.plan.is_not(None),
}
_said, _later = LEDGER_ENTRY.alias("said"), LEDGER_ENTRY.alias("later")
_AWAY = sa.exists().where(
    _said.c.tenant_id == _O.tenant_id,
    _said.c.aggregate == "participation/" + _O.patient,
    sa.cast(_said.c.data, pg.JSONB)["participation"].astext != "active",
    ~sa.exists().where(
        _later.c.tenant_id == _said.c.tenant_id, _later.c.aggregate == _said.c.aggregate, _later.c.version > _said.c.version
    ),
)
"""Who pauses, has moved away or left, as it was last said: by the ledger's key, since no line repeats it."""
_ORDERS = {name: _O[name] for name in ("name", "practitioner_name", "counted", "amount", "finding", "missing", "held_since")} | {
    "last_work_at": _O.last_work_at.nulls_first()
}
_BY: dict[str, tuple[Any, Any]] = {
    "month": (_O.month, _O.month),
    "practitioner": (_O.practitioner, _O.practitioner_name),
    "payer": (_O.payer, _O.payer),
    "place_of_service": (_O.place_of_service, _O.place_of_service),
    "lane": (_O.lane, _O.lane),
    "kind": (_O.kind, _O.kind),
    "plan": (_O.plan, _O.payer),
}
_CHARGES = sa.text("""
    SELECT c.month, count(DISTINCT c.patient) FILTER (WHERE c.status IN ('billable', 'billed')) AS patients,
           count(*) FILTER (WHERE c.status IN ('billable', 'billed')) AS lines,
           count(*) FILTER (WHERE c.status = 'billed') AS billed,
           count(*) FILTER (WHERE c.status = 'aborted') AS returned,
           avg(extract(epoch FROM c.entered_at - (c.month + interval '1 month') AT TIME ZONE :zone) / 86400)
               FILTER (WHERE c.status IN ('billable', 'billed')) AS release_days
      FROM charge AS c WHERE c.tenant_id = :tenant_id AND c.month = ANY(CAST(:months AS date[])) AND c.version > 0
     GROUP BY c.month
""")
_STAFF_DAYS = sa.text("""
    SELECT e.performer, max(e.data::jsonb #>> '{performer,name}') AS name,
           CAST(e.from_at AT TIME ZONE :zone AS date) AS day, sum(e.seconds) AS seconds
      FROM ledger_entry AS e
     WHERE e.tenant_id = :tenant_id AND e.performer IS NOT NULL AND e.from_at >= :start AND e.from_at < :end
       AND NOT EXISTS (SELECT 1 FROM ledger_entry AS n
                        WHERE n.tenant_id = e.tenant_id AND n.aggregate = e.aggregate AND n.version > e.version)
     GROUP BY 1, 3 HAVING sum(e.seconds) > :over ORDER BY 3, 1
""")


class OverviewLists:
    """Fills `usecases.list_ports.Lists` in an open transaction."""

    def __init__(self, connection: AsyncConnection, tenant_id: UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    async def rows(
        self, month: CalendarMonth, want: Want, *, order: Sequence[str] = (), skip: int = 0, count: int = PAGE
    ) -> list[OverviewRow]:
        """Return lines in an order."""
        columns = [_O[field.name] for field in fields(OverviewRow)]
        ordered = [_ORDERS[name.removeprefix("-")].desc() if name.startswith("-") else _ORDERS[name] for name in order]
        query = (
            sa.select(*columns)
            .where(*self._where([month], want))
            .order_by(*ordered, _O.name, _O.patient)
            .offset(skip)
            .limit(count)
        )
        found = [OverviewRow(**row._mapping) for row in await self._connection.execute(query)]
        discloses(*(row.patient for row in found))
        return found

    async def count(self, month: CalendarMonth, want: Want) -> int:
        """Return how many lines there are."""
        query = sa.select(sa.func.count()).select_from(OVERVIEW).where(*self._where([month], want))
        return int((await self._connection.execute(query)).scalar_one())

    async def tally(self, months: Sequence[CalendarMonth], want: Want, *, by: str = "month") -> list[Tally]:
        """Return the sums by a column."""
        key, name = _BY[by]
        query = (
            sa.select(key.label("key"), sa.func.max(name).label("name"), *_SUMS)
            .where(*self._where(months, want))
            .group_by(key)
            .order_by(key)
        )
        rows = await self._connection.execute(query)
        return [Tally(**{**row._mapping, "key": str(row.key), "name": str(row.name)}) for row in rows]

    async def staff(self, months: Sequence[CalendarMonth], want: Want, *, by: str = "performer") -> list[StaffTally]:
        """Return the sums over the staff's time."""
        key = _S.performer if by == "performer" else _S.month
        name = sa.func.max(_S.performer_name)
        query = (
            sa.select(
                key.label("performer"), name.label("name"), sa.func.count(sa.distinct(_S.patient)).label("patients"),
                *(sa.func.sum(_S[c]).label(c) for c in ("measured", "asserted", "entries", "passed", "late")),
            )
            .where(_S.tenant_id == self._tenant_id, _S.month.in_([month.first_day for month in months]))
            .group_by(key)
            .order_by(key)
        )  # fmt: skip
        if want.practitioner:
            mine = sa.select(_O.patient).where(
                _O.tenant_id == self._tenant_id, _O.month == _S.month, _O.practitioner == want.practitioner
            )
            query = query.where(_S.patient.in_(mine))
        if want.performer:
            query = query.where(_S.performer == want.performer)
        return [StaffTally(**{**row._mapping, "performer": str(row.performer)}) for row in await self._connection.execute(query)]

    async def charges(self, months: Sequence[CalendarMonth], zone: ZoneInfo) -> list[ChargeTally]:
        """Return what became of the published charges."""
        values = {"tenant_id": self._tenant_id, "zone": zone.key, "months": [month.first_day for month in months]}
        rows = await self._connection.execute(_CHARGES, values)
        return [ChargeTally(**{**row._mapping, "release_days": _float(row.release_days)}) for row in rows]

    async def assembled(self, month: CalendarMonth) -> tuple[int, datetime | None]:
        """Return for how many patients the month was decided."""
        query = sa.select(sa.func.count(sa.distinct(ASSEMBLY.c.patient)), sa.func.max(ASSEMBLY.c.recorded_at)).where(
            ASSEMBLY.c.tenant_id == self._tenant_id, ASSEMBLY.c.month == month.first_day
        )
        row = (await self._connection.execute(query)).one()
        return row[0], row[1]

    async def uniform_totals(self, month: CalendarMonth) -> list[tuple[int, int]]:
        """Return totals that several patients share to the second."""
        query = (
            sa.select(_O.counted, sa.func.count().label("n"))
            .where(*self._where([month], Want(lists=("all",))), _O.counted > 0)
            .group_by(_O.counted)
            .having(sa.func.count() > 2)
            .order_by(sa.func.count().desc(), _O.counted)
        )
        return [(row.counted, row.n) for row in await self._connection.execute(query)]

    async def staff_days(self, month: CalendarMonth, zone: ZoneInfo, over: int) -> list[tuple[str, str, date, int]]:
        """Return working days longer than `over` seconds."""
        start, end = month.start(zone), month.end(zone)
        values = {"tenant_id": self._tenant_id, "zone": zone.key, "start": start, "end": end, "over": over}
        rows = await self._connection.execute(_STAFF_DAYS, values)
        return [(row.performer, row.name or row.performer, row.day, int(row.seconds)) for row in rows]

    async def hold_notes(self, month: CalendarMonth, patients: Sequence[str]) -> dict[str, HoldNote]:
        """Return what was last said of each hold."""
        names = [f"hold/{month}/{patient}" for patient in patients]
        query = (
            sa.select(LEDGER_ENTRY.c.patient, LEDGER_ENTRY.c.data)
            .ext(pg.distinct_on(LEDGER_ENTRY.c.aggregate))
            .where(self._mine(LEDGER_ENTRY), LEDGER_ENTRY.c.aggregate == sa.any_(sa.bindparam("which", names, pg.ARRAY(sa.Text))))
            .order_by(LEDGER_ENTRY.c.aggregate, LEDGER_ENTRY.c.version.desc())
        )
        return {row.patient: _note.decode(row.data) for row in await self._connection.execute(query)}

    async def hold_history(self, month: CalendarMonth, patient: str) -> list[HoldNote]:
        """Return all that was said of a hold."""
        query = (
            sa.select(LEDGER_ENTRY.c.data)
            .where(self._mine(LEDGER_ENTRY), LEDGER_ENTRY.c.aggregate == f"hold/{month}/{patient}")
            .order_by(LEDGER_ENTRY.c.version.desc())
        )
        return [_note.decode(data) for data in (await self._connection.execute(query)).scalars()]

    async def decisions(self, month: CalendarMonth, patient: str) -> list[Decided]:
        """Return all decisions of a patient-month."""
        a = ASSEMBLY.c
        query = (
            sa.select(a.version, a.recorded_at.label("at"), a.outcome, a.releasable)
            .where(self._mine(ASSEMBLY), a.month == month.first_day, a.patient == patient)
            .order_by(a.version.desc())
        )
        return [Decided(**row._mapping) for row in await self._connection.execute(query)]

    async def differences(self) -> list[OpenDifference]:
        """Return the open differences, the one to be reported first on top."""
        d = DIFFERENCE.c
        line = (_O.tenant_id == d.tenant_id) & (_O.month == d.month) & (_O.patient == d.patient)
        query = (
            sa.select(d.month, d.patient, d.found_at, d.data, _O.name, _O.practitioner_name)
            .join_from(DIFFERENCE, OVERVIEW, line, isouter=True)
            .where(self._mine(DIFFERENCE))
        )
        found = [_open_difference(row) for row in await self._connection.execute(query)]
        discloses(*(one.patient for one in found))
        return sorted(found, key=lambda one: (one.report_by or date.max, one.month, one.name))

    async def is_behind(self) -> bool:
        """Tell whether notes wait."""
        query = sa.select(sa.exists().where(OVERVIEW_DUE.c.tenant_id == self._tenant_id))
        return bool((await self._connection.execute(query)).scalar_one())

    def _mine(self, table: sa.Table) -> "sa.ColumnElement[bool]":
        return table.c.tenant_id == self._tenant_id

    def _where(self, months: Sequence[CalendarMonth], want: Want) -> list["sa.ColumnElement[bool]"]:
        where = [self._mine(OVERVIEW), _O.month.in_([month.first_day for month in months])]
        where += [_LISTS[name] for name in want.lists]
        equal = {"kind": want.kind, "practitioner": want.practitioner, "payer": want.payer, "plan": want.plan}
        equal |= {"place_of_service": want.place, "lane": want.lane}
        where += [_O[column] == value for column, value in equal.items() if value]
        if want.text:
            like = f"%{want.text.replace('%', '').replace('_', '')}%"
            where.append(_O.name.ilike(like) | _O.mrn.ilike(like))
        if want.worker:
            where.append((_O.last_worker == want.worker) | _O.last_worker.is_(None))
        if want.short:
            where += [_O.missing <= want.short, _O.enrolled]
        if want.quiet:
            where.append(_O.last_work_at.is_(None) | (_O.last_work_at < want.quiet))
        if want.taking_part is not None:
            where.append(~_AWAY if want.taking_part else _AWAY)
        if want.performer:
            worked = sa.select(_S.patient).where(self._mine(OVERVIEW_STAFF), _S.month == _O.month, _S.performer == want.performer)
            where.append(_O.patient.in_(worked))
        return where


def _count(condition: "sa.ColumnElement[bool]", name: str) -> "sa.Label[int]":
    return sa.func.count().filter(condition).label(name)


def _total(column: "sa.Column[Any]", name: str, condition: "sa.ColumnElement[bool] | None" = None) -> "sa.Label[Any]":
    total = sa.func.sum(column)
    return sa.func.coalesce(total if condition is None else total.filter(condition), 0).label(name)


_SUMS = (
    _count(_IN_MONTH, "patients"),
    _count(_LISTS["enrolled"], "enrolled"),
    _count(_LISTS["enrolled-first"], "enrolled_first"),
    _count(_LISTS["in-force"], "in_force"),
    _count(_LISTS["approached"], "approached"),
    _count(_LISTS["consented"], "consented"),
    _count(_LISTS["eligible"], "eligible"),
    _total(_O.counted, "counted"),
    _total(_O.asserted, "asserted"),
    _total(_O.without_consent, "without_consent", _LISTS["consent"]),
    _total(_O.notes_due, "notes_due"),
    _count(_LISTS["hold"], "holds"),
    _count(_LISTS["attest"], "to_attest"),
    _count(_LISTS["released"], "released"),
    _count(_LISTS["none"], "none"),
    _total(_O.amount, "at_risk", _LISTS["hold"]),
    _total(_O.amount, "attest_amount", _LISTS["attest"]),
    _total(_O.amount, "released_amount", _LISTS["released"]),
    _total(_O.unknown_amounts, "unknown_amounts", _O.state.in_(("hold", "attest", "released"))),
)
_note = msgspec.json.Decoder(HoldNote)
_difference = msgspec.json.Decoder(Difference)


def _open_difference(row: Any) -> OpenDifference:
    said = _difference.decode(row.data)
    return OpenDifference(
        month=CalendarMonth(row.month.year, row.month.month),
        patient=row.patient,
        name=row.name or f"Patient {row.patient}",
        practitioner_name=row.practitioner_name or "",
        found_at=row.found_at,
        kind=said.kind,
        billed=said.billed,
        now=said.now,
        report_by=said.report_by,
    )


def _float(value: Any) -> float | None:
    return None if value is None else float(value)
