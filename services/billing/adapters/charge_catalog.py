"""What the outside sees of charges: published ones only, by id, by search and by the change feed."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.adapters.charge_repository import decode_charge
from services.billing.adapters.tables import CHARGE, CHARGE_VERSION
from services.billing.domain.charge import ChargeItem
from services.billing.domain.charge_item import ChargeStatus
from services.billing.fhir_mapping import CHARGE_SYSTEM, CPT, HCPCS, STATUS_SYSTEM
from services.billing.usecases.export_ports import Slice
from shared.db.asked import discloses
from shared.fhir.search import Filter, Search
from shared.fhir.search_values import DateValue, ReferenceValue, TokenValue
from shared.kernel.calendar_month import day_start

Condition = sa.ColumnElement[bool]

_SORT_COLUMNS: dict[str, sa.ColumnElement[Any]] = {"_lastUpdated": CHARGE.c.updated_at, "entered-date": CHARGE.c.entered_at}
_JOIN = (CHARGE.c.tenant_id == CHARGE_VERSION.c.tenant_id) & (CHARGE.c.id == CHARGE_VERSION.c.id)
_CURRENT = _JOIN & (CHARGE.c.version == CHARGE_VERSION.c.version)


class ChargeCatalog:
    """The published charges of one tenant; with `patient`, of that patient only."""

    def __init__(self, connection: AsyncConnection, tenant_id: UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    async def versions(self, *charge_ids: UUID, patient: str | None) -> list[ChargeItem]:
        """Return all published versions of these charges, newest first; none of one that is not there."""
        query = (
            sa.select(CHARGE_VERSION.c.data)
            .join_from(CHARGE_VERSION, CHARGE, _JOIN)
            .where(*self._mine(patient), CHARGE_VERSION.c.id.in_(charge_ids))
            .order_by(CHARGE_VERSION.c.id, CHARGE_VERSION.c.version.desc())
        )
        return [decode_charge(data) for data in (await self._connection.execute(query)).scalars()]

    async def search(self, search: Search, *, patient: str | None, zone: ZoneInfo) -> tuple[list[ChargeItem], int | None]:
        """Return up to one charge more than the page holds, in the wanted order, and how many match where that was asked."""
        matching = [*self._mine(patient), *(_condition(each, zone) for each in search.filters)]
        total = None
        if search.count == 0 or search.total == "accurate":
            counted = sa.select(sa.func.count()).select_from(CHARGE).where(*matching)
            total = (await self._connection.execute(counted)).scalar_one()
        if search.count == 0:
            return [], total
        query = sa.select(CHARGE_VERSION.c.data).join_from(CHARGE, CHARGE_VERSION, _CURRENT).where(*matching)
        rows = (await self._connection.execute(_page(query, search))).scalars()
        return [decode_charge(data) for data in rows], total

    async def changed_since(self, number: int, limit: int, *, patient: str | None) -> list[tuple[int, ChargeItem]]:
        """Return charges changed after a number of the feed, each once in its current version, in the order of its change."""
        query = (
            sa.select(CHARGE_VERSION.c.feed_seq, CHARGE_VERSION.c.data)
            .join_from(CHARGE_VERSION, CHARGE, _CURRENT)
            .where(*self._mine(patient), CHARGE_VERSION.c.tenant_id == self._tenant_id, CHARGE_VERSION.c.feed_seq > number)
            .order_by(CHARGE_VERSION.c.feed_seq)
            .limit(limit)
        )
        return [(row.feed_seq, decode_charge(row.data)) for row in await self._connection.execute(query)]

    async def slice(self, wanted: Slice, after: int, limit: int) -> list[tuple[int, ChargeItem]]:
        """Return charges as they stood at a number of the feed."""
        v, newer = CHARGE_VERSION.c, CHARGE_VERSION.alias("newer")
        superseded = sa.exists().where(
            newer.c.tenant_id == v.tenant_id, newer.c.id == v.id, newer.c.version > v.version, newer.c.feed_seq <= wanted.head
        )
        query = (
            sa.select(v.feed_seq, v.data)
            .join_from(CHARGE_VERSION, CHARGE, _JOIN)
            .where(v.tenant_id == self._tenant_id, v.feed_seq > after, v.feed_seq <= wanted.head, ~superseded)
            .order_by(v.feed_seq)
            .limit(limit)
        )
        if wanted.month is not None:
            query = query.where(CHARGE.c.month == wanted.month.first_day)
        if wanted.billable:
            query = query.where(v.status == ChargeStatus.BILLABLE)
        found = [(row.feed_seq, decode_charge(row.data)) for row in await self._connection.execute(query)]
        discloses(*(charge.patient for _, charge in found))
        return found

    def _mine(self, patient: str | None) -> list[Condition]:
        mine: list[Condition] = [CHARGE.c.tenant_id == self._tenant_id, CHARGE.c.version > 0]
        return mine if patient is None else [*mine, CHARGE.c.patient == patient]


def _page(query: "sa.Select[Any]", search: Search) -> "sa.Select[Any]":
    keys = [(_SORT_COLUMNS[sort.parameter.name], sort.descending) for sort in search.sort]
    order = [column.desc() if descending else column.asc() for column, descending in keys]
    if search.after:
        values, last = search.after
        query = query.where(_beyond([*keys, (CHARGE.c.id, False)], [*values, last]))
    return query.order_by(*order, CHARGE.c.id.asc()).limit(search.count + 1)


def _beyond(keys: list[tuple[sa.ColumnElement[Any], bool]], values: list[Any]) -> Condition:
    """Say that a row comes after `values` in the order of `keys`."""
    beyond = []
    for index, (column, descending) in enumerate(keys):
        equal = [earlier == value for (earlier, _), value in zip(keys[:index], values, strict=False)]
        beyond.append(sa.and_(*equal, column < values[index] if descending else column > values[index]))
    return sa.or_(*beyond)


def _condition(asked: Filter, zone: ZoneInfo) -> Condition:
    name = asked.parameter.name
    if name == "_id":
        return CHARGE.c.id.in_(asked.uuids())
    if name == "patient" and asked.modifier == "identifier":
        return sa.or_(*(_coded(CHARGE.c.patient_identifier, value) for value in asked.values))
    if name in _DAYS:
        return sa.or_(*(_DAYS[name](value, zone) for value in asked.values if isinstance(value, DateValue)))
    return sa.or_(*(_MATCHES[name](value) for value in asked.values))


def _identifier(value: TokenValue) -> Condition:
    if value.system not in (None, CHARGE_SYSTEM):
        return sa.false()
    return sa.true() if value.code is None else sa.cast(CHARGE.c.id, sa.Text) == value.code


def _code(value: TokenValue) -> Condition:
    """Match a code; numbers are CPT's, letters begin those of HCPCS level II."""
    is_hcpcs = CHARGE.c.code.regexp_match("^[A-Z]")
    system: Condition
    if value.system is None:
        system = sa.true()
    elif value.system == CPT:
        system = sa.not_(is_hcpcs)
    else:
        system = is_hcpcs if value.system == HCPCS else sa.false()
    return system if value.code is None else sa.and_(system, CHARGE.c.code == value.code)


