"""The sandbox EHR: a clinic's charts and its FHIR R4 store, behind its own SMART server."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from deploy.sandbox.auth_api import AuthApi, weather_routes
from deploy.sandbox.cds import CdsClient
from deploy.sandbox.chart import ChartPages, PageRefused, refused_page
from deploy.sandbox.fhir_api import FhirApi, refusal
from deploy.sandbox.id_token import IdTokenSigner
from deploy.sandbox.smart import AuthorizationServer, Settings
from deploy.sandbox.store import Store

# SMART asks for CORS where apps of the browser read; charts are not among it, since each opening of one mints a launch.
_CORS = Middleware(
    CORSMiddleware,
    allow_origins=["*"],
    allow_methods=["GET", "POST", "PUT"],
    allow_headers=["*"],
    expose_headers=["ETag", "Location", "Last-Modified"],
)


def create_ehr(
    store: Store,
    settings: Settings,
    *,
    http: httpx.AsyncClient | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    signer: IdTokenSigner | None = None,
    faults: bool = False,
) -> Starlette:
    """Return the EHR as an ASGI app: `/fhir/R4` (settings.fhir_base), `/auth/…`, and its pages `/`, `/menu`, `/chart/{patient}`.

    `http` fetches the JWKS of registered clients and asks CDS services, to which `/cds/jwks` tells the EHR's key; `now` is the
    clock of launches, assertions and tokens; `signer` holds the key of id_tokens, a new one by default. With `faults` the routes
    under `/control` simulate weather (`weather.ANSWERS`).
    """
    http = http or httpx.AsyncClient()
    authorization = AuthorizationServer(settings, http, now, signer=signer or IdTokenSigner())
    cds = CdsClient(settings.cds_services, settings.fhir_base, settings.clients, http, now) if settings.cds_services else None
    fhir, pages = FhirApi(store, settings.fhir_base, authorization), ChartPages(store, authorization, cds)
    public = [Mount("/fhir/R4", routes=fhir.routes(), middleware=[_CORS])]
    public.append(Mount("/auth", routes=AuthApi(authorization).routes(), middleware=[_CORS]))
    if cds is not None:
        public.append(Mount("/cds", routes=[Route("/jwks", _answering(cds.jwks()))], middleware=[_CORS]))
    control = [Mount("/control", routes=weather_routes(authorization))] if faults else []
    routes: list[Mount | Route] = [*public, *pages.routes(), *control]
    return Starlette(routes=routes, exception_handlers={HTTPException: refusal, PageRefused: refused_page})


def _answering(content: dict[str, Any]) -> Callable[[Request], JSONResponse]:
    return lambda _: JSONResponse(content)
