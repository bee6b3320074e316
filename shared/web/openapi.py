"""What a part's OpenAPI says beside its routes: security, the tenant, refusals, tags. Read off the declarations, so it is true.

FastAPI knows paths, bodies and answers; the rest comes from what each route declares (`access_control`), from its place
(FHIR or not) and from `About`. `fhir_openapi` adds what a FHIR interaction takes and gives.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI

from shared.web import fhir_openapi
from shared.web.access_control import CdsNeeds, Needs, Open, declarations
from shared.web.errors import is_fhir
from shared.web.fhir_openapi import Json
from shared.web.refusals import PROBLEM, RESPONSES, reference, response
from shared.web.routes import FHIR_BASE
from shared.web.sunset import Sunset, sunset_of

EXAMPLE_TENANT = "lakeside"


@dataclass(frozen=True)
class About:
    """What a part says of itself: for whom it is, what each tag means, and FHIR resources as examples.

    `examples` holds resources by type as they are answered, and as they are sent by the type and ` sent`; `words` says what a
    member or parameter means that says nothing itself: by its name, by `Schema.name` where a name means two things, and a search
    parameter by `Type?name`.
    """

    description: str
    tags: Mapping[str, str]
    examples: Mapping[str, Json] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)


_HEADERS: dict[str, Json] = {
    "Retry-After": {"description": "Seconds to wait before the next attempt.", "schema": {"type": "integer"}},
    "WWW-Authenticate": {"description": "Bearer, with the error of RFC 6750.", "schema": {"type": "string"}},
    "ETag": {"description": 'The version, as `W/"3"`.', "schema": {"type": "string"}},
    "Last-Modified": {"description": "When this version was written.", "schema": {"type": "string"}},
    "Location": {"description": "The absolute address of what was made.", "schema": {"type": "string"}},
}

_TENANT: Json = {
    "name": "tenant",
    "in": "path",
    "required": True,
    "description": "The practice's short name, as your registration says it.",
    "schema": {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{1,62}$"},
    "example": EXAMPLE_TENANT,
}

_CDS_CLIENT: Json = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "CDS Hooks: a JWT that the CDS client signs for each call, `aud` the address of the service; used once.",
}
_FASTAPI_WORDS = "Successful Response"
_OWN_SCOPES = {
    "careledger/timers": "run timers in the name of a person of the roster",
    "careledger/roster": "keep the staff roster",
    "careledger/attest": "record attestations and decisions, assemble, sign, close and reopen months",
    "careledger/preview": "decide a patient-month without keeping it",
    "careledger/rules.read": "read the rules",
}
_VERBS = {"c": "create", "r": "read", "u": "change", "s": "search"}


def describe(document: Json, app: FastAPI, about: About) -> Json:
    """Return `document`, as FastAPI makes it, with all that `about` and the declarations of `app` add."""
    document["info"] |= {
        "description": about.description,
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        "contact": {"name": "Whoever operates your deployment"},
    }
    document["servers"] = [
        {
            "url": "https://{host}",
            "description": "Your deployment: all parts are behind this one origin.",
            "variables": {"host": {"default": "careledger.example", "description": "As in CARELEDGER_PUBLIC_URL."}},
        }
    ]
    scopes: set[str] = set()
    used: set[str] = set()
    for path, method, operation, declared, ending in _operations(document, app):
        used.update(operation.get("tags", ()))
        if path.startswith(f"{FHIR_BASE}/") and "/.well-known/" not in path:
            parameters = getattr(app.state, "search_parameters", {})
            fhir_openapi.describe_interaction(operation, method, path, parameters, about.examples)
            fhir_openapi.tell_search_parameters(operation, path, about.words)
        _secure(operation, declared, scopes)
        if ending is not None:
            operation |= {"deprecated": True, "x-sunset": ending.ends.isoformat()}
            operation["description"] = f"{operation.get('description', '')}\n\nEnds on {ending.ends.isoformat()}.".strip()
        _refuse(operation, method, path, declared)
        for parameter in operation.get("parameters", ()):
            if words := about.words.get(parameter.get("name", "")):
                parameter.setdefault("description", words)
        for answer in operation["responses"].values():
            if answer.get("description") == _FASTAPI_WORDS:
                answer["description"] = "Done: the answer."
        if "{tenant}" in path:
            others = [one for one in operation.get("parameters", ()) if one.get("name") != "tenant"]
            operation["parameters"] = [{"$ref": "#/components/parameters/Tenant"}, *others]
    if strange := used - set(about.tags):
        raise LookupError(f"the part's `described` module says nothing of the tags {sorted(strange)}")
    document["tags"] = [{"name": name, "description": about.tags[name]} for name in sorted(used)]
    _add_components(document, scopes, about)
    return document


def _operations(document: Json, app: FastAPI) -> Iterator[tuple[str, str, Json, Any, Sunset | None]]:
    for route, declared in declarations(app):
        for method in sorted(route.methods or ()):
            operation = document["paths"].get(route.path, {}).get(method.lower())
            if operation is not None:
                yield route.path or "", method, operation, declared[0], sunset_of(route.dependant)


def _secure(operation: Json, declared: Any, scopes: set[str]) -> None:
    if isinstance(declared, Open):
        operation["security"] = []
    elif isinstance(declared, CdsNeeds):
        operation["security"] = [{"cdsClient": []}]
    elif isinstance(declared, Needs):
        operation["security"] = [{"smart": list(declared.scopes)}]
        scopes.update(declared.scopes)
        if declared.scopes:
            named = " and ".join(f"`{scope}`" for scope in declared.scopes)
            operation["description"] = f"{operation.get('description', '')}\n\nNeeds {named}.".strip()


def _refuse(operation: Json, method: str, path: str, declared: Any) -> None:
    """Say every refusal: those that the place and the declaration bring, and those that the route names itself."""
    fhir = path.startswith(f"{FHIR_BASE}/") and "/.well-known/" not in path
    answers = operation["responses"]
    own_422 = answers.get("422", {})
    if "HTTPValidationError" in str(own_422):
        del answers["422"]
    wanted = {503}
    if isinstance(declared, Needs):
        wanted |= {401, 403, 404, 429} if declared.scopes else {401, 404, 429}
    elif isinstance(declared, CdsNeeds):
        wanted |= {401, 404, 429}
    elif "{" in path and method == "GET":
        wanted |= {404}
    if fhir:
        wanted |= {400, 406} | ({413, 415} if method in ("POST", "PUT") else set())
    elif any(one.get("name") != "tenant" for one in operation.get("parameters", ())):
        wanted |= {400}
    if "requestBody" in operation and not fhir and "json" in str(operation["requestBody"]["content"]):
        wanted |= {400, 413, 422}
    outcome = is_fhir(path)
    for status in wanted:
        answers.setdefault(str(status), reference(status, fhir=outcome))
    for status, answer in answers.items():
        if int(status) >= 400 and "content" not in answer and "$ref" not in answer:
            answer |= {**response(int(status), fhir=outcome), "description": answer["description"]}
    operation["responses"] = dict(sorted(answers.items()))


def _add_components(document: Json, scopes: Iterable[str], about: About) -> None:
    """Add what the operations refer to, and nothing else."""
    own = document.get("components", {}).get("schemas", {})
    schemas = {name: schema for name, schema in own.items() if name not in ("HTTPValidationError", "ValidationError")}
    for name, schema in schemas.items():
        _bound_tuples(schema)
        for member, told in schema.get("properties", {}).items():
            words = about.words.get(f"{name}.{member}") or about.words.get(member)
            if words and "$ref" not in told:
                told.setdefault("description", words)
    flow = {
        "tokenUrl": f"https://careledger.example/t/{EXAMPLE_TENANT}/auth/token",
        "scopes": {scope: _scope_words(scope) for scope in sorted(scopes)},
    }
    smart = {
        "type": "oauth2",
        "description": (
            "SMART backend services: an access token of 300 s for a client assertion (private_key_jwt, RS384 or ES384). "
            "The token endpoint is that of the practice, `/t/{tenant}/auth/token`; `.well-known/smart-configuration` below "
            "the FHIR base names it."
        ),
        "flows": {"clientCredentials": flow},
    }
    available = {
        "parameters": {"Tenant": _TENANT} | fhir_openapi.PARAMETERS,
        "headers": _HEADERS,
        "examples": fhir_openapi.example_components(about.examples),
        "responses": RESPONSES,
        "schemas": schemas | {"Problem": PROBLEM} | fhir_openapi.SCHEMAS,
    }
    components = _referenced(document["paths"], available)
    schemes = {"smart": smart, "cdsClient": _CDS_CLIENT}
    named = {name for path in document["paths"].values() for one in path.values() for each in one["security"] for name in each}
    if named:
        components["securitySchemes"] = {name: schemes[name] for name in sorted(named)}
    document["components"] = components


def _bound_tuples(value: Any) -> None:
    """Say of every tuple which items it holds in any place: readers of older drafts know no prefixItems."""
    if isinstance(value, dict):
        if "prefixItems" in value:
            kinds = [one for at, one in enumerate(value["prefixItems"]) if one not in value["prefixItems"][:at]]
            value.setdefault("items", kinds[0] if len(kinds) == 1 else {"anyOf": kinds})
        for inner in value.values():
            _bound_tuples(inner)
    elif isinstance(value, list):
        for inner in value:
            _bound_tuples(inner)


def _scope_words(scope: str) -> str:
    if scope in _OWN_SCOPES:
        return _OWN_SCOPES[scope]
    kind, _, letters = scope.removeprefix("system/").partition(".")
    return f"{' and '.join(_VERBS[letter] for letter in letters)} {kind}"


def _referenced(paths: Json, available: Mapping[str, Mapping[str, Json]]) -> Json:
    """Return the components that `paths` refer to, directly or through others."""
    found: dict[tuple[str, str], Json] = {}
    waiting = list(_references(paths))
    while waiting:
        _, _, kind, name = waiting.pop().split("/")
        if (kind, name) not in found:
            found[kind, name] = available[kind][name]
            waiting += _references(available[kind][name])
    components: Json = {}
    for kind, name in sorted(found):
        components.setdefault(kind, {})[name] = found[kind, name]
    return components


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            yield from _references(inner)
