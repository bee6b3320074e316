"""What every answer carries and every request must keep to, as plain ASGI around the app."""

import logging
import time
from uuid import UUID

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.kernel.clock import SystemClock
from shared.kernel.errors import Issue
from shared.kernel.ids import uuid7
from shared.ops.metrics import REQUESTS
from shared.web.errors import refusal

BODY_LIMIT = 1024 * 1024
"""Bytes of a request body (standards.md 3.1); more is a 413."""

UPLOAD_LIMIT = 10 * BODY_LIMIT + 64 * 1024
"""Bytes of a body where files are sent: 10 MB and what a form adds."""

_SECURITY_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cache-control": b"no-store",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"strict-transport-security": b"max-age=31536000; includeSubDomains",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=()",
}
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_log = logging.getLogger("careledger.requests")


class BodyTooLong(Exception):
    """The body went over the limit while it was read."""


class Envelope:
    """Request id, body limit, security headers, one log line and one measurement for every request."""

    def __init__(self, app: ASGIApp, *, service: str, uploads: str | None = None) -> None:
        self._app = app
        self._service = service
        self._uploads = uploads
        self._clock = SystemClock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        state = scope.setdefault("state", {})
        state["request_id"] = str(_given_id(scope) or uuid7(self._clock.now()))
        # a client may invent methods: neither a metric's label nor a log line holds a word of its own
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        head = method == "HEAD"
        if head:  # as GET, without the body (standards.md 3.1)
            scope["method"] = "GET"
        status = 500
        sent = False
        got = 0
        limit = UPLOAD_LIMIT if self._uploads and scope["path"].endswith(self._uploads) else BODY_LIMIT

        async def limited() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > limit:
                raise BodyTooLong
            return message

        async def marked(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status, sent = message["status"], True
                headers = dict(message["headers"])  # as names only: a name may be there twice, such as Set-Cookie
                missing = [header for header in _SECURITY_HEADERS.items() if header[0] not in headers]
                message["headers"] = [*message["headers"], (b"x-request-id", state["request_id"].encode()), *missing]
            elif head:
                message = {**message, "body": b""}
            await send(message)

        try:
            await self._serve(scope, limited, marked, limit)
        except BodyTooLong:
            answer = refusal(Request(scope), 413, "too-long", (Issue("too-long", f"a body holds at most {limit} bytes"),))
            await answer(scope, receive, marked)
        except Exception as error:
            if sent:
                raise
            answer = await scope["app"].state.unexpected(Request(scope), error)
            await answer(scope, receive, marked)
        finally:
            self._record(scope, method, status, time.perf_counter() - started)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        length = Headers(scope=scope).get("content-length", "0")
        if length.isascii() and length.isdigit() and int(length[:12]) > limit:
            raise BodyTooLong
        await self._app(scope, receive, send)

    def _record(self, scope: Scope, method: str, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        REQUESTS.labels(self._service, method, route, str(status)).observe(seconds)
        principal = scope["state"].get("principal")
        fields = {
            "service": self._service,
            "method": method,
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 1),
            "request_id": scope["state"]["request_id"],
            "tenant": getattr(principal, "tenant", None),
            "client": getattr(principal, "client_id", None),
        }
        _log.info("request", extra=fields)


def _given_id(scope: Scope) -> UUID | None:
    """Return the request id that the proxy made, if it is one (the proxy strips what clients send)."""
    try:
        return UUID(Headers(scope=scope)["x-request-id"])
    except (KeyError, ValueError):
        return None
