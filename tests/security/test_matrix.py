"""Every route × every principal × own, other patient, other practice, unknown, taken back: requirements 1 and 4."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import httpx
import pytest

from shared.web.access_control import CdsNeeds, Open, PageNeeds, declarations
from tests.security.examples import Example, example_of
from tests.security.place import PARTS, Objects, Place
from tests.security.principals import PRINCIPALS, Principal

pytestmark = [pytest.mark.requirement("standards-1"), pytest.mark.requirement("standards-4")]


@dataclass(frozen=True)
class Route:
    """A route as its router declares it."""

    part: str
    method: str
    path: str
    declared: Any
    example: Example


def routes_of(place: Place) -> Iterator[Route]:
    """Yield every route of the four apps, read off the routers; AssertionError for one without an example."""
    for part in PARTS:
        for route, declared in declarations(place.apps[part]):
            for method in sorted(route.methods or ()):
                example = example_of(part, method, str(route.path))
                assert example is not None, (
                    f"{method} {route.path} of {part} is not in the authorisation matrix: give it an Example"
                )
                yield Route(part, method, str(route.path), declared[0], example)


def aims_of(place: Place) -> dict[str, Objects]:
    """Return what a request of the practice north may aim at."""
    own = place.objects["north", "pat-north-1"]
    ids = {name: str(uuid4()) for name in ("consent", "task", "charge", "timer", "review")}
    return {
        "own": own,
        "other patient": place.objects["north", "pat-north-2"],
        "other practice": place.objects["south", "pat-south-1"],
        "unknown": Objects("north", "pat-unknown", **ids, nurse="rn-unknown"),
        "taken back": place.gone["north"],
    }


class _Values(dict[str, str]):
    """The path's parameters: the tenant, and what the example names."""

    def __init__(self, named: Mapping[str, str], tenant: str) -> None:
        super().__init__(tenant=tenant)
        self._named = named

    def __missing__(self, name: str) -> str:
        return self._named[name]


async def send(place: Place, route: Route, principal: Principal, aim: Objects, *, tenant: str = "north") -> httpx.Response:
    """Send the route's request as `principal` to the practice `tenant`."""
    example = route.example
    path = route.path.replace(":path}", "}").format_map(_Values(example.values(aim), tenant))
    proof = principal.cds.bearer(path) if principal.cds is not None else principal.headers(place.tokens)
    headers = proof | dict(example.headers)
    options: dict[str, Any] = {}
    if example.body:
        options["json"] = example.body(aim)
        headers["Content-Type"] = "application/fhir+json" if "/fhir/" in path else "application/json"
    if example.form:
        options["data"] = dict(example.form(aim))
    if example.query:
        options["params"] = dict(example.query(aim))
    return await place.http[route.part].request(route.method, path, headers=headers, **options)


def expected(route: Route, principal: Principal, target: str, aim: Objects) -> tuple[frozenset[int], bool]:
    """Return the statuses that may be answered, and whether what is aimed at may be shown: the model.

    A page's routes know their patient from the token alone: nothing in an address aims elsewhere.
    """
    example = route.example
    if isinstance(route.declared, Open):
        return example.allowed, False
    if isinstance(route.declared, CdsNeeds):
        return (example.allowed if principal.cds and principal.tenant == "north" else frozenset((401,))), False
    if isinstance(route.declared, PageNeeds) and principal.tenant == "north":
        if principal.page is None:
            return frozenset((401,)), False
        open_to = principal.page & set(route.declared.roles) and (principal.patient or not route.declared.chart)
        return (example.allowed if open_to else frozenset((403,))), False
    if not principal.known:
        return frozenset((401,)), False
    if principal.tenant != "north":
        return frozenset((404,)), False
    if principal.patient is not None and example.whole:
        return frozenset((403,)), False
    if not principal.may(getattr(route.declared, "scopes", ())):
        return frozenset((403,)), False
    if principal.patient not in (None, aim.patient) and not (example.absent is None and target in ("unknown", "other practice")):
        return frozenset((example.hidden,)), False
    if target in ("unknown", "other practice") and example.absent is not None:
        return frozenset((example.absent,)), False
    if principal.patient not in (None, aim.patient):
        return frozenset((example.hidden,)), False
    return example.allowed, target in ("own", "other patient", "taken back")


def strangers_in(answer: httpx.Response, principal: Principal) -> list[str]:
    """Return the names of patients that an answer shows and this principal may not see."""
    mine = principal.patient and [principal.patient]
    practice = principal.tenant == "north" and (principal.known or principal.page is not None)  # a desk's page: everybody
    allowed = mine or (["pat-north-1", "pat-north-2"] if practice else [])
    sent = answer.request.content.decode("utf-8", "replace") + str(answer.request.url)
    names = [f"pat-{tenant}-{number}" for tenant in ("north", "south") for number in (1, 2)]
    return [name for name in names if name in answer.text and name not in allowed and name not in sent]


@dataclass
class Walk:
    """What came of sending every route as one principal: wrong cells, how many there were, how many changed something."""

    wrong: list[str]
    cells: int = 0
    changes: int = 0


async def walk(place: Place, principal: Principal) -> Walk:
    """Send every route, aimed at everything, as `principal`; compare with the model."""
    done = Walk([])
    for route in routes_of(place):
        open_to_all = isinstance(route.declared, Open)  # it names no thing: one cell is enough
        for target, aim in list(aims_of(place).items())[: 1 if open_to_all else 5]:
            if target == "other practice" and route.example.absent is None:
                aim = replace(aim, patient="pat-nobody")  # a search or a create names a patient only
            statuses, shown = expected(route, principal, target, aim)
            if route.example.fresh and shown:
                aim = await route.example.fresh(place, aim)
                done.changes += 1
            answer = await send(place, route, principal, aim)
            done.cells += 1
            done.changes += answer.is_success and route.method != "GET"
            cell = f"{route.method} {route.path} × {target}"
            if answer.status_code not in statuses:
                done.wrong.append(f"{cell}: {answer.status_code} instead of {sorted(statuses)}: {answer.text[:200]}")
            if route.example.shown and answer.status_code == 200 and route.example.shown(answer) != shown:
                done.wrong.append(f"{cell}: {'hidden' if shown else 'shown'}: {answer.text[:200]}")
            done.wrong += [f"{cell}: shows {name}" for name in strangers_in(answer, principal)]
    return done


@pytest.mark.parametrize("principal", PRINCIPALS, ids=lambda principal: principal.name)
async def test_the_matrix(place: Place, principal: Principal) -> None:
    before = place.stored()
    done = await walk(place, principal)
    assert not done.wrong, f"{len(done.wrong)} of {done.cells} cells:\n" + "\n".join(done.wrong[:40])
    assert done.changes or place.stored() == before, "a refused request has left something"


def test_there_are_enough_principals() -> None:
    assert len({principal.name for principal in PRINCIPALS}) == len(PRINCIPALS) >= 14
