"""FHIR R4 over the store, behind the EHR's SMART server."""

from datetime import UTC
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.sandbox.launch import PATIENT_TYPES
from deploy.sandbox.search import PARAMETERS, BadSearch, Criterion, criterion, select
from deploy.sandbox.smart import AuthorizationServer, discovery
from deploy.sandbox.store import TYPES, Resource, Store, Version, VersionConflict, WrongResource, decode, encode

FHIR_JSON = "application/fhir+json"
PAGE = 50
LARGEST_PAGE = 200

_ISSUES = {401: "login", 403: "forbidden", 404: "not-found", 405: "not-supported", 412: "conflict", 415: "not-supported"}
_FORM = "application/x-www-form-urlencoded"


class FhirApi:
    """The FHIR routes; each asks for its scope letter before it looks at anything, and keeps a launched app to its patient."""

    def __init__(self, store: Store, base: str, authorization: AuthorizationServer) -> None:
        self._store = store
        self._base = base
        self._authorization = authorization

    def routes(self) -> list[Route]:
        """Return the routes, to be mounted at the FHIR base."""
        return [
            Route("/metadata", self.metadata, methods=["GET"]),
            Route("/.well-known/smart-configuration", self.smart_configuration, methods=["GET"]),
            Route("/{kind}", self.search, methods=["GET"]),
            Route("/{kind}", self.create, methods=["POST"]),
            Route("/{kind}/_search", self.search, methods=["POST"]),
            Route("/{kind}/{key}", self.read, methods=["GET"]),
            Route("/{kind}/{key}", self.update, methods=["PUT"]),
            Route("/{kind}/{key}/_history/{number}", self.vread, methods=["GET"]),
        ]

    async def metadata(self, request: Request) -> Response:
        """GET metadata: open to all, as FHIR asks."""
        del request
        return _fhir(capability_statement(self._base))

    async def smart_configuration(self, request: Request) -> Response:
        """GET .well-known/smart-configuration: open to all."""
        del request
        return Response(encode(discovery(self._authorization.settings)), media_type="application/json")

    async def read(self, request: Request) -> Response:
        """GET Type/id."""
        kind, only = await self._allowed(request, "r")
        return self._version(self._reached(self._store.read(kind, request.path_params["key"]), only))

    async def vread(self, request: Request) -> Response:
        """GET Type/id/_history/number."""
        kind, only = await self._allowed(request, "r")
        number = request.path_params["number"]
        found = self._store.read(kind, request.path_params["key"], int(number)) if number.isdecimal() else None
        return self._version(self._reached(found, only))

    async def create(self, request: Request) -> Response:
        """POST Type: 201 with Location and ETag; with If-None-Exist 200 and what is there, 412 if that is several."""
        kind, only = await self._allowed(request, "c")
        body = self._of_patient(kind, await _body(request), only)
        if "if-none-exist" in request.headers:
            found = await self._already(request, kind, only)
            if found is not None:
                return self._version(found)
        try:
            return self._version(self._store.create(kind, body), 201)
        except WrongResource as error:
            raise HTTPException(400, str(error)) from error

    async def _already(self, request: Request, kind: str, only: str | None) -> Version | None:
        """Return the one resource that If-None-Exist finds (it asks as a search, so it needs that scope too); 412 for several."""
        await self._allowed(request, "s")
        pairs = parse_qsl(request.headers["if-none-exist"], keep_blank_values=True)
        try:
            query = _Query.read(kind, pairs, self._base, strict=True)
        except BadSearch as error:
            raise HTTPException(400, str(error)) from error
        if not query.criteria:
            raise HTTPException(400, "If-None-Exist names no search parameter")
        found = select(self._store.current(kind), query.criteria + ([self._about(kind, only)] if only is not None else []))
        if len(found) > 1:
            raise HTTPException(412, "several resources are there already")
        return found[0] if found else None

    async def update(self, request: Request) -> Response:
        """PUT Type/id: the next version; 405 for an unknown id, 412 if If-Match names another version."""
        kind, only = await self._allowed(request, "u")
        key = request.path_params["key"]
        if self._reached(self._store.read(kind, key), only) is None:
            raise HTTPException(405, "an update does not create here")
        match = request.headers.get("if-match")
        expected = None
        if match is not None:
            digits = match.removeprefix("W/").strip('"')
            expected = int(digits) if digits.isdecimal() else -1
        body = self._of_patient(kind, await _body(request), only)
        try:
            return self._version(self._store.put(kind, key, body, if_version=expected))
        except WrongResource as error:
            raise HTTPException(400, str(error)) from error
        except VersionConflict as error:
            raise HTTPException(412, str(error)) from error

    async def search(self, request: Request) -> Response:
        """GET Type?… and POST Type/_search: a searchset with paging by `next`; what is not known is left out of `self`."""
        kind, only = await self._allowed(request, "s")
        pairs = list(request.query_params.multi_items())
        if request.method == "POST":
            if request.headers.get("content-type", "").partition(";")[0] != _FORM:
                raise HTTPException(415, f"a search is posted as {_FORM}")
            pairs += [(name, str(value)) for name, value in (await request.form()).multi_items()]
        try:
            query = _Query.read(kind, pairs, self._base, strict="handling=strict" in request.headers.get("prefer", ""))
        except BadSearch as error:
            raise HTTPException(400, str(error)) from error
        found = select(self._store.current(kind), query.criteria + ([self._about(kind, only)] if only is not None else []))
        page = [version for version in found if version.position > query.after][: query.count]
        links = [{"relation": "self", "url": query.url(self._base, kind)}]
        if page and page[-1] is not found[-1]:
            links.append({"relation": "next", "url": query.url(self._base, kind, after=page[-1].position)})
        bundle: Resource = {"resourceType": "Bundle", "type": "searchset", "total": len(found), "link": links}
        if page:
            bundle["entry"] = [
                {
                    "fullUrl": f"{self._base}/{kind}/{version.resource['id']}",
                    "resource": version.resource,
                    "search": {"mode": "match"},
                }
                for version in page
            ]
        return _fhir(bundle)

    async def _allowed(self, request: Request, interaction: str) -> tuple[str, str | None]:
        """Return the type of the address, and the one patient that the bearer is kept to, if any; 401, 403 or 404 otherwise."""
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        token = self._authorization.access(text) if scheme.lower() == "bearer" else None
        if token is None:
            raise HTTPException(401, "a valid access token is required", {"WWW-Authenticate": 'Bearer error="invalid_token"'})
        context = token.grant.context
        fault = await self._authorization.weather.meet("fhir") if context is not None else None
        if fault:
            raise HTTPException(int(fault), "simulated", {"Retry-After": "1"} if fault in ("429", "503") else None)
        kind = str(request.path_params["kind"])
        if kind not in TYPES:
            raise HTTPException(404, f"{kind} is not kept here")
        levels = token.scopes.levels(kind, interaction)
        if levels & {"system", "user"}:
            return kind, None
        if "patient" in levels and kind in PATIENT_TYPES and context is not None and context.patient is not None:
            return kind, context.patient
        raise _insufficient(f"the token does not grant {kind}.{interaction}")

    def _reached(self, version: Version | None, only: str | None) -> Version | None:
        if version is not None:
            self._of_patient(version.resource["resourceType"], version.resource, only)
        return version

    def _of_patient(self, kind: str, body: Resource, only: str | None) -> Resource:
        if only is not None and not self._about(kind, only).matches(body):
            raise _insufficient("the token is for another patient")
        return body

    def _about(self, kind: str, patient: str) -> Criterion:
        """Return the criterion that a resource of one of PATIENT_TYPES is this patient or is about them."""
        elements = PARAMETERS[kind]["_id" if kind == "Patient" else "patient"]
        return Criterion(elements, (patient if kind == "Patient" else f"Patient/{patient}",), self._base)

    def _version(self, version: Version | None, status: int = 200) -> Response:
        if version is None:
            raise HTTPException(404, "no such resource")
        resource = version.resource
        headers = {
            "ETag": f'W/"{version.number}"',
            "Last-Modified": version.at.astimezone(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT"),
        }
        if status == 201:
            headers["Location"] = f"{self._base}/{resource['resourceType']}/{resource['id']}/_history/{version.number}"
        return _fhir(resource, status, headers)


class _Query(msgspec.Struct, frozen=True):
    """A search as it was understood: criteria, page size, the position after which to go on, and the pairs for links."""

    criteria: list[Criterion]
    pairs: list[tuple[str, str]]
    count: int
    after: int

    @classmethod
    def read(cls, kind: str, pairs: list[tuple[str, str]], base: str, *, strict: bool) -> "_Query":
        """Read the query; BadSearch for what is wrong and, if strict, for what is unknown."""
        criteria, used, count, after = [], [], PAGE, 0
        for name, value in pairs:
            if name in ("_count", "_after"):
                if not value.isdecimal():
                    raise BadSearch(f"{name} is a number")
                if name == "_count":
                    count = min(int(value), LARGEST_PAGE)
                    used.append((name, value))
                else:
                    after = int(value)
                continue
            found = criterion(kind, name, value, base)
            if found is not None:
                criteria.append(found)
                used.append((name, value))
            elif strict:
                raise BadSearch(f"{name} is not a search parameter of {kind}")
        return cls(criteria, used, count, after)

    def url(self, base: str, kind: str, *, after: int | None = None) -> str:
        """Return the address of this search, or of its page after a position."""
        pairs = [*self.pairs, ("_after", str(after))] if after is not None else self.pairs
        return f"{base}/{kind}" + (f"?{urlencode(pairs)}" if pairs else "")


def capability_statement(base: str) -> dict[str, Any]:
    """Return what this server can do, in FHIR's words; `base` is its public FHIR base."""
    interactions = [{"code": code} for code in ("read", "vread", "search-type", "create", "update")]
    service = {"system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "SMART-on-FHIR"}
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-01",
        "kind": "instance",
        "software": {"name": "Careledger sandbox EHR"},
        "implementation": {"description": "A synthetic clinic for trying and testing", "url": base},
        "fhirVersion": "4.0.1",
        "format": [FHIR_JSON, "json"],
        "rest": [
            {
                "mode": "server",
                "security": {"service": [{"coding": [service]}]},
                "resource": [
                    {
                        "type": kind,
                        "interaction": interactions,
                        "versioning": "versioned",
                        "updateCreate": False,
                        "conditionalCreate": True,
                        "searchParam": [
                            {"name": parameter.name, "type": parameter.kind} for parameter in PARAMETERS[kind].values()
                        ],
                    }
                    for kind in TYPES
                ],
            }
        ],
    }


async def _body(request: Request) -> Resource:
    if request.headers.get("content-type", "").partition(";")[0] not in (FHIR_JSON, "application/json"):
        raise HTTPException(415, f"the body must be {FHIR_JSON}")
    try:
        body = decode(await request.body())
    except ValueError as error:
        raise HTTPException(400, "the body is no JSON") from error
    if not isinstance(body, dict):
        raise HTTPException(400, "the body is no resource")
    return body


def _insufficient(text: str) -> HTTPException:
    return HTTPException(403, text, {"WWW-Authenticate": 'Bearer error="insufficient_scope"'})


async def refusal(request: Request, error: Exception) -> Response:
    """Turn every refusal into an OperationOutcome, those of the router (404, 405) too."""
    del request
    if not isinstance(error, HTTPException):
        raise error
    issue = {"severity": "error", "code": _ISSUES.get(error.status_code, "invalid"), "diagnostics": error.detail}
    headers = dict(error.headers or {})
    return _fhir({"resourceType": "OperationOutcome", "issue": [issue]}, error.status_code, headers)


def _fhir(body: Resource, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(encode(body), status, headers, FHIR_JSON)
