"""Refusals, turned once into a status and a body: an OperationOutcome at the FHIR base, a problem document elsewhere."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import compile_path

from shared.db.transaction import is_no_text, is_unreachable
from shared.fhir.json_text import dump
from shared.fhir.outcome import operation_outcome
from shared.kernel import errors
from shared.kernel.errors import CareledgerError, Issue

_log = logging.getLogger(__name__)

_KINDS: list[tuple[type[CareledgerError], int, str]] = [
    (errors.Malformed, 400, "structure"),
    (errors.Invalid, 422, "business-rule"),
    (errors.Unauthenticated, 401, "login"),
    (errors.Forbidden, 403, "forbidden"),
    (errors.NotFound, 404, "not-found"),
    (errors.Conflict, 409, "conflict"),
    (errors.PreconditionFailed, 412, "conflict"),
    (errors.PreconditionMissing, 400, "required"),
    (errors.Gone, 410, "deleted"),
    (errors.TooMany, 429, "throttled"),
    (errors.Unavailable, 503, "transient"),
]

_NOT_ALLOWED = HTTPStatus.METHOD_NOT_ALLOWED.phrase
_HTTP_CODES = {404: "not-found", 405: "not-supported", 406: "not-supported", 413: "too-long", 415: "not-supported"}


def status_of(error: CareledgerError) -> tuple[int, str]:
    """Return the HTTP status and the IssueType code of a refusal."""
    for kind, status, code in _KINDS:
        if isinstance(error, kind):
            return status, code
    return 422, "processing"


def is_fhir(path: str) -> bool:
    """Tell whether `path` is at a FHIR base, or one of CDS Hooks, whose errors are OperationOutcomes too."""
    steps = path.split("/")
    return len(steps) > 3 and steps[1] == "t" and steps[3] in ("fhir", "cds-services")


def refusal(
    request: Request, status: int, code: str, issues: tuple[Issue, ...], headers: Mapping[str, str] | None = None
) -> Response:
    """Build the answer: OperationOutcome or problem+json (RFC 9457), with the request id for the help desk."""
    request_id = getattr(request.state, "request_id", "")
    request.state.rule = issues[0].rule  # for the journal
    if is_fhir(request.scope["path"]):
        body = operation_outcome(issues, code=code, diagnostics=f"request {request_id}")
        return Response(dump(body), status, headers, media_type="application/fhir+json; charset=utf-8")
    problem = problem_document(status, issues, request_id)
    return Response(dump(problem), status, headers, media_type="application/problem+json")


def problem_document(status: int, issues: tuple[Issue, ...], request_id: str) -> dict[str, Any]:
    """Build the body of a refusal outside the FHIR base (RFC 9457)."""
    return {
        "type": f"urn:careledger:rule:{issues[0].rule}",
        "title": issues[0].text,
        "status": status,
        "instance": f"urn:careledger:request:{request_id}",
        "issues": [{"rule": i.rule, "text": i.text, **({"field": i.expression} if i.expression else {})} for i in issues],
    }


def allowed_methods(app: FastAPI, path: str) -> list[str]:
    """Return the methods of all routes at `path`, HEAD wherever there is GET; the router alone names those of one route."""
    routes = [route for route in iter_route_contexts(app.routes) if route.path and compile_path(route.path)[0].match(path)]
    methods = {method for route in routes for method in route.methods or ()}
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)


def install_error_handlers(app: FastAPI) -> None:
    """Make every error of `app` one of ours."""

    async def expected(request: Request, error: Exception) -> Response:
        assert isinstance(error, CareledgerError)
        status, code = status_of(error)
        headers: dict[str, str] = {}
        if status == 401:
            headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
        elif status == 403:
            headers["WWW-Authenticate"] = 'Bearer error="insufficient_scope"'
        elif isinstance(error, errors.TooMany):
            headers["Retry-After"] = str(error.retry_after)
        elif status == 503:
            headers["Retry-After"] = "5"
        return refusal(request, status, code, error.issues, headers)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = _HTTP_CODES.get(error.status_code, "processing")
        headers = error.headers
        if error.status_code == 405 and "Allow" in (headers or {}) and error.detail == _NOT_ALLOWED:
            headers = {"Allow": ", ".join(allowed_methods(app, request.scope["path"]))}
        return refusal(request, error.status_code, code, (Issue(code, str(error.detail)),), headers)

    async def shape(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        found = tuple(Issue(str(e["type"]), str(e["msg"]), ".".join(str(step) for step in e["loc"])) for e in error.errors())
        syntax = any(e["loc"][0] in ("path", "query", "header") or e["type"] == "json_invalid" for e in error.errors())
        return refusal(request, 400 if syntax else 422, "structure", found or (Issue("structure", "unreadable"),))

    async def unexpected(request: Request, error: Exception) -> Response:
        if is_unreachable(error):
            issue = Issue("unavailable", "The store does not answer; nothing was done. Try again.")
            return refusal(request, 503, "transient", (issue,), {"Retry-After": "5"})
        if is_no_text(error):
            return refusal(request, 400, "structure", (Issue("json-character", "a text holds U+0000, which is no text"),))
        _log.error("unexpected error", exc_info=error, extra={"request_id": getattr(request.state, "request_id", "")})
        return refusal(request, 500, "exception", (Issue("exception", "An unexpected error; it has been logged."),))

    app.add_exception_handler(CareledgerError, expected)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, shape)
    app.state.unexpected = unexpected
