"""What a part's OpenAPI says beside its routes: security, the tenant, refusals, tags. Read off the declarations, so it is true.

FastAPI knows paths, bodies and answers; the rest comes from what each route declares (`access_control`), from its place
(FHIR or not) and from `About`. `fhir_openapi` adds what a FHIR interaction takes and gives.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI

from shared.fhir.outcome import operation_outcome
from shared.kernel.errors import Issue
from shared.web import fhir_openapi
from shared.web.access_control import Needs, Open, declarations
from shared.web.errors import problem_document
from shared.web.fhir_openapi import FHIR_JSON, Json
from shared.web.routes import FHIR_BASE

PROBLEM_JSON = "application/problem+json"
EXAMPLE_TENANT = "lakeside"
_REQUEST = "0199f3c2-6d1e-7a40-9c55-3f0d8f1f2a10"


@dataclass(frozen=True)
class About:
    """What a part says of itself: for whom it is, what each tag means, and FHIR resources as examples.

    `examples` holds resources by type as they are answered, and as they are sent by the type and ` sent`.
    """

    description: str
    tags: Mapping[str, str]
    examples: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class _Refusal:
    """A refusal as documented: the name of its component, what it means, its IssueType, and one as an example."""

    name: str
    meaning: str
    code: str
    example: Issue
    headers: tuple[str, ...] = ()


_REFUSALS = {
    400: _Refusal(
        "BadRequest",
        "The request cannot be read: its JSON, its structure or a parameter. Nothing was done.",
        "structure",
        Issue("search-value", "is no date", "date"),
    ),
    401: _Refusal(
        "Unauthorized",
        "No access token, or none that is valid here: get a new one.",
        "login",
        Issue("login", "the access token has expired"),
        ("WWW-Authenticate",),
    ),
    403: _Refusal(
        "Forbidden",
        "The token does not carry the scope that this needs, or is bound to one patient.",
        "forbidden",
        Issue("forbidden", "this needs the scope system/ChargeItem.r"),
        ("WWW-Authenticate",),
    ),
    404: _Refusal(
        "NotFound",
        "Nothing of that name exists for you. Another practice's things, and practices that are not yours, answer alike.",
        "not-found",
        Issue("not-found", "no such resource"),
    ),
    405: _Refusal(
        "MethodNotAllowed",
        "No such resource, and none is created by an update.",
        "not-supported",
        Issue("not-supported", "there is no such resource, and none is created by an update"),
    ),
    406: _Refusal(
        "NotAcceptable",
        "The Accept header or `_format` wants something else than JSON.",
        "not-supported",
        Issue("accept", "this server answers application/fhir+json only"),
    ),
    409: _Refusal(
        "Conflict",
        "It clashes with what is stored.",
        "conflict",
        Issue("identifier-taken", "something else is recorded under this identifier", "identifier"),
    ),
    410: _Refusal(
        "Gone",
        "The feed position is of a feed that is no more: read `status=billable` again, drop duplicates by identifier.",
        "deleted",
        Issue("feed-epoch", "this feed is no more: read status=billable again, and drop duplicates by identifier", "-after"),
    ),
    412: _Refusal(
        "PreconditionFailed",
        "Somebody changed it since you read it: read it again.",
        "conflict",
        Issue("stale-version", "the current version is 3"),
    ),
    413: _Refusal("ContentTooLarge", "The body is larger than is taken here.", "too-long", Issue("too-long", "at most 1 MiB")),
    415: _Refusal(
        "UnsupportedMediaType",
        "The body is not declared as JSON.",
        "not-supported",
        Issue("content-type", "send application/fhir+json, not 'text/plain'"),
    ),
    422: _Refusal(
        "UnprocessableContent",
        "It can be read, but breaks a rule; each issue names the rule and the place. Nothing was done.",
        "business-rule",
        Issue("future", "the work has not been done yet", "Task.executionPeriod.end"),
    ),
    429: _Refusal(
        "TooManyRequests",
        "More than this client may ask of this practice in a minute: wait as `Retry-After` says.",
        "throttled",
        Issue("rate-limit", "this client asks too much in a minute: wait, then go on"),
        ("Retry-After",),
    ),
    503: _Refusal(
        "ServiceUnavailable",
        "Something that we need does not answer. Nothing was done: repeat the same request.",
        "transient",
        Issue("unavailable", "The store does not answer; nothing was done. Try again."),
        ("Retry-After",),
    ),
}

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

_PROBLEM: Json = {
    "type": "object",
    "description": "Why a request was refused, outside the FHIR base (RFC 9457).",
    "required": ["type", "title", "status", "instance", "issues"],
    "properties": {
        "type": {"type": "string", "description": "`urn:careledger:rule:` and the id of the first issue's rule."},
        "title": {"type": "string", "description": "The first issue in words."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "instance": {"type": "string", "description": "`urn:careledger:request:` and the request's id, for the help desk."},
        "issues": {
            "type": "array",
            "description": "Everything that is wrong, as far as it was looked at.",
            "items": {
                "type": "object",
                "required": ["rule", "text"],
                "properties": {
                    "rule": {"type": "string", "description": "The rule's id: stable, made for programs."},
                    "text": {"type": "string", "description": "What is wrong, in words that may change."},
                    "field": {"type": "string", "description": "Where, as a path in the body or a parameter's name."},
                },
            },
        },
    },
}

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
    for path, method, operation, declared in _operations(document, app):
        used.update(operation.get("tags", ()))
        if path.startswith(f"{FHIR_BASE}/") and "/.well-known/" not in path:
            parameters = getattr(app.state, "search_parameters", {})
            fhir_openapi.describe_interaction(operation, method, path, parameters, about.examples)
        _secure(operation, declared, scopes)
        _refuse(operation, method, path, declared)
        if "{tenant}" in path:
            others = [one for one in operation.get("parameters", ()) if one.get("name") != "tenant"]
            operation["parameters"] = [{"$ref": "#/components/parameters/Tenant"}, *others]
    document["tags"] = [{"name": name, "description": about.tags[name]} for name in sorted(used)]
    _add_components(document, scopes, about)
    return document


def _operations(document: Json, app: FastAPI) -> Iterator[tuple[str, str, Json, Any]]:
    for route, declared in declarations(app):
        for method in sorted(route.methods or ()):
            operation = document["paths"].get(route.path, {}).get(method.lower())
            if operation is not None:
                yield route.path or "", method, operation, declared[0]


def _secure(operation: Json, declared: Any, scopes: set[str]) -> None:
    if isinstance(declared, Open):
        operation["security"] = []
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
    elif "{" in path:
        wanted |= {404}
    if fhir:
        wanted |= {400, 406} | ({413, 415} if method in ("POST", "PUT") else set())
    elif any(one.get("name") != "tenant" for one in operation.get("parameters", ())):
        wanted |= {400}
    if "requestBody" in operation and not fhir and "json" in str(operation["requestBody"]["content"]):
        wanted |= {400, 413, 422}
    for status in wanted:
        answers.setdefault(str(status), {"$ref": f"#/components/responses/{_response_name(status, fhir)}"})
    for status, answer in answers.items():
        if int(status) >= 400 and "content" not in answer and "$ref" not in answer:
            answer |= {**_response(int(status), fhir), "description": answer["description"]}
    operation["responses"] = dict(sorted(answers.items()))


def _response_name(status: int, fhir: bool) -> str:
    return ("Fhir" if fhir else "") + _REFUSALS[status].name


def _response(status: int, fhir: bool) -> Json:
    told = _REFUSALS[status]
    if fhir:
        body = operation_outcome((told.example,), code=told.code, diagnostics=f"request {_REQUEST}")
        content = {FHIR_JSON: {"schema": {"$ref": "#/components/schemas/OperationOutcome"}, "example": body}}
    else:
        example = problem_document(status, (told.example,), _REQUEST)
        content = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}
    made: Json = {"description": told.meaning, "content": content}
    if told.headers:
        made["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in told.headers}
    return made


def _add_components(document: Json, scopes: Iterable[str], about: About) -> None:
    """Add what the operations refer to, and nothing else."""
    own = document.get("components", {}).get("schemas", {})
    schemas = {name: schema for name, schema in own.items() if name not in ("HTTPValidationError", "ValidationError")}
    for schema in schemas.values():
        _bound_tuples(schema)
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
        "responses": {_response_name(status, fhir): _response(status, fhir) for status in _REFUSALS for fhir in (False, True)},
        "schemas": schemas | {"Problem": _PROBLEM} | fhir_openapi.SCHEMAS,
    }
    components = _referenced(document["paths"], available)
    if scopes or "smart" in str(document["paths"]):
        components["securitySchemes"] = {"smart": smart}
    document["components"] = components


def _bound_tuples(value: Any) -> None:
    """Say of every tuple which items it holds in any place: readers of older drafts know no prefixItems."""
    if isinstance(value, dict):
        if "prefixItems" in value:
            value.setdefault("items", {"anyOf": value["prefixItems"]})
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
