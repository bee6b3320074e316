"""What anybody may read: our public keys, SMART discovery, the CapabilityStatement and our conformance resources.

Every tenant's name gets the same answers, whether such a tenant exists or not: nothing here looks one up.
"""

import re
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from shared.access.domain.client import OFFERED_SCOPES
from shared.access.entrypoints.dependencies import Door
from shared.access.entrypoints.token_api import token_url
from shared.access.fhir_mapping.capability import capability_statement
from shared.access.fhir_mapping.conformance import TYPES, conformance
from shared.fhir.bundle import searchset
from shared.fhir.json_text import dump
from shared.kernel.errors import Malformed, NotFound
from shared.kernel.signatures import KEY_TYPES
from shared.web.access_control import Open
from shared.web.fhir_route import MEDIA_TYPE, FhirRoute, RetryingRoute, fhir_response
from shared.web.routes import FHIR_BASE, fhir_base

_OPEN = [Depends(Open("public by its nature, without patient data, and the same for every tenant's name"))]
_ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
_KEYS_HEADERS = {"Cache-Control": "public, max-age=300", **_ANY_ORIGIN}
_METADATA_HEADERS = {"Cache-Control": "public, max-age=3600", **_ANY_ORIGIN}
_CONFORMANCE = conformance()
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{1,62}\Z")

keys_router = APIRouter(prefix="/.well-known", route_class=RetryingRoute, tags=["discovery"], dependencies=_OPEN)
smart_router = APIRouter(prefix=FHIR_BASE, route_class=RetryingRoute, tags=["discovery"], dependencies=_OPEN)
fhir_router = APIRouter(prefix=FHIR_BASE, route_class=FhirRoute, tags=["conformance"], dependencies=_OPEN)


@keys_router.get("/jwks.json", summary="The keys that sign our access tokens", response_class=JSONResponse)
async def access_keys(door: Door) -> Response:
    """Return the JWKS of today's and tomorrow's signing keys."""
    return Response(await door.public_jwks(), headers=_KEYS_HEADERS, media_type="application/json")


@keys_router.get("/ehr-client-jwks.json", summary="The keys by which we sign in at EHRs", response_class=JSONResponse)
async def ehr_client_keys(door: Door) -> Response:
    """Return the JWKS that an EHR fetches to verify our own client assertions: register this address there."""
    return Response(door.ehr_client_jwks, headers=_KEYS_HEADERS, media_type="application/json")


@smart_router.get("/.well-known/smart-configuration", summary="SMART discovery", response_class=JSONResponse)
async def smart_configuration(tenant: str, door: Door) -> JSONResponse:
    """Return how to get a token for this FHIR base: backend services only."""
    document = {
        "token_endpoint": token_url(door.public_url, _slug(tenant)),
        "jwks_uri": f"{door.public_url}/.well-known/jwks.json",
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(KEY_TYPES),
        "scopes_supported": list(OFFERED_SCOPES),
        "code_challenge_methods_supported": ["S256"],
        "capabilities": ["permission-v1", "permission-v2", "client-confidential-asymmetric"],
    }
    return JSONResponse(document, headers=_METADATA_HEADERS)


@fhir_router.get("/metadata", summary="What this FHIR base can do", response_class=JSONResponse)
async def metadata(tenant: str, door: Door) -> Response:
    """Return the CapabilityStatement of all services at this base."""
    statement = capability_statement(fhir_base(door.public_url, _slug(tenant)), door.resources)
    return Response(dump(statement), headers=_METADATA_HEADERS, media_type=MEDIA_TYPE)


def _search_type(kind: str) -> Callable[..., Awaitable[Response]]:
    async def search(tenant: str, request: Request, door: Door) -> Response:
        base = fhir_base(door.public_url, _slug(tenant))
        asked = [(name, value) for name, value in request.query_params.multi_items() if name != "_format"]
        if unknown := sorted({name for name, _ in asked} - {"url"}):
            raise Malformed(f"these are searched by url only, not by {', '.join(unknown)}", rule="search-parameter")
        wanted = [set(value.split(",")) for _, value in asked]
        found = [one for one in _CONFORMANCE[kind].values() if all(one.get("url") in urls for urls in wanted)]
        query = request.scope["query_string"].decode("ascii", "replace")
        links = {"self": f"{base}/{kind}{'?' if query else ''}{query}"}
        return fhir_response(searchset(base, found, links=links, total=len(found)))

    return search


def _read_type(kind: str) -> Callable[..., Awaitable[Response]]:
    async def read(tenant: str, name: str) -> Response:
        _slug(tenant)
        if name not in _CONFORMANCE[kind]:
            raise NotFound("no such resource")
        return Response(dump(_CONFORMANCE[kind][name]), headers=_METADATA_HEADERS, media_type=MEDIA_TYPE)

    return read


for _kind in TYPES:
    fhir_router.add_api_route(
        f"/{_kind}",
        _search_type(_kind),
        name=f"search_{_kind}",
        summary=f"Our {_kind} resources",
        description=f"Return every {_kind} of ours, or those of a canonical address.",
        response_class=JSONResponse,
    )
    fhir_router.add_api_route(
        f"/{_kind}/{{name}}",
        _read_type(_kind),
        name=f"read_{_kind}",
        summary=f"One {_kind}",
        description=f"Return the {_kind} whose canonical address ends with this name.",
        response_class=JSONResponse,
    )


@smart_router.api_route("", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
@smart_router.api_route("/", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
async def base_itself() -> Response:
    """Refuse batch, transaction and search over all types: none of them is offered."""
    raise HTTPException(405, "no batch, transaction or search over all types: use a resource type", {"Allow": ""})


def _slug(tenant: str) -> str:
    """Return the tenant's name; NotFound if it can be none."""
    if not _SLUG.match(tenant):
        raise NotFound("no such resource")
    return tenant
