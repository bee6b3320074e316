"""Routes at the FHIR base: content negotiation, one retry where the database undid a transaction, and FHIR answers."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache
from typing import Any, get_type_hints

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.db.asked import ASKED
from shared.db.transaction import is_retryable
from shared.fhir.bundle import Version, history
from shared.fhir.history import parse_history
from shared.fhir.json_text import dump
from shared.fhir.subjects import subjects_of
from shared.kernel.errors import Issue, PreconditionFailed, PreconditionMissing
from shared.web.access_control import Needs
from shared.web.errors import refusal

MEDIA_TYPE = "application/fhir+json; charset=utf-8; fhirVersion=4.0"
_JSON_TYPES = ("application/fhir+json", "application/json", "text/json")
_ANY = ("*/*", "application/*")
_FORMATS = ("json", *_JSON_TYPES)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class RetryingRoute(APIRoute):
    """Runs the handler once more where the database undid its transaction for reasons of concurrency."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As FastAPI's, but an endpoint without dependencies that want closing is served without the stacks which close them."""
        super().__init__(*args, **kwargs)
        if _straight(self.dependant) is not None:
            self.app = _served(self.get_route_handler())

    def get_route_handler(self) -> Handler:
        """Return the handler with its one retry."""
        handler = _straight(self.dependant) or super().get_route_handler()

        async def retrying(request: Request) -> Response:
            try:
                return await handler(request)
            except Exception as error:
                if not is_retryable(error):
                    raise
                return await handler(request)

        return retrying


def _straight(dependant: Dependant) -> Handler | None:
    """Return a handler for an endpoint that makes its answer of the request, its caller and texts of the path; None for others.

    FastAPI would find out at each request anew that there is nothing else to find out.
    """
    asks_more = (
        dependant.query_params,
        dependant.header_params,
        dependant.cookie_params,
        dependant.body_params,
        dependant.response_param_name,
        dependant.background_tasks_param_name,
        [field for field in dependant.path_params if field.field_info.annotation is not str or field.field_info.metadata],
    )
    endpoint, request_name, callers = dependant.call, dependant.request_param_name, dependant.dependencies
    if any(asks_more) or endpoint is None or request_name is None or len(callers) != 1:
        return None
    if get_type_hints(endpoint).get("return") is not Response:
        return None
    declared, name = callers[0].call, callers[0].name
    if not isinstance(declared, Needs) or name is None:
        return None
    steps = [field.name for field in dependant.path_params]

    async def straight(request: Request) -> Response:
        caller = await declared(request)
        given = {step: request.path_params[step] for step in steps}
        answer: Response = await endpoint(**{request_name: request, name: caller}, **given)
        return answer

    return straight


def _served(handler: Handler) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await handler(Request(scope, receive, send))
        await response(scope, receive, send)

    return app


class FhirRoute(RetryingRoute):
    """Refuses what is not JSON with 406 and 415 before the handler runs (standards.md 3.1)."""

    def get_route_handler(self) -> Handler:
        """Return the handler behind its content negotiation."""
        handler = super().get_route_handler()
        allowed = ("application/x-www-form-urlencoded",) if self.path.endswith("/_search") else _JSON_TYPES[:2]

        async def negotiated(request: Request) -> Response:
            wanted = request.query_params.get("_format") if request.scope["query_string"] else None
            # a plus that a client forgot to escape has become a space
            if wanted is not None and wanted.split(";")[0].strip().lower().replace(" ", "+") not in _FORMATS:
                return _not_acceptable(request)
            if wanted is None and not _accepts_json(request.headers.get("accept")):
                return _not_acceptable(request)
            if request.method in ("POST", "PUT") and not _body_allowed(request.headers.get("content-type", ""), allowed):
                text = f"send {_JSON_TYPES[0]}, not {request.headers.get('content-type', 'nothing')[:60]!r}"
                return refusal(request, 415, "not-supported", (Issue("content-type", text),))
            return await handler(request)

        return negotiated


