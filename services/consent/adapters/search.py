"""A search for consents as SQL: every filter on plain columns of the newest version, pages by key."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from services.consent.adapters.tables import CONSENT, IDENTIFIER
from shared.fhir.search import Filter, Search
from shared.fhir.search_values import DateValue, ReferenceValue, TokenValue
from shared.kernel.vocabulary import CANONICAL

Condition = sa.ColumnElement[bool]

_OWN_SYSTEM = f"{CANONICAL}/sid/consent"
_STATUS_SYSTEM = "http://hl7.org/fhir/consent-state-codes"
_SORT_COLUMNS: dict[str, sa.ColumnElement[Any]] = {"_lastUpdated": CONSENT.c.updated_at, "date": CONSENT.c.given_at}


def conditions(search: Search) -> list[Condition]:
    """Return what every match fulfils."""
    return [_condition(filter_) for filter_ in search.filters]


def page(query: "sa.Select[Any]", search: Search) -> "sa.Select[Any]":
    """Order `query`, begin it after the place where the page before ended, and take one row more than the page holds."""
    keys = [(_SORT_COLUMNS[sort.parameter.name], sort.descending) for sort in search.sort]
    order = [column.desc() if descending else column.asc() for column, descending in keys]
    if search.after:
        values, last = search.after
        query = query.where(_after([*keys, (CONSENT.c.id, False)], [*values, last]))
    return query.order_by(*order, CONSENT.c.id.asc()).limit(search.count + 1)


def _after(keys: list[tuple[sa.ColumnElement[Any], bool]], values: list[Any]) -> Condition:
    """Say that a row comes after `values` in the order of `keys`."""
    beyond = []
    for index, (column, descending) in enumerate(keys):
        equal = [earlier == value for (earlier, _), value in zip(keys[:index], values, strict=False)]
        beyond.append(sa.and_(*equal, column < values[index] if descending else column > values[index]))
    return sa.or_(*beyond)


def _condition(filter_: Filter) -> Condition:
    name = filter_.parameter.name
    if name == "_id":
        return CONSENT.c.id.in_(filter_.uuids())
    if name == "patient" and filter_.modifier == "identifier":
        return _any(filter_, lambda value: _listed(CONSENT.c.patient_identifiers, value))
    return _any(filter_, _BY_NAME[name])


def _any(filter_: Filter, matches: Callable[[Any], Condition]) -> Condition:
    return sa.or_(*(matches(value) for value in filter_.values))


def _identifier(value: TokenValue) -> Condition:
    """Match a client's identifier, or our own, which is the id."""
    table = IDENTIFIER
    held = sa.select(1).where(table.c.tenant_id == CONSENT.c.tenant_id, table.c.consent_id == CONSENT.c.id)
    if value.system is not None:
        held = held.where(table.c.system == value.system)
    if value.code is not None:
        held = held.where(table.c.value == value.code)
    own: Condition = sa.false()
    if value.system in (None, _OWN_SYSTEM):
        own = sa.true() if value.code is None else sa.cast(CONSENT.c.id, sa.Text) == value.code
    return sa.or_(sa.exists(held), own)


def _status(value: TokenValue) -> Condition:
    if value.system not in (None, _STATUS_SYSTEM):
        return sa.false()
    return sa.true() if value.code is None else CONSENT.c.status == value.code


def _listed(column: sa.ColumnElement[Any], value: TokenValue) -> Condition:
    """Match a token against a list of `system|code`."""
    if value.system is not None and value.code is not None:
        return sa.literal(f"{value.system}|{value.code}") == sa.any_(column)
    each = sa.func.unnest(column).table_valued(sa.column("token", sa.Text)).render_derived()
    token = each.c.token
    like = (
        token.endswith(f"|{value.code}", autoescape=True) if value.code else token.startswith(f"{value.system}|", autoescape=True)
    )
    return sa.exists(sa.select(1).select_from(each).where(like))


def _reference(column: sa.ColumnElement[str], kind: str) -> Callable[[ReferenceValue], Condition]:
    def matches(value: ReferenceValue) -> Condition:
        return sa.false() if value.foreign or value.type not in (None, kind) else column == value.id

    return matches


def _instant(column: sa.ColumnElement[Any]) -> Callable[[DateValue], Condition]:
    def matches(value: DateValue) -> Condition:
        inside = sa.and_(column >= value.start, column < value.end)
        by_prefix: dict[str, Condition] = {
            "eq": inside,
            "ne": sa.not_(inside),
            "gt": column >= value.end,
            "sa": column >= value.end,
            "lt": column < value.start,
            "eb": column < value.start,
            "ge": column >= value.start,
            "le": column < value.end,
        }
        return by_prefix[value.prefix]

    return matches


def _period(value: DateValue) -> Condition:
    begins, ends = CONSENT.c.period_start, sa.func.coalesce(CONSENT.c.period_end, sa.text("'infinity'::timestamptz"))
    inside = sa.and_(begins >= value.start, ends <= value.end)
    by_prefix: dict[str, Condition] = {
        "eq": inside,
        "ne": sa.not_(inside),
        "gt": ends > value.end,
        "lt": begins < value.start,
        "ge": ends > value.start,
        "le": begins < value.end,
        "sa": begins >= value.end,
        "eb": ends <= value.start,
    }
    return sa.and_(begins.is_not(None), by_prefix[value.prefix])


_BY_NAME: dict[str, Callable[[Any], Condition]] = {
    "identifier": _identifier,
    "patient": _reference(CONSENT.c.patient, "Patient"),
    "actor": _reference(CONSENT.c.practitioner, "Practitioner"),
    "status": _status,
    "category": lambda value: _listed(CONSENT.c.categories, value),
    "date": _instant(CONSENT.c.given_at),
    "_lastUpdated": _instant(CONSENT.c.updated_at),
    "period": _period,
}
