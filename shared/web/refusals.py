"""Refusals as the OpenAPI documents them: OperationOutcome at the FHIR base, problem documents elsewhere (`errors`)."""

from dataclasses import dataclass
from typing import Any

from shared.fhir.outcome import operation_outcome
from shared.kernel.errors import Issue
from shared.web.errors import problem_document

Json = dict[str, Any]

_FHIR_JSON, _PROBLEM_JSON = "application/fhir+json", "application/problem+json"
_REQUEST = "0199f3c2-6d1e-7a40-9c55-3f0d8f1f2a10"


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

PROBLEM: Json = {
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


def _name(status: int, fhir: bool) -> str:
    return ("Fhir" if fhir else "") + _REFUSALS[status].name


def reference(status: int, *, fhir: bool) -> Json:
    """Return the reference to a refusal's component."""
    return {"$ref": f"#/components/responses/{_name(status, fhir)}"}


def response(status: int, *, fhir: bool) -> Json:
    """Return a refusal as an OpenAPI response, with an example."""
    told = _REFUSALS[status]
    if fhir:
        body = operation_outcome((told.example,), code=told.code, diagnostics=f"request {_REQUEST}")
        content = {_FHIR_JSON: {"schema": {"$ref": "#/components/schemas/OperationOutcome"}, "example": body}}
    else:
        example = problem_document(status, (told.example,), _REQUEST)
        content = {_PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}
    made: Json = {"description": told.meaning, "content": content}
    if told.headers:
        made["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in told.headers}
    return made


RESPONSES = {_name(status, fhir): response(status, fhir=fhir) for status in _REFUSALS for fhir in (False, True)}
