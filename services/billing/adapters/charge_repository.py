"""A tenant's charges as rows: today's row of each, and every version that was published."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.adapters.journaling import event_record, plain_record
from services.billing.adapters.tables import CHARGE, CHARGE_VERSION, JOURNAL
from services.billing.domain.charge import ChargeItem
from services.billing.domain.charge_item import ChargeStatus
from services.billing.usecases.ports import CurrentCharge, Telling
from services.billing.usecases.records import Author
from shared.db.journal import journalled, journalled_many, record_values, rows_values
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.errors import Conflict

_charge = msgspec.json.Decoder(ChargeItem)
_SHORT = ("id", "version", "status", "patient", "practitioner", "code_id", "code", "units", "date_of_service", "attempt",
          "assembly_version", "lane")  # fmt: skip
_JOIN = (CHARGE.c.tenant_id == CHARGE_VERSION.c.tenant_id) & (CHARGE.c.id == CHARGE_VERSION.c.id)
_CURRENT = _JOIN & (CHARGE.c.version == CHARGE_VERSION.c.version)


_CHANGES = ", ".join(f"{c.name} = excluded.{c.name}" for c in CHARGE.c if c.name not in ("tenant_id", "id"))
_NEXT = journalled_many(
    f"""INSERT INTO charge SELECT * FROM json_populate_recordset(NULL::charge, CAST(:charges AS json))
        ON CONFLICT (tenant_id, id) DO UPDATE SET {_CHANGES} WHERE charge.version = excluded.version - 1 RETURNING id),
     v AS (INSERT INTO charge_version SELECT * FROM json_populate_recordset(NULL::charge_version, CAST(:versions AS json))""",  # noqa: S608
    JOURNAL,
)
_ARRAYS = ", ".join(f"CAST(:{name} AS {CHARGE.c[name].type.compile(dialect=pg.dialect())}[])" for name in _SHORT)  # type: ignore[no-untyped-call]
_PLAN = sa.text(
    f"INSERT INTO charge (tenant_id, month, updated_at, {', '.join(_SHORT)})"  # noqa: S608
    f" SELECT CAST(:tenant_id AS uuid), CAST(:month AS date), CAST(:updated_at AS timestamptz), r.* FROM unnest({_ARRAYS}) AS r"
)
_NOTED = journalled(sa.select(sa.literal(1).label("noted")), JOURNAL, publish=False)


class ChargeRepository:
    """The charges of one tenant in an open transaction; fills `usecases.ports.ChargeStore`."""

    def __init__(self, connection: AsyncConnection, tenant_id: UUID, tenant: str) -> None:
        self._connection = connection
        self._tenant_id = tenant_id
        self._tenant = tenant

    async def current(self, month: CalendarMonth, patients: Sequence[str]) -> list[CurrentCharge]:
        """Return every charge of some patients' month."""
        query = sa.select(*(CHARGE.c[name] for name in _SHORT)).where(
            CHARGE.c.tenant_id == self._tenant_id,
            CHARGE.c.month == month.first_day,
            CHARGE.c.patient == sa.any_(sa.bindparam("who", list(patients), pg.ARRAY(sa.Text))),
        )
        rows = await self._connection.execute(query)
        return [CurrentCharge(**{**row._mapping, "status": ChargeStatus(row.status)}) for row in rows]

    async def planned_patients(self, month: CalendarMonth, practitioner: str, patients: Sequence[str] | None) -> list[str]:
        """Return the patients with planned charges of a practitioner."""
        query = (
            sa.select(CHARGE.c.patient)
            .distinct()
            .where(
                CHARGE.c.tenant_id == self._tenant_id,
                CHARGE.c.month == month.first_day,
                CHARGE.c.status == ChargeStatus.PLANNED,
                CHARGE.c.practitioner == practitioner,
            )
            .order_by(CHARGE.c.patient)
        )
        if patients is not None:
            query = query.where(CHARGE.c.patient.in_(list(patients)))
        return list((await self._connection.execute(query)).scalars())

    async def plan(self, month: CalendarMonth, patients: Sequence[str], charges: Sequence[CurrentCharge], at: datetime) -> None:
        """Replace the planned rows of `patients`: pointers to an assembly, whose versions are their history."""
        mine = (CHARGE.c.tenant_id == self._tenant_id) & (CHARGE.c.month == month.first_day)
        who = sa.any_(sa.bindparam("who", list(patients), pg.ARRAY(sa.Text)))
        superseded = sa.delete(CHARGE).where(mine, CHARGE.c.status == ChargeStatus.PLANNED, CHARGE.c.patient == who)
        await self._connection.execute(superseded)
        if charges:
            values = {name: [getattr(charge, name) for charge in charges] for name in _SHORT}
            common = {"tenant_id": self._tenant_id, "month": month.first_day, "updated_at": at}
            await self._connection.execute(_PLAN, values | common)

    async def read(self, charge_ids: Sequence[UUID], *, lock: bool = False) -> dict[UUID, ChargeItem]:
        """Return published charges in their current version."""
        mine = (CHARGE.c.tenant_id == self._tenant_id, CHARGE.c.id.in_(list(charge_ids)), CHARGE.c.version > 0)
        if lock:
            await self._connection.execute(sa.select(CHARGE.c.id).where(*mine).order_by(CHARGE.c.id).with_for_update())
        query = sa.select(CHARGE_VERSION.c.id, CHARGE_VERSION.c.data).join_from(CHARGE, CHARGE_VERSION, _CURRENT).where(*mine)
        return {row.id: _charge.decode(row.data) for row in await self._connection.execute(query)}

    async def release(self, changes: Sequence[tuple[ChargeItem, Telling]], author: Author) -> None:
        """Store the next versions, today's rows, the journal rows and their marks in one statement."""
        charges = [charge for charge, _ in changes]
        records = [
            event_record(c.updated_at, author, _action(event), (c.patient,), event, event.aggregate, event.version)
            for c, event in changes
        ]
        values = {
            "charges": _json([_today(self._tenant_id, charge) for charge in charges]),
            "versions": _json([_version(self._tenant_id, charge) for charge in charges]),
            **rows_values(self._tenant_id, self._tenant, records),
        }
        if changes and (await self._connection.execute(_NEXT, values)).scalar_one() != len(changes):
            raise Conflict("a charge has been changed meanwhile: read it again")

    async def note_export(self, patients: tuple[str, ...], author: Author, at: datetime, *, aggregate: str) -> None:
        """Write the journal row of charges that leave as a file."""
        record = plain_record(at, author, "charges.exported", patients, aggregate, 1)
        await self._connection.execute(_NOTED, record_values(self._tenant_id, self._tenant, record))


def decode_charge(data: str) -> ChargeItem:
    """Read a stored version."""
    return _charge.decode(data)


def _action(event: Telling) -> str:
    return event.type.removeprefix("ccm.").removesuffix(".v1")


def _json(rows: list[dict[str, Any]]) -> str:
    return msgspec.json.encode(rows).decode()


def _version(tenant_id: UUID, charge: ChargeItem) -> dict[str, Any]:
    return {
        "tenant_id": tenant_id,
        "id": charge.id,
        "version": charge.version,
        "status": charge.status.value,
        "recorded_at": charge.updated_at,
        "data": msgspec.json.encode(charge).decode(),
    }


def _today(tenant_id: UUID, charge: ChargeItem) -> dict[str, Any]:
    year, month = charge.month.split("-")
    return {
        "tenant_id": tenant_id,
        "id": charge.id,
        "version": charge.version,
        "status": charge.status.value,
        "patient": charge.patient,
        "practitioner": charge.line.practitioner,
        "month": date(int(year), int(month), 1),
        "lane": charge.lane,
        "code_id": charge.line.code_id,
        "code": charge.line.code,
        "units": charge.line.units,
        "date_of_service": charge.line.date_of_service,
        "attempt": charge.attempt,
        "assembly_version": charge.assembly_version,
        "entered_at": charge.entered_at,
        "context": charge.context,
        "account": charge.account,
        "patient_identifier": f"{charge.mrn.system}|{charge.mrn.value}" if charge.mrn else None,
        "updated_at": charge.updated_at,
    }
