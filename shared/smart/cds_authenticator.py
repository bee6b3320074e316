"""From a CDS client's token to a principal: signature, practice, address; and each token once."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from shared.kernel.errors import Unauthenticated
from shared.smart.cds_tokens import CdsTokenVerifier, SignedCdsCall
from shared.smart.registry import Registry
from shared.web.access_control import CdsCaller, Principal


class TokenUses(Protocol):
    """Remembers which tokens were used, as long as they live."""

    async def first(self, tenant_id: UUID, issuer: str, token_id: str, until: datetime) -> bool:
        """Note a use; tell whether it is the first one, whoever asks at the same time."""


class CdsTokenAuthenticator:
    """Fills `shared.web.access_control.CdsAuthenticator`."""

    def __init__(self, verifier: CdsTokenVerifier, registry: Registry, uses: TokenUses, *, public_url: str) -> None:
        self._verifier = verifier
        self._registry = registry
        self._uses = uses
        self._public_url = public_url

    async def authenticate(self, authorization: str | None, *, tenant: str, path: str) -> CdsCaller:
        """Return who calls `path`; Unauthenticated alike for a bad token, a stranger and an unknown practice."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("send the signed token of the CDS client: Authorization: Bearer …")
        state = await self._registry.tenant(tenant)
        clients = state.document.cds_clients if state is not None else ()
        call = await self._verifier.verify(token.strip(), clients=clients, address=f"{self._public_url}{path}")
        assert state is not None  # nobody signs for a practice without clients
        issuer = call.client.iss
        principal = Principal(tenant=tenant, tenant_id=UUID(state.tenant_id), client_id=issuer, actor=issuer, scopes=frozenset())
        return CdsCaller(principal, lambda: self._use(principal, call))

    async def _use(self, principal: Principal, call: SignedCdsCall) -> None:
        first = await self._uses.first(principal.tenant_id, call.client.iss, call.token_id, call.expires_at)
        if not first and not call.client.reuses_tokens:
            raise Unauthenticated("the token of the CDS client is not valid here")
