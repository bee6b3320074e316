"""What every answer carries and every request must keep to, as plain ASGI around the app."""

import logging
import time
from uuid import UUID

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.db.asked import ASKED, Asked
from shared.db.audit_writer import AuditUnwritten
from shared.kernel.clock import SystemClock
from shared.kernel.errors import Issue
from shared.kernel.ids import uuid7
from shared.ops.metrics import REQUESTS
from shared.web.errors import refusal

BODY_LIMIT = 1024 * 1024
"""Bytes of a request body (standards.md 3.1); more is a 413."""

UPLOAD_LIMIT = 10 * BODY_LIMIT + 64 * 1024
"""Bytes of a body where files are sent: 10 MB and what a form adds."""

_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_log = logging.getLogger("careledger.requests")


class BodyTooLong(Exception):
    """The body went over the limit while it was read."""


class _Exchange:
    """One request on its way in and its answer on its way out."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, asked: Asked, limit: int, head: bool) -> None:
        self.status = 500
        self.sent = False
        self._scope, self._receive, self._send = scope, receive, send
        self._asked = asked
        self._limit = limit
        self._head = head
        self._got = 0
        self._accounted = False
        self._query: list[bytes] = [scope["query_string"]]
        self._searching = scope["path"].endswith("/_search")

    async def receive(self) -> Message:
        """Pass on a part of the body; BodyTooLong over the limit."""
        message = await self._receive()
        body = message.get("body", b"")
        self._got += len(body)
        if self._got > self._limit:
            raise BodyTooLong
        if self._searching:
            self._query.append(body)
        return message

    async def send(self, message: Message) -> None:
        """Pass on a part of the answer, once the journal tells of the request; AuditUnwritten if it cannot."""
        if message["type"] == "http.response.start":
            if not self._accounted:
                self._accounted = True
                query = b"&".join(part for part in self._query if part).decode("utf-8", "replace")
                await self._scope["app"].state.audit.account(self._scope, self._asked, message["status"], query)
            self.status, self.sent = message["status"], True
            names = {name for name, _ in message["headers"]}
            missing = [header for header in _SECURITY_HEADERS if header[0] not in names]
            further = [(b"x-request-id", self._asked.request.encode()), *self._scope["state"].get("further_headers", ())]
            message["headers"] = [*message["headers"], *further, *missing]
        elif self._head:
            message = {**message, "body": b""}
        await self._send(message)


class Envelope:
    """Request id, body limit, security headers, one record in the journal, log line and measurement for every request."""

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
        asked = Asked(state["request_id"], address=scope["client"][0] if scope.get("client") else None)
        limit = UPLOAD_LIMIT if self._uploads and scope["path"].endswith(self._uploads) else BODY_LIMIT
        exchange = _Exchange(scope, receive, send, asked=asked, limit=limit, head=head)
        before = ASKED.set(asked)
        try:
            await self._answer(scope, exchange, limit)
        except AuditUnwritten as error:
            issue = Issue("unavailable", f"{error}; try again.")
            answer = refusal(Request(scope), 503, "transient", (issue,), {"Retry-After": "5"})
            await answer(scope, exchange.receive, exchange.send)
        finally:
            ASKED.reset(before)
            self._record(scope, method, exchange.status, time.perf_counter() - started)

    async def _answer(self, scope: Scope, exchange: _Exchange, limit: int) -> None:
        try:
            await self._serve(scope, exchange, limit)
        except BodyTooLong:
            answer = refusal(Request(scope), 413, "too-long", (Issue("too-long", f"a body holds at most {limit} bytes"),))
            await answer(scope, exchange.receive, exchange.send)
        except Exception as error:
            if exchange.sent or isinstance(error, AuditUnwritten):
                raise
            answer = await scope["app"].state.unexpected(Request(scope), error)
            await answer(scope, exchange.receive, exchange.send)

    async def _serve(self, scope: Scope, exchange: _Exchange, limit: int) -> None:
        length = Headers(scope=scope).get("content-length", "0")
        if length.isascii() and length.isdigit() and int(length[:12]) > limit:
            raise BodyTooLong
        await self._app(scope, exchange.receive, exchange.send)

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
    given = Headers(scope=scope).get("x-request-id")
    try:
        return UUID(given) if given else None
    except ValueError:
        return None
