"""Practices stay apart with either layer taken away: row-level security, or the filter in the queries (requirement 2)."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from tests.security.place import PARTS, Place
from tests.security.principals import FULL, SOUTH, Principal
from tests.security.test_matrix import Route, aims_of, routes_of, send, strangers_in, walk

pytestmark = pytest.mark.requirement("standards-2")

_FILTER = re.compile(r"(?:\w+\.)?tenant_id = (\$\d+)(?:::\w+)?")


@contextmanager
def without_row_level_security(place: Place) -> Iterator[None]:
    """Take the database's own layer away."""
    for part in PARTS[1:]:
        for table in place.tables(part):
            place.rows(part, f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    try:
        yield
    finally:
        for part in PARTS[1:]:
            for table in place.tables(part):
                place.rows(part, f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")


@contextmanager
def without_query_filters() -> Iterator[list[str]]:
    """Make `tenant_id = $n` true in every statement; yield those that lost a filter."""
    lost: list[str] = []

    def strip(_: Any, __: Any, statement: str, parameters: Any, ___: Any, ____: Any) -> tuple[str, Any]:
        bare = _FILTER.sub(r"(\1::uuid IS NOT NULL)", statement)
        if bare != statement:
            lost.append(statement)
        return bare, parameters

    sa.event.listen(sa.Engine, "before_cursor_execute", strip, retval=True)
    try:
        yield lost
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", strip)


def reads(route: Route) -> bool:
    """Tell whether a route only reads; with filters gone, a write could touch what the next test needs."""
    return route.method == "GET" or route.path.endswith(("_search", "$acknowledge"))


@pytest.mark.parametrize("principal", [FULL, SOUTH], ids=lambda principal: principal.name)
async def test_the_filters_suffice_without_row_level_security(place: Place, principal: Principal) -> None:
    with without_row_level_security(place):
        done = await walk(place, principal)
    assert done.cells > 200 and not done.wrong, "\n".join(done.wrong[:40])


@pytest.mark.parametrize("principal", [FULL, SOUTH], ids=lambda principal: principal.name)
async def test_row_level_security_suffices_without_the_filters(place: Place, principal: Principal) -> None:
    with without_query_filters() as lost:
        done = await walk(place, principal)
    assert done.cells > 200 and not done.wrong, "\n".join(done.wrong[:40])
    assert principal is SOUTH or len(set(lost)) > 20, "the filters were not taken away: this proves nothing"


async def test_with_both_taken_away_the_proof_sees_the_leak(place: Place) -> None:
    leaks = []
    with without_row_level_security(place), without_query_filters():
        for route in filter(reads, routes_of(place)):
            answer = await send(place, route, FULL, aims_of(place)["other practice"])
            leaks += [route.path for name in strangers_in(answer, FULL) if name.startswith("pat-south")]
            if answer.status_code == 200 and route.path.endswith(("{consent_id}", "{task_id}", "{charge_id}")):
                leaks.append(route.path)
    assert len(set(leaks)) >= 6, leaks


@pytest.mark.parametrize("part", PARTS[1:])
async def test_the_catalogue_says_that_row_level_security_is_forced(place: Place, part: str) -> None:
    assert place.tables(part, "NOT (c.relrowsecurity AND c.relforcerowsecurity)") == []
    roles = place.rows(
        part, "SELECT rolname FROM pg_roles WHERE rolname = %s AND (rolsuper OR rolbypassrls OR rolcreaterole)", f"{part}_app"
    )
    owned = place.rows(part, "SELECT relname FROM pg_class WHERE pg_get_userbyid(relowner) = %s", f"{part}_app")
    assert roles == owned == []
