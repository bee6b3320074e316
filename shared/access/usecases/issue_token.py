"""Give a client an access token."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from shared.access.domain.assertion import ASSERTION_TYPE, OAuthError, SignedAssertion, TokenRefused, not_authenticated
from shared.access.usecases.ports import Assertions, Scopes, Signer, Tenants, TokenUnitOfWork
from shared.kernel.clock import Clock

LIFETIME_SECONDS = 300
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*\Z")


@dataclass(frozen=True)
class TokenRequest:
    """The parameters of a token request, as they came."""

    grant_type: str | None
    client_assertion_type: str | None
    client_assertion: str | None
    scope: str | None
    client_id: str | None = None


@dataclass(frozen=True)
class TokenPlace:
    """Where a token is asked for and for what it counts."""

    tenant: str
    issuer: str
    token_url: str
    audience: str


@dataclass(frozen=True)
class IssuedToken:
    """A token with what was given."""

    token: str
    expires_in: int
    scope: str


async def issue_token(
    *,
    request: TokenRequest,
    place: TokenPlace,
    assertions: Assertions,
    tenants: Tenants,
    scopes: Scopes,
    signer: Signer,
    count: Callable[[str], None],
    uow: Callable[[], TokenUnitOfWork],
    clock: Clock,
) -> IssuedToken:
    """Verify the client's assertion, spend its id, and sign a token of 300 s with requested ∩ granted scopes.

    TokenRefused otherwise, with the code of RFC 6749 5.2. A tenant that does not exist, is switched off or is foreign to the
    client is refused in the same words after the same steps. The id is spent, durably, before anything is issued: of any number
    of equal assertions one gets a token. Source: standards.md 2.2, integration.md 1. `count` raises TooMany when the client,
    known by then so that nobody can use up another's quota, asks too often; its assertion is not spent and can be sent again.
    """
    assertion = await _authenticate(request, place, assertions, clock)
    count(assertion.client_id)
    now = clock.now()
    async with uow() as work:
        fresh = await work.spend(assertion, now)
        allowed = await work.granted_scopes(assertion.client_id, place.tenant)
    if not fresh:
        raise not_authenticated("this assertion was used before: each needs its own jti")
    if not await tenants.is_active(place.tenant) or not allowed:
        raise not_authenticated()
    if request.scope is None or not _SCOPE.match(request.scope):
        raise TokenRefused(OAuthError.INVALID_SCOPE, "send scope, its parts separated by single spaces")
    scope = scopes.granted(request.scope, allowed)
    if not scope:
        raise TokenRefused(OAuthError.INVALID_SCOPE, "none of the requested scopes was granted to this client")
    issued_at = int(now.timestamp())
    claims: dict[str, object] = {
        "iss": place.issuer,
        "aud": place.audience,
        "sub": assertion.client_id,
        "client_id": assertion.client_id,
        "tenant": place.tenant,
        "jti": str(uuid4()),
        "iat": issued_at,
        "exp": issued_at + LIFETIME_SECONDS,
        "scope": scope,
    }
    return IssuedToken(await signer.sign(claims, now), LIFETIME_SECONDS, scope)


async def _authenticate(request: TokenRequest, place: TokenPlace, assertions: Assertions, clock: Clock) -> SignedAssertion:
    if request.grant_type is None:
        raise TokenRefused(OAuthError.INVALID_REQUEST, "grant_type is missing")
    if request.grant_type != "client_credentials":
        raise TokenRefused(OAuthError.UNSUPPORTED_GRANT_TYPE, "only client_credentials is offered")
    if request.client_assertion_type != ASSERTION_TYPE or not request.client_assertion:
        raise not_authenticated(f"send client_assertion, and client_assertion_type={ASSERTION_TYPE}")
    assertion = await assertions.verify(request.client_assertion, token_url=place.token_url, now=clock.now())
    if request.client_id not in (None, assertion.client_id):
        raise not_authenticated("client_id is not that of the assertion")
    return assertion