@lru_cache(maxsize=256)
def _body_allowed(content_type: str, allowed: tuple[str, ...]) -> bool:
    kind, _, parameters = content_type.partition(";")
    if kind.strip().lower() not in allowed:
        return False
    values = dict(part.strip().lower().partition("=")[::2] for part in parameters.split(";") if part.strip())
    return values.get("charset", "utf-8").strip('"') in ("utf-8", "utf8") and values.get("fhirversion", "4.0") in (
        "4.0",
        "4.0.1",
    )


@lru_cache(maxsize=256)
def _accepts_json(accept: str | None) -> bool:
    if not accept:
        return True
    kinds = [part.split(";")[0].strip().lower() for part in accept.split(",")]
    return any(kind in _JSON_TYPES or kind in _ANY for kind in kinds)


def _not_acceptable(request: Request) -> Response:
    return refusal(request, 406, "not-supported", (Issue("accept", f"this server answers {_JSON_TYPES[0]} only"),))


def etag(version: int) -> str:
    """Return the weak ETag of a version."""
    return f'W/"{version}"'


def required_version(request: Request) -> int:
    """Return the version in If-Match; PreconditionMissing without it, PreconditionFailed if it is none of ours."""
    given = request.headers.get("if-match")
    if given is None:
        raise PreconditionMissing("a change must say which version it saw: send If-Match with the ETag that you read")
    text = given.strip().removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise PreconditionFailed("If-Match does not hold a version of this resource")
    return int(text)


def preference(request: Request, name: str) -> str | None:
    """Return what the Prefer headers say of `name` (`return`, `handling`), or None."""
    for header in request.headers.getlist("prefer"):
        for part in header.replace(";", ",").split(","):
            key, _, value = part.strip().partition("=")
            if key.strip().lower() == name:
                return value.strip('" ')
    return None


def not_modified(request: Request, *, version: int, updated: datetime) -> Response | None:
    """Return the 304 if the caller holds this version: by If-None-Match, or else by If-Modified-Since (RFC 9110, 13.2.2)."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        held = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        same = bool(held & {"*", f'"{version}"'})
    else:
        same = _unchanged_since(request.headers.get("if-modified-since"), updated)
    return Response(status_code=304, headers={"ETag": etag(version)}) if same else None


def _unchanged_since(text: str | None, updated: datetime) -> bool:
    try:
        since = parsedate_to_datetime(text) if text else None
        return since is not None and updated.replace(microsecond=0) <= since
    except (TypeError, ValueError):  # no HTTP date, or one without a zone: the header is to be ignored
        return False


def resource_response(
    resource: Mapping[str, Any] | None, *, version: int, updated: datetime, status: int = 200, location: str | None = None
) -> Response:
    """Answer with one resource (None: without a body), its ETag, Last-Modified and, if it was made or changed, Location."""
    _tell_of(resource)
    headers = {"ETag": etag(version), "Last-Modified": format_datetime(updated.astimezone(UTC), usegmt=True)}
    if location is not None:
        headers["Location"] = location
    return Response(b"" if resource is None else dump(resource), status, headers, media_type=MEDIA_TYPE)


def fhir_response(body: Mapping[str, Any], status: int = 200) -> Response:
    """Answer with a Bundle, Parameters or OperationOutcome."""
    _tell_of(body)
    return Response(dump(body), status, media_type=MEDIA_TYPE)


def _tell_of(resource: Mapping[str, Any] | None) -> None:
    """Tell the journal whose data the answer holds."""
    asked = ASKED.get()
    if asked is not None and resource is not None:
        subjects_of(resource, asked.patients, asked.resources)


def history_response(request: Request, base: str, address: str, versions: Sequence[Version]) -> Response:
    """Answer an instance history: all `versions`, newest first, of the resource at `address` (absolute, without `_history`)."""
    page, total, links = parse_history(request.query_params.multi_items()).of(versions, f"{address}/_history")
    return fhir_response(history(base, page, links=links, total=total))
