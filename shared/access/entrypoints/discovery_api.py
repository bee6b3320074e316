"""What anybody may read: our public keys, SMART discovery, the CapabilityStatement and the code systems.

Every tenant's name gets the same answers, whether such a tenant exists or not: nothing here looks one up.
"""

import re
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from shared.access.domain.assertion import KEY_TYPES
from shared.access.domain.client import OFFERED_SCOPES
from shared.access.entrypoints.dependencies import Door
from shared.access.entrypoints.token_api import token_url
from shared.access.fhir_mapping import capability_statement, code_systems
from shared.fhir.json_text import dump
from shared.kernel.errors import Malformed, NotFound
from shared.web.access_control import Open
from shared.web.fhir_route import MEDIA_TYPE, FhirRoute, RetryingRoute, fhir_response
from shared.web.routes import FHIR_BASE, fhir_base

_OPEN = [Depends(Open("public by its nature, without patient data, and the same for every tenant's name"))]
_KEYS_HEADERS = {"Cache-Control": "public, max-age=300"}
_METADATA_HEADERS = {"Cache-Control": "public, max-age=3600"}
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


@fhir_router.get("/CodeSystem", summary="Search our code systems", response_class=JSONResponse)
async def search_code_systems(tenant: str, request: Request, door: Door) -> Response:
    """Return all our code systems, or the one whose `url` is given."""
    base = fhir_base(door.public_url, _slug(tenant))
    asked = [(name, value) for name, value in request.query_params.multi_items() if name != "_format"]
    if unknown := sorted({name for name, _ in asked} - {"url"}):
        raise Malformed(f"code systems are searched by url only, not by {', '.join(unknown)}", rule="search-parameter")
    wanted = [set(value.split(",")) for _, value in asked]
    found = [system for system in code_systems() if all(system["url"] in urls for urls in wanted)]
    query = request.scope["query_string"].decode("ascii", "replace")
    bundle: dict[str, Any] = {
        "resourceType": "Bundle",
        "type": "searchset",
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "total": len(found),
        "link": [{"relation": "self", "url": f"{base}/CodeSystem{'?' if query else ''}{query}"}],
    }
    if found:
        bundle["entry"] = [
            {"fullUrl": f"{base}/CodeSystem/{system['id']}", "resource": system, "search": {"mode": "match"}} for system in found
        ]
    return fhir_response(bundle)


@fhir_router.get("/CodeSystem/{name}", summary="Read one of our code systems", response_class=JSONResponse)
async def read_code_system(tenant: str, name: str) -> Response:
    """Return the code system of that id."""
    _slug(tenant)
    for system in code_systems():
        if system["id"] == name:
            return Response(dump(system), headers=_METADATA_HEADERS, media_type=MEDIA_TYPE)
    raise NotFound("no such code system")


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
