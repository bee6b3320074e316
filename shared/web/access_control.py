"""Who may call a route: declared beside the route, checked before it runs, and listed for the authorisation matrix.

A route without a declaration fails the start of its app (`check_declarations`): nothing is open by oversight.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from shared.db.asked import ASKED
from shared.kernel.values import value
from shared.web.capability import interaction_of
from shared.web.rate_limit import RateLimiter, points_of


@value
class Principal:
    """Who calls, verified: `actor` for the journal, and `patient` if bound to one patient only (filter on it in SQL)."""

    tenant: str
    tenant_id: UUID
    client_id: str
    actor: str
    scopes: frozenset[str]
    patient: str | None = None
    roles: frozenset[str] = field(default_factory=frozenset)
    launch: str | None = None
    encounter: str | None = None


def _identified(request: Request, principal: Principal) -> None:
    """Note who calls: for the routes, and for the rows that the request leaves in the journal."""
    request.state.principal = principal
    asked = ASKED.get()
    if asked is not None:
        asked.actor, asked.client = principal.actor, principal.client_id
        asked.route = request.scope["route"].path
        asked.interaction = interaction_of(request.method, asked.route)


class Authenticator(Protocol):
    """Turns a bearer token into a principal; `shared.smart` has the one that verifies access's tokens."""

    async def authenticate(self, authorization: str | None, *, tenant: str, needs: "Needs | PageNeeds") -> Principal:
        """Return the principal; Unauthenticated, Forbidden or NotFound (a foreign or unknown tenant) otherwise."""


@dataclass(frozen=True)
class Needs:
    """A dependency that yields the principal, who must hold every one of `scopes` (SMART v2 or `careledger/…`)."""

    scopes: tuple[str, ...]

    async def __call__(self, request: Request) -> Principal:
        """Authenticate the request by its bearer token, for the tenant in its path, and count it; TooMany over the limit."""
        authenticator: Authenticator = request.app.state.authenticator
        principal = await authenticator.authenticate(
            request.headers.get("authorization"), tenant=request.path_params["tenant"], needs=self
        )
        _identified(request, principal)
        limiter: RateLimiter = request.app.state.limiter
        limiter.take(principal.tenant, principal.client_id, points=points_of(request.scope))
        return principal


@dataclass(frozen=True)
class PageNeeds:
    """A dependency that yields the person behind a page token, who must hold one of `roles` (`StaffRole`).

    With `chart` the page concerns one patient: the launch must have named one, and `principal.patient` is that patient.
    """

    roles: tuple[str, ...]
    chart: bool = True

    async def __call__(self, request: Request) -> Principal:
        """Authenticate the request by its page token, for the tenant in its path."""
        authenticator: Authenticator = request.app.state.authenticator
        principal = await authenticator.authenticate(
            request.headers.get("authorization"), tenant=request.path_params["tenant"], needs=self
        )
        _identified(request, principal)
        limiter: RateLimiter = request.app.state.limiter
        # all people of a practice share one client: what is counted is the launch
        limiter.take(principal.tenant, principal.launch or principal.client_id, points=points_of(request.scope))
        return principal


@dataclass(frozen=True)
class CdsCaller:
    """A CDS client whose token is good for this call; `use` uses the token up, Unauthenticated if it was used before."""

    principal: Principal
    use: Callable[[], Awaitable[None]]


class CdsAuthenticator(Protocol):
    """Turns the token that a CDS client signs for each call into a principal; `shared.smart` has one."""

    async def authenticate(self, authorization: str | None, *, tenant: str, path: str) -> CdsCaller:
        """Return who calls `path` of our origin; Unauthenticated otherwise."""


@dataclass(frozen=True)
class CdsNeeds:
    """A dependency that yields a CDS client of the practice, proved by a token for this one call (CDS Hooks 2.0.1)."""

    async def __call__(self, request: Request) -> Principal:
        """Authenticate the call for the tenant in its path, count it, and use its token up."""
        known: Principal | None = getattr(request.state, "principal", None)
        if known is not None:
            return known  # the route runs once more: the same call with the same token
        authenticator: CdsAuthenticator = request.app.state.cds_authenticator
        path = request.scope["route"].path.format_map(request.path_params)
        caller = await authenticator.authenticate(
            request.headers.get("authorization"), tenant=request.path_params["tenant"], path=path
        )
        limiter: RateLimiter = request.app.state.limiter
        # apart from what the same system asks as a client of the API, and half as often (standards.md 2.7)
        limiter.take(caller.principal.tenant, f"cds {caller.principal.client_id}", points=1, requests=2)
        await caller.use()
        _identified(request, caller.principal)
        return caller.principal


@dataclass(frozen=True)
class Open:
    """A dependency that says: this route holds no patient data and anybody may call it, for the `reason` given."""

    reason: str

    async def __call__(self) -> None:
        """Let everybody in."""


Declared = Needs | PageNeeds | CdsNeeds | Open
"""What a route says of who may call it."""


def needs(*scopes: str) -> Needs:
    """Declare the scopes of a route, such as `system/Consent.r`."""
    return Needs(scopes)


def page(*roles: str, chart: bool = True) -> PageNeeds:
    """Declare the roles that may use a page or fragment; `chart=False` for pages of the desk, which concern no one patient."""
    return PageNeeds(roles, chart)


def declarations(app: FastAPI) -> Iterator[tuple[RouteContext, list[Declared]]]:
    """Yield every route of `app` (its `path`, `methods` …) with what it declares."""
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute):
            yield route, list(_declared(route.dependant))


def guarded_routes(app: FastAPI) -> frozenset[tuple[str, str]]:
    """Return method and path of the routes that are not open to all: the journal tells of each request to them."""
    guarded = [route for route, declared in declarations(app) if not isinstance(declared[0], Open)]
    return frozenset((method, str(route.path)) for route in guarded for method in route.methods or ())


def check_declarations(app: FastAPI) -> None:
    """Raise RuntimeError if a route of `app` does not declare exactly once who may call it."""
    for route, declared in declarations(app):
        if len(declared) != 1:
            raise RuntimeError(f"{sorted(route.methods or ())} {route.path} declares {len(declared)} access rules, not one")
    strays = [route.path for route in iter_route_contexts(app.routes) if not isinstance(route.original_route, APIRoute)]
    if strays:
        raise RuntimeError(f"routes outside the access rules: {strays}")


def _declared(dependant: Dependant) -> Iterator[Declared]:
    for inner in dependant.dependencies:
        if isinstance(inner.call, Declared):
            yield inner.call
        yield from _declared(inner)
