"""Sends malformed requests, made from a seed, to all routes of the four parts, and says what was wrong with the answers."""

import random
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

import httpx

from tests.fuzz import corpus
from tests.security.place import ALL_SCOPES, CDS, Place
from tests.security.test_matrix import Route, aims_of, routes_of

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "X")


@dataclass
class Findings:
    """What came of a run: how many requests, by status, what was taken in after all, and what was wrong."""

    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    taken: Counter[tuple[int, str]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Attempt:
    """One request."""

    part: str
    method: str
    path: str
    headers: dict[str, bytes | str]
    content: bytes


class Fuzzer:
    """Makes requests from `seed`; a finding can be had again by its seed and number."""

    def __init__(self, place: Place, seed: int) -> None:
        self._place = place
        self._rng = random.Random(seed)
        routes = [route for route in routes_of(place) if not route.path.startswith("/internal")]
        self._pages = [route for route in routes if _is_page(route.path)]
        self._routes = [route for route in routes if not _is_page(route.path)]
        self._aim = aims_of(place)["own"]
        self._bearers = [
            place.tokens.bearer("north", ALL_SCOPES),
            place.tokens.bearer("north", ALL_SCOPES, patient="pat-north-1"),
        ]

    async def run(self, requests: int) -> Findings:
        """Send so many requests and look at each answer."""
        found = Findings()
        for number in range(requests):
            attempt = self._attempt()
            try:
                answer = await self._send(attempt)
            except (httpx.InvalidURL, httpx.LocalProtocolError, UnicodeEncodeError, ValueError):
                continue  # what our own client cannot write
            found.requests += 1
            found.statuses[answer.status_code] += 1
            if answer.is_success and attempt.method in ("POST", "PUT", "DELETE", "PATCH"):
                found.taken[answer.status_code, attempt.path.split("?")[0].rsplit("/", 1)[-1]] += 1
            for fault in faults(answer, attempt):
                found.wrong.append(f"{number}: {attempt.method} {attempt.path[:200]} {attempt.content[:200]!r}: {fault}")
        return found

    async def _send(self, attempt: Attempt) -> httpx.Response:
        request = httpx.Request(
            attempt.method, f"http://127.0.0.1:8080{attempt.path}", headers=attempt.headers, content=attempt.content
        )
        return await self._place.http[attempt.part].send(request)

    def _attempt(self) -> Attempt:
        rng = self._rng
        route: Route = rng.choice(self._routes if rng.random() < 0.85 else self._pages)
        path = route.path.replace(":path}", "}")
        named = route.example.values(self._aim)
        values = {name: named[name] for name in re.findall(r"{(\w+)}", path) if name != "tenant"} | {"tenant": "north"}
        if rng.random() < 0.3:
            name = rng.choice(list(values))
            values[name] = quote(
                rng.choice(corpus.TEXTS).encode("utf-8", "surrogatepass"), safe="" if rng.random() < 0.7 else "/%"
            )
        method = (
            route.method if rng.random() < 0.9 else rng.choice(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "X"))
        )
        address = path.format(**values)
        headers: dict[str, bytes | str] = {
            **(CDS["north"].bearer(address) if "/cds-services" in path else rng.choice(self._bearers))
        }
        content = self._content(route) if method in ("POST", "PUT", "PATCH") else b""
        if content or method in ("POST", "PUT"):
            headers["Content-Type"] = self._content_type(route)
        if method == "PUT" and rng.random() < 0.7:
            headers["If-Match"] = 'W/"99"'
        if rng.random() < 0.15:
            headers[rng.choice(corpus.HEADERS)] = _header(rng.choice(corpus.TEXTS))
        return Attempt(route.part, method, address + self._query(), headers, content)

    def _content_type(self, route: Route) -> str:
        if self._rng.random() < 0.15:
            return self._rng.choice(corpus.TYPES)
        if route.path.endswith(("_search", "/token")):
            return "application/x-www-form-urlencoded"
        return "application/fhir+json" if "/fhir/" in route.path else "application/json"

    def _query(self) -> str:
        rng = self._rng
        if rng.random() < 0.5:
            return ""
        pairs = []
        for _ in range(rng.randint(1, 4)):
            name = rng.choice(corpus.PARAMETERS) + rng.choice(corpus.MODIFIERS)
            value = rng.choice(corpus.TEXTS)
            raw = rng.random() < 0.2
            pairs.append(f"{_quoted(name, raw)}={_quoted(value[:3000], raw)}")
        return "?" + "&".join(pairs)

    def _content(self, route: Route) -> bytes:
        """Return a body that must never be taken: spoilt, or good under a wrong condition only where nothing is stored by it."""
        rng = self._rng
        chance = rng.random()
        kind = "Consent" if "Consent" in route.path else "Task"
        if route.path.endswith("_search"):
            return self._query()[1:].encode("utf-8", "replace")
        if chance < 0.35:
            return rng.choice(corpus.RAW)
        if chance < 0.5:
            return corpus.spoilt_text(rng, kind)
        if "/fhir/" in route.path:
            return corpus.text_of(corpus.mutated(rng, kind))
        given = route.example.body(self._aim) if route.example.body else {}
        if isinstance(given, dict) and given:
            given = {**given, rng.choice(list(given)): rng.choice(corpus.VALUES)}
        return corpus.text_of(given)


def _header(text: str) -> bytes:
    """Return a header's value as a server would let it through: no line breaks, no zero byte."""
    return bytes(byte for byte in text.encode("utf-8", "replace") if byte not in b"\r\n\x00")[:2000]


def _quoted(text: str, raw: bool) -> str:
    data = text.encode("utf-8", "surrogatepass")
    return quote(data, safe="/?:@!$'()*,;=|^`{}[]<>\"\\" if raw else "")


def faults(answer: httpx.Response, attempt: Attempt) -> list[str]:
    """Say what is wrong with an answer: a status of ours, a refusal that is not told as it should be, a trace."""
    found = []
    if answer.status_code >= 500:
        found.append(f"status {answer.status_code}")
    kind = answer.headers.get("content-type", "")
    if answer.status_code >= 400 and attempt.method != "HEAD":
        path = unquote(answer.request.url.path)  # as it was sent: a client resolves `..` by itself
        told = _told(answer, kind, fhir=path.split("/")[3:4] in (["fhir"], ["cds-services"])) or (
            _is_page(path) and kind.startswith("text/html")
        )
        if not told:
            found.append(f"status {answer.status_code} told as {kind!r}: {answer.text[:200]}")
    if "Traceback" in answer.text or "sqlalchemy" in answer.text.lower() or "asyncpg" in answer.text:
        found.append(f"shows how it is made: {answer.text[:200]}")
    if "x-request-id" not in answer.headers:
        found.append("no request id")
    return found


def _is_page(path: str) -> bool:
    steps = path.split("/")[3:]
    exported = steps[:2] == ["billing", "exports"]  # a page's file, whose address works once
    return path.startswith(("/launch", "/callback", "/session", "/app", "/static")) or steps[:1] == ["app"] or exported


def _told(answer: httpx.Response, kind: str, *, fhir: bool) -> bool:
    if not kind.partition(";")[0].endswith("json"):
        return False
    said: Any = answer.json()
    if kind.startswith("application/fhir+json"):
        issue = said["issue"][0]
        return bool(said["resourceType"] == "OperationOutcome" and issue["code"] and issue["details"]["text"])
    return not fhir and ("title" in said or "error" in said)