def _status(value: TokenValue) -> Condition:
    if value.system not in (None, STATUS_SYSTEM):
        return sa.false()
    return sa.true() if value.code is None else CHARGE.c.status == value.code


def _coded(column: sa.ColumnElement[Any], value: Any) -> Condition:
    """Match a token against `system|code`."""
    if value.system is not None and value.code is not None:
        return column == f"{value.system}|{value.code}"
    if value.code is not None:
        return column.endswith(f"|{value.code}", autoescape=True)
    return column.startswith(f"{value.system}|", autoescape=True)


def _patient(value: ReferenceValue) -> Condition:
    return sa.false() if value.foreign else CHARGE.c.patient == value.id


def _linked(column: sa.ColumnElement[Any]) -> Callable[[ReferenceValue], Condition]:
    def matches(value: ReferenceValue) -> Condition:
        if value.foreign:
            return sa.false()
        return column == f"{value.type}/{value.id}" if value.type else column.endswith(f"/{value.id}", autoescape=True)

    return matches


def _instant(column: sa.ColumnElement[Any]) -> Callable[[DateValue], Condition]:
    def matches(value: DateValue) -> Condition:
        return _within(column, column, value.prefix, value.start, value.end)

    return matches


def _occurrence(value: DateValue, zone: ZoneInfo) -> Condition:
    day = CHARGE.c.date_of_service
    return _within(day, day, value.prefix, _day_from(value.start, zone), _day_from(value.end, zone))


def _service_month(value: DateValue, zone: ZoneInfo) -> Condition:
    first = CHARGE.c.month
    start, end = _day_from(value.start, zone), _day_from(value.end, zone)
    # A month is in a period if its first day is, and it ends within it.
    last = sa.cast(first + sa.text("interval '1 month' - interval '1 day'"), sa.Date)
    return _within(first, last, value.prefix, start, end)


def _within(begins: Any, ends: Any, prefix: str, start: Any, end: Any) -> Condition:
    """Compare what begins and ends (inclusive) with the instants `[start, end)` that a value means."""
    inside = sa.and_(begins >= start, ends < end)
    by_prefix: dict[str, Condition] = {
        "eq": inside,
        "ne": sa.not_(inside),
        "gt": ends >= end,
        "sa": begins >= end,
        "lt": begins < start,
        "eb": ends < start,
        "ge": ends >= start,
        "le": begins < end,
    }
    return by_prefix[prefix]


def _day_from(at: datetime, zone: ZoneInfo) -> date:
    """Return the first day that begins at `at` or later in `zone`."""
    day = at.astimezone(zone).date()
    return day if day_start(day, zone) == at else day + timedelta(days=1)


_MATCHES: dict[str, Callable[[Any], Condition]] = {
    "identifier": _identifier,
    "patient": _patient,
    "status": _status,
    "code": _code,
    "entered-date": _instant(CHARGE.c.entered_at),
    "_lastUpdated": _instant(CHARGE.c.updated_at),
    "context": _linked(CHARGE.c.context),
    "account": _linked(CHARGE.c.account),
}
_DAYS = {"occurrence": _occurrence, "service-month": _service_month}
