"""What a part's FHIR routes can do, read off the routes: the fragments of the CapabilityStatement that access serves.

An app names its types and their search parameters at `app.state.search_parameters` (`{"Consent": (…), "Provenance": ()}`);
interactions follow from the path. A type that two parts tell of (Provenance) must be told alike.
"""

from functools import lru_cache
from typing import Any

from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts

from shared.fhir.provenance import REVINCLUDE
from shared.fhir.search import ID, LAST_UPDATED, SearchParameter
from shared.kernel.vocabulary import CANONICAL
from shared.web.routes import FHIR_BASE

PROFILES = {"Consent": "careledger-consent", "Task": "careledger-time-entry", "ChargeItem": "careledger-charge"}

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
        "resources": [
            _resource(kind, *found[kind], parameters[kind], tells="Provenance" in parameters)
            for kind in sorted(found)
            if kind in parameters
        ]
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


@lru_cache(maxsize=512)
def interaction_of(method: str, path: str) -> str:
    """Name what a request to the route `path` does: a FHIR interaction, or read, update, delete or operation elsewhere."""
    if path.startswith(f"{FHIR_BASE}/"):
        _, slash, rest = path.removeprefix(f"{FHIR_BASE}/").partition("/")
        if rest == "_search":
            return "search-type"
        return _INTERACTIONS.get((method, _generic(f"{slash}{rest}")), "operation")
    return {"GET": "read", "PUT": "update", "DELETE": "delete"}.get(method, "operation")


def _generic(tail: str) -> str:
    """Name the first path parameter `id` and the second `version`, whatever the route calls them."""
    names = iter(("{id}", "{version}"))
    return "/".join(next(names) if step.startswith("{") else step for step in tail.split("/"))


def _resource(
    kind: str, interactions: set[str], operations: set[str], parameters: tuple[SearchParameter, ...], *, tells: bool
) -> dict[str, Any]:
    """Build the element of one type; `tells`: Provenance of its versions can be read along with a search."""
    versioned = "versioned" if "vread" in interactions else "no-version"
    resource: dict[str, Any] = {
        "type": kind,
        "interaction": [{"code": code} for code in sorted(interactions)],
        "versioning": "versioned-update" if "update" in interactions else versioned,
        "readHistory": "vread" in interactions,
        "updateCreate": False,
        "conditionalCreate": "create" in interactions,
        "conditionalRead": "not-supported",
        "conditionalUpdate": False,
        "conditionalDelete": "not-supported",
    }
    if "search-type" in interactions:
        offered = sorted((*parameters, ID, LAST_UPDATED), key=lambda p: p.name)
        resource["searchParam"] = [_search_parameter(kind, parameter) for parameter in offered]
    if profile := PROFILES.get(kind):
        resource["supportedProfile"] = [f"{CANONICAL}/StructureDefinition/{profile}"]
    if tells and "search-type" in interactions:
        resource["searchRevInclude"] = [REVINCLUDE]
    if operations:
        resource["operation"] = [
            {"name": name, "definition": f"{CANONICAL}/OperationDefinition/{name}"} for name in sorted(operations)
        ]
    return resource


def _search_parameter(kind: str, parameter: SearchParameter) -> dict[str, Any]:
    described = {"name": parameter.name, "type": parameter.kind}
    if parameter.ours:
        described["definition"] = f"{CANONICAL}/SearchParameter/{kind.lower()}-{parameter.name.removeprefix('-')}"
    return described
