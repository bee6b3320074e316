"""Search over the current versions of entries, from typed filters to SQL over plain columns, in keyset order."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.timetrack.adapters.repository import READ, stored_of
from services.timetrack.adapters.tables import TIME_ENTRY, TIME_ENTRY_IDENTIFIER, TIME_ENTRY_VERSION
from services.timetrack.fhir_mapping.profile import ACTIVITY, IDENTIFIER_SYSTEM, PROGRAM, TASK_STATUS
from services.timetrack.usecases.ports import Practice, StoredVersion
from shared.fhir.references import NPI_SYSTEM
from shared.fhir.search import Filter, Key, Search
from shared.fhir.search_values import DateValue, ReferenceValue, TokenValue

_E, _I = TIME_ENTRY.c, TIME_ENTRY_IDENTIFIER.c
_TOKENS = {"status": (_E.status, TASK_STATUS), "code": (_E.activity, ACTIVITY), "program": (_E.program, PROGRAM)}
_REFERENCES = {"patient": _E.patient, "owner": _E.performer, "encounter": _E.encounter}
_INSTANTS = {"_lastUpdated": _E.modified_at, "modified": _E.modified_at, "authored-on": _E.authored_on}

Clause = sa.ColumnElement[Any]


class EntrySearch:
    """Searches the entries of `practice` in an open transaction."""

    def __init__(self, connection: AsyncConnection, practice: Practice) -> None:
        self._connection = connection
        self._practice = practice

    async def search(self, search: Search, *, patient: str | None = None) -> tuple[list[StoredVersion], list[Key], int | None]:
        """Return up to one more than the wanted count, the sort keys of the last wanted row, and the total where asked."""
        where = [_E.tenant_id == self._practice.tenant_id, *(self._clause(each) for each in search.filters)]
        if patient is not None:
            where.append(_E.patient == patient)
        total = None
        if search.total == "accurate" or search.count == 0:
            count = sa.select(sa.func.count()).select_from(TIME_ENTRY).where(*where)
            total = (await self._connection.execute(count)).scalar_one()
        if search.count == 0:
            return [], [], total
        keys = [(self._sort_column(sort.parameter.name), sort.descending) for sort in search.sort]
        if search.after is not None:
            where.append(_behind([*keys, (_E.id, keys[-1][1])], [*search.after[0], search.after[1]]))
        order = [column.desc() if down else column.asc() for column, down in [*keys, (_E.id, keys[-1][1])]]
        query = (
            READ.add_columns(*(column.label(f"key{index}") for index, (column, _) in enumerate(keys)))
            .where(*where, TIME_ENTRY_VERSION.c.version == _E.version)
            .order_by(*order)
            .limit(search.count + 1)
        )
        rows = (await self._connection.execute(query)).all()
        wanted = rows[: search.count]
        last = [getattr(wanted[-1], f"key{index}") for index in range(len(keys))] if wanted else []
        return [stored_of(row) for row in rows], last, total

    def _sort_column(self, name: str) -> Clause:
        return self._begin() if name == "period" else _INSTANTS[name]

    def _begin(self) -> Clause:
        return sa.func.coalesce(_E.started_at, self._midnight(_E.day))

    def _end(self) -> Clause:
        return sa.func.coalesce(_E.ended_at, self._midnight(_E.day + sa.literal(1, sa.Integer)))

    def _midnight(self, day: Clause) -> Clause:
        """The first instant of a local day: only for finding it, an entry known by its day has no clock times."""
        return sa.func.timezone(self._practice.zone.key, sa.cast(day, sa.DateTime(timezone=False)))

    def _clause(self, found: Filter) -> Clause:
        name = found.parameter.name
        if name == "_id":
            return _E.id.in_(found.uuids())
        clauses = [self._value(name, found.modifier, value) for value in found.values]
        return sa.or_(*clauses)

    def _value(self, name: str, modifier: str | None, value: Any) -> Clause:
        if isinstance(value, DateValue):
            return _in_period(self._begin(), self._end(), value) if name == "period" else _at(_INSTANTS[name], value)
        if isinstance(value, ReferenceValue):
            return sa.false() if value.foreign else _REFERENCES[name] == value.id
        assert isinstance(value, TokenValue)
        if name == "identifier":
            return self._identifier(value)
        if modifier == "identifier":
            return _person_identifier(name, value)
        column, system = _TOKENS[name]
        if value.system not in (None, system):
            return sa.false()
        return column == value.code if value.code is not None else sa.true()

    def _identifier(self, value: TokenValue) -> Clause:
        ours: Clause = sa.false()
        if value.system in (None, IDENTIFIER_SYSTEM):
            ours = sa.true() if value.code is None else _own_id(value.code)
        theirs = sa.select(_I.entry_id).where(_I.tenant_id == self._practice.tenant_id)
        if value.system is not None:
            theirs = theirs.where(_I.system == value.system)
        if value.code is not None:
            theirs = theirs.where(_I.value == value.code)
        return sa.or_(ours, _E.id.in_(theirs))


def _own_id(code: str) -> Clause:
    try:
        return _E.id == UUID(code)
    except ValueError:
        return sa.false()


def _person_identifier(name: str, value: TokenValue) -> Clause:
    """`patient:identifier` by the record number that came with an entry, `owner:identifier` by NPI."""
    if name == "owner":
        return _E.performer_npi == value.code if value.system in (None, NPI_SYSTEM) else sa.false()
    known: Clause = _E.patient_identifier.is_not(None) if value.code is None else _E.patient_identifier == value.code
    clauses = [known]
    if value.system is not None:
        clauses.append(sa.func.coalesce(_E.patient_identifier_system, "") == value.system)
    return sa.and_(*clauses)


def _at(column: Clause, value: DateValue) -> Clause:
    within = sa.and_(column >= value.start, column < value.end)
    return {
        "eq": within,
        "ne": sa.not_(within),
        "gt": column >= value.end,
        "sa": column >= value.end,
        "lt": column < value.start,
        "eb": column < value.start,
        "ge": column >= value.start,
        "le": column < value.end,
    }[value.prefix]


def _in_period(begin: Clause, end: Clause, value: DateValue) -> Clause:
    within = sa.and_(begin >= value.start, end <= value.end)
    return {
        "eq": within,
        "ne": sa.not_(within),
        "gt": end > value.end,
        "lt": begin < value.start,
        "ge": end > value.start,
        "le": begin < value.end,
        "sa": begin >= value.end,
        "eb": end <= value.start,
    }[value.prefix]


def _behind(columns: Sequence[tuple[Clause, bool]], keys: Sequence[Any]) -> Clause:
    """Rows that come after the one with these keys in the order of `columns` (column, descending)."""
    clauses: list[Clause] = []
    for index, (column, down) in enumerate(columns):
        equal = [before == key for (before, _), key in zip(columns[:index], keys[:index], strict=True)]
        clauses.append(sa.and_(*equal, column < keys[index] if down else column > keys[index]))
    return sa.or_(*clauses)
