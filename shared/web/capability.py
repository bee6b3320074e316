"""What a part's FHIR routes can do, read off the routes: the fragments of the CapabilityStatement that access serves.

An app names its search parameters at `app.state.search_parameters` (`{"Consent": (…)}`); interactions follow from the path.
"""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts

from shared.fhir.search import SearchParameter
from shared.kernel.vocabulary import CANONICAL
from shared.web.routes import FHIR_BASE

_INTERACTIONS = {
    ("POST", ""): "create",
    ("GET", ""): "search-type",
    ("GET", "/{id}"): "read",
    ("PUT", "/{id}"): "update",
    ("GET", "/{id}/_history"): "history-instance",
    ("GET", "/{id}/_history/{version}"): "vread",
}


def capability_fragment(app: FastAPI) -> dict[str, Any]:
    """Return `{"resources": [CapabilityStatement.rest.resource …]}` of `app`, ordered, true by construction."""
    parameters: dict[str, tuple[SearchParameter, ...]] = getattr(app.state, "search_parameters", {})
    found: dict[str, tuple[set[str], set[str]]] = {}
    for route in iter_route_contexts(app.routes):
        if (route.path or "").startswith(f"{FHIR_BASE}/"):
            _read_route(route, found)
    return {
        "resources": [_resource(kind, *found[kind], parameters.get(kind, ())) for kind in sorted(found) if kind in parameters]
    }


def _read_route(route: RouteContext, found: dict[str, tuple[set[str], set[str]]]) -> None:
    kind, _, rest = (route.path or "").removeprefix(f"{FHIR_BASE}/").partition("/")
    interactions, operations = found.setdefault(kind, (set(), set()))
    tail = f"/{rest}" if rest else ""
    for method in route.methods or ():
        if method == "POST" and rest.startswith("$"):
            operations.add(rest.removeprefix("$"))
        elif tail == "/_search":
            interactions.add("search-type")
        elif interaction := _INTERACTIONS.get((method, _generic(tail))):
            interactions.add(interaction)


def _generic(tail: str) -> str:
    """Name the first path parameter `id` and the second `version`, whatever the route calls them."""
    names = iter(("{id}", "{version}"))
    return "/".join(next(names) if step.startswith("{") else step for step in tail.split("/"))


def _resource(kind: str, interactions: set[str], operations: set[str], parameters: tuple[SearchParameter, ...]) -> dict[str, Any]:
    resource: dict[str, Any] = {
        "type": kind,
        "interaction": [{"code": code} for code in sorted(interactions)],
        "versioning": "versioned-update" if "update" in interactions else "versioned",
        "readHistory": "vread" in interactions,
        "updateCreate": False,
        "conditionalCreate": "create" in interactions,
        "conditionalRead": "not-supported",
        "conditionalUpdate": False,
        "conditionalDelete": "not-supported",
        "searchParam": [{"name": p.name, "type": p.kind} for p in sorted(parameters, key=lambda p: p.name)],
    }
    if operations:
        resource["operation"] = [
            {"name": name, "definition": f"{CANONICAL}/OperationDefinition/{name}"} for name in sorted(operations)
        ]
    return resource
