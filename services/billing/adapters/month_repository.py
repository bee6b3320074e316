"""A tenant's months as rows: results, open differences, reviews, totals."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.adapters.journaling import plain_record
from services.billing.adapters.tables import ASSEMBLY, CHARGE, DIFFERENCE, JOURNAL, REVIEW
from services.billing.domain.charge_item import ChargeStatus
from services.billing.usecases.ports import AssemblyRow, CodeTotal, DifferenceRow, ReviewRow
from services.billing.usecases.records import Author
from shared.db.journal import journalled, record_values
from shared.kernel.calendar_month import CalendarMonth

_ROW = ("patient", "version", "recorded_at", "decision", "outcome", "lane", "practitioner", "releasable", "staff_seconds",
        "complexity_attested", "data")  # fmt: skip
_ARRAYS = ", ".join(
    f"CAST(:{name} AS {ASSEMBLY.c[name].type.compile(dialect=pg.dialect())}[])"  # type: ignore[no-untyped-call]
    for name in _ROW
)
_ADD = journalled(
    sa.text(
        f"INSERT INTO assembly (tenant_id, month, {', '.join(_ROW)})"  # noqa: S608
        f" SELECT CAST(:tenant_id AS uuid), CAST(:month AS date), r.* FROM unnest({_ARRAYS}) AS r RETURNING version"
    ).columns(sa.column("version")),
    JOURNAL,
    publish=False,
)


class MonthRepository:
    """The decisions of one tenant in an open transaction; fills `usecases.ports.MonthStore`."""

    def __init__(self, connection: AsyncConnection, tenant_id: UUID, tenant: str) -> None:
        self._connection = connection
        self._tenant_id = tenant_id
        self._tenant = tenant

    async def lock(self, month: CalendarMonth) -> None:
        """Take the month's lock until the transaction ends."""
        await self._connection.execute(sa.select(sa.func.pg_advisory_xact_lock(self._key(month))))

    async def lock_patients(self, month: CalendarMonth, patients: Sequence[str]) -> None:
        """Share the month's lock, and take that of each patient, in their order: two who want the same never wait in a ring."""
        await self._connection.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(self._key(month))))
        keys = sa.bindparam("keys", [self._key(month, patient) for patient in sorted(patients)], pg.ARRAY(sa.BigInteger))
        key = sa.func.unnest(keys).column_valued("key")
        await self._connection.execute(sa.select(sa.func.count(sa.func.pg_advisory_xact_lock(key))))

    def _key(self, month: CalendarMonth, *more: str) -> int:
        digest = hashlib.sha256("|".join((str(self._tenant_id), str(month), *more)).encode()).digest()
        return int.from_bytes(digest[:8], "big", signed=True)

    async def latest(self, month: CalendarMonth, patients: Sequence[str]) -> dict[str, AssemblyRow]:
        """Return the results in force of some patients."""
        query = self._in_force(month).where(ASSEMBLY.c.patient == _any_of(patients))
        return {row.patient: _row_of(row) for row in await self._connection.execute(query)}

    async def page(self, month: CalendarMonth, after: str | None, limit: int) -> list[AssemblyRow]:
        """Return the next results in force."""
        query = self._in_force(month).where(ASSEMBLY.c.patient > (after or "")).limit(limit)
        return [_row_of(row) for row in await self._connection.execute(query)]

    async def outcomes(self, month: CalendarMonth) -> dict[str, int]:
        """Return how many results in force there are by outcome."""
        latest = (
            sa.select(ASSEMBLY.c.patient, ASSEMBLY.c.outcome)
            .ext(pg.distinct_on(ASSEMBLY.c.patient))
            .where(ASSEMBLY.c.tenant_id == self._tenant_id, ASSEMBLY.c.month == month.first_day)
            .order_by(ASSEMBLY.c.patient, ASSEMBLY.c.version.desc())
            .subquery()
        )
        query = sa.select(latest.c.outcome, sa.func.count().label("n")).group_by(latest.c.outcome)
        return {row.outcome: row.n for row in await self._connection.execute(query)}

    async def add(self, month: CalendarMonth, rows: Sequence[AssemblyRow], author: Author, at: datetime) -> None:
        """Append results and one journal row in one statement."""
        patients = tuple(row.patient for row in rows)
        record = plain_record(at, author, "month.assembled", patients, f"month/{month}", max(row.version for row in rows))
        values: dict[str, Any] = {name: [getattr(row, name) for row in rows] for name in _ROW}
        values |= {"tenant_id": self._tenant_id, "month": month.first_day}
        await self._connection.execute(_ADD, values | record_values(self._tenant_id, self._tenant, record))

    async def replace_differences(self, month: CalendarMonth, patients: Sequence[str], rows: Sequence[DifferenceRow]) -> None:
        """Make `rows` the open differences of `patients`; their history is that of the assemblies."""
        gone = (DIFFERENCE.c.tenant_id == self._tenant_id) & (DIFFERENCE.c.month == month.first_day)
        await self._connection.execute(sa.delete(DIFFERENCE).where(gone, DIFFERENCE.c.patient == _any_of(patients)))
        if rows:
            values = [
                {
                    "tenant_id": self._tenant_id,
                    "month": month.first_day,
                    "patient": row.patient,
                    "assembly_version": row.assembly_version,
                    "found_at": row.found_at,
                    "data": row.data,
                }
                for row in rows
            ]
            await self._connection.execute(sa.insert(DIFFERENCE), values)

    async def differences(self, month: CalendarMonth, patients: Sequence[str] | None) -> list[DifferenceRow]:
        """Return the open differences, ordered by patient."""
        query = (
            sa.select(DIFFERENCE)
            .where(DIFFERENCE.c.tenant_id == self._tenant_id, DIFFERENCE.c.month == month.first_day)
            .order_by(DIFFERENCE.c.patient)
        )
        if patients is not None:
            query = query.where(DIFFERENCE.c.patient == _any_of(patients))
        return [
            DifferenceRow(patient=r.patient, assembly_version=r.assembly_version, found_at=r.found_at, data=r.data)
            for r in await self._connection.execute(query)
        ]

    async def replace_reviews(
        self, patients: Sequence[str], month: CalendarMonth, rows: Sequence[ReviewRow], at: datetime
    ) -> None:
        """Make `rows` the reviews of `patients`."""
        gone = (REVIEW.c.tenant_id == self._tenant_id) & (REVIEW.c.month == month.first_day)
        await self._connection.execute(sa.delete(REVIEW).where(gone, REVIEW.c.patient == _any_of(patients)))
        if rows:
            values = [
                {
                    "tenant_id": self._tenant_id,
                    "id": row.id,
                    "month": row.month.first_day,
                    "patient": row.patient,
                    "key": row.key,
                    "found_at": at,
                }
                for row in rows
            ]
            await self._connection.execute(sa.insert(REVIEW), values)

    async def review(self, review_id: UUID) -> ReviewRow | None:
        """Return a review."""
        query = sa.select(REVIEW).where(REVIEW.c.tenant_id == self._tenant_id, REVIEW.c.id == review_id)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            return None
        return ReviewRow(id=row.id, month=CalendarMonth(row.month.year, row.month.month), patient=row.patient, key=row.key)

    async def totals(self, month: CalendarMonth) -> list[CodeTotal]:
        """Return counts and units by code and status."""
        query = (
            sa.select(
                CHARGE.c.code, CHARGE.c.status, sa.func.count().label("charges"), sa.func.sum(CHARGE.c.units).label("units")
            )
            .where(CHARGE.c.tenant_id == self._tenant_id, CHARGE.c.month == month.first_day)
            .group_by(CHARGE.c.code, CHARGE.c.status)
            .order_by(CHARGE.c.code, CHARGE.c.status)
        )
        return [
            CodeTotal(code=r.code, status=ChargeStatus(r.status), charges=r.charges, units=r.units)
            for r in await self._connection.execute(query)
        ]

    def _in_force(self, month: CalendarMonth) -> "sa.Select[Any]":
        return (
            sa.select(*(ASSEMBLY.c[name] for name in _ROW))
            .ext(pg.distinct_on(ASSEMBLY.c.patient))
            .where(ASSEMBLY.c.tenant_id == self._tenant_id, ASSEMBLY.c.month == month.first_day)
            .order_by(ASSEMBLY.c.patient, ASSEMBLY.c.version.desc())
        )


def _any_of(patients: Sequence[str]) -> "sa.ColumnElement[Any]":
    """Return what a column equals if it names one of `patients`: one parameter, however many they are."""
    return sa.any_(sa.bindparam("who", list(patients), pg.ARRAY(sa.Text)))


def _row_of(row: Any) -> AssemblyRow:
    return AssemblyRow(**{name: getattr(row, name) for name in _ROW})
