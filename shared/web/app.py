"""How each part's FastAPI app is put together."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Response
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.routing import APIRoute
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp

from shared.ops.metrics import exposition
from shared.web.access_control import Authenticator, Open, check_declarations, guarded_routes
from shared.web.audit import RequestAudit
from shared.web.errors import install_error_handlers
from shared.web.middleware import Envelope
from shared.web.openapi import About, describe
from shared.web.rate_limit import RateLimiter

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
LifespanBody = AsyncIterator[None]


_UNDESCRIBED = About(description="", tags={})


class _Part(FastAPI):
    """An app whose OpenAPI says all that its routes declare."""

    def openapi(self) -> dict[str, Any]:
        """Return the document, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = describe(super().openapi(), self, self.state.about)
        return self.openapi_schema

    def build_middleware_stack(self) -> ASGIApp:
        """Return the handlers of expected errors around the routes, within our envelope: it does what FastAPI's outermost do."""
        routes = ExceptionMiddleware(AsyncExitStackMiddleware(self.router), handlers=self.exception_handlers)
        return Envelope(routes, service=self.state.service, uploads=self.state.uploads)


def create_app(
    *,
    service: str,
    title: str,
    routers: Iterable[APIRouter],
    authenticator: Authenticator,
    limiter: RateLimiter,
    audit: RequestAudit,
    lifespan: Lifespan,
    about: About = _UNDESCRIBED,
    uploads: str | None = None,
    **state: Any,
) -> FastAPI:
    """Build the app of `service`; `state` is what its dependencies find at `request.app.state`.

    At paths that end with `uploads` a body may hold a file; `about` is what its OpenAPI says beside its routes.

    RuntimeError if a route does not declare who may call it. No interactive documentation is served: `openapi/` holds it.
    """
    app = _Part(
        title=title,
        version="1",
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # ours stand, and hold no more than they may
        generate_unique_id_function=_operation_id,
    )
    app.state.about = about
    app.state.service = service
    app.state.uploads = uploads
    app.state.authenticator = authenticator
    app.state.limiter = limiter
    app.state.audit = audit
    for name, value in state.items():
        setattr(app.state, name, value)
    for router in (*routers, _operations(service)):
        _take_routes(app, router)
    install_error_handlers(app)
    check_declarations(app)
    app.state.guarded = guarded_routes(app)
    return app


def _take_routes(app: FastAPI, router: APIRouter) -> None:
    """Take a router's routes as they stand, under their full paths: to include it would match each request twice."""
    for route in router.routes:
        if isinstance(route, APIRoute):
            route.unique_id = _operation_id(route)
        app.router.routes.append(route)


def _operation_id(route: APIRoute) -> str:
    return route.name


def _operations(service: str) -> APIRouter:
    router = APIRouter(prefix=f"/internal/{service}", include_in_schema=False)

    @router.get("/metrics", dependencies=[Depends(Open("counts without patient data; the proxy does not forward /internal"))])
    async def metrics() -> Response:
        body, content_type = exposition()
        return Response(body, media_type=content_type)

    @router.get("/live")
    async def live(_: Annotated[None, Depends(Open("says only that the process runs"))]) -> Response:
        return Response(status_code=204)

    return router
