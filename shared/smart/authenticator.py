"""From a bearer token to a principal: signature, tenant, audience, client, scope or role, in this order."""

from uuid import UUID

from shared.db.asked import ASKED
from shared.kernel.errors import Forbidden, NotFound, Unauthenticated
from shared.smart.registry import Registry
from shared.smart.scopes import covers, parse_scopes
from shared.smart.tokens import SignedClaims, TokenVerifier
from shared.web.access_control import Needs, PageNeeds, Principal
from shared.web.routes import app_base, fhir_base


class TokenAuthenticator:
    """The authenticator of the three services."""

    def __init__(self, verifier: TokenVerifier, registry: Registry, *, public_url: str) -> None:
        self._verifier = verifier
        self._registry = registry
        self._public_url = public_url

    async def authenticate(self, authorization: str | None, *, tenant: str, needs: Needs | PageNeeds) -> Principal:
        """Return who calls; a token of another tenant meets the same 404 as a tenant that does not exist."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("send an access token: Authorization: Bearer …")
        claims = await self._verifier.verify(token.strip())
        _introduce(claims, tenant)
        state = await self._registry.tenant(tenant) if claims.tenant == tenant else None
        if state is None:
            raise NotFound("no such resource")
        tenant_id = UUID(state.tenant_id)
        if isinstance(needs, PageNeeds):
            rights = await self._check_page(claims, tenant, tenant_id, needs)
        else:
            rights = await self._check_scopes(claims, tenant, needs)
        return Principal(
            tenant=tenant,
            tenant_id=tenant_id,
            client_id=claims.client_id,
            actor=claims.fhir_user or claims.subject,
            scopes=rights,
            patient=claims.patient,
            roles=frozenset(claims.roles),
            launch=claims.launch,
            encounter=claims.encounter,
        )

    async def _check_scopes(self, claims: SignedClaims, tenant: str, needs: Needs) -> frozenset[str]:
        """Return the rights of a client's token that was made for the FHIR base."""
        if claims.audience != fhir_base(self._public_url, tenant) or not await self._registry.client_is_active(claims.client_id):
            raise Unauthenticated("the access token is not valid here")
        if claims.patient is not None and any(not scope.startswith("system/") for scope in needs.scopes):
            raise Forbidden("a token bound to one patient opens what is filtered by patient, and nothing else")
        rights = parse_scopes(claims.scope)
        if missing := [scope for scope in needs.scopes if not covers(rights, scope)]:
            raise Forbidden(f"this needs the scope {' and '.join(missing)}")
        return rights

    async def _check_page(self, claims: SignedClaims, tenant: str, tenant_id: UUID, needs: PageNeeds) -> frozenset[str]:
        """Check a person's token that was made for the pages: it carries roles, no scopes, and dies with its session."""
        if claims.audience != app_base(self._public_url, tenant):
            raise Unauthenticated("the access token is not valid here")
        if claims.session is None or await self._registry.session_is_ended(claims.session, tenant_id):
            raise Unauthenticated("the session has ended")
        if not set(needs.roles) & set(claims.roles):
            raise Forbidden(f"this is for the role {' or '.join(needs.roles)}")
        if needs.chart and claims.patient is None:
            raise Forbidden("this page concerns one patient: open it from the chart")
        return frozenset()


def _introduce(claims: SignedClaims, tenant: str) -> None:
    """Tell the journal whose token it is, whatever becomes of the request; a stranger's user is not named to this practice."""
    asked = ASKED.get()
    if asked is not None:
        asked.client, asked.token = claims.client_id, claims.token_id
        if claims.tenant == tenant:
            asked.actor = claims.fhir_user or claims.subject
