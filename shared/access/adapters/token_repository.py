"""What the token endpoint reads and writes: clients with their keys, grants, and the ids of spent assertions."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.access.adapters.tables import CLIENT, CLIENT_GRANT, CLIENT_JTI, CLIENT_KEY, TENANT
from shared.access.domain.assertion import SignedAssertion
from shared.access.domain.client import KeySet

_KEPT = timedelta(minutes=5)
_SWEEP = 50

_SPEND = (
    insert(CLIENT_JTI)
    .values(client_id=sa.bindparam("client_id"), jti=sa.bindparam("jti"), expires_at=sa.bindparam("expires_at"))
    .on_conflict_do_nothing()
    .returning(CLIENT_JTI.c.jti)
)
# SKIP LOCKED: requests that sweep at the same time leave each other's rows alone
_OLD = (
    sa.select(CLIENT_JTI.c.client_id, CLIENT_JTI.c.jti)
    .where(CLIENT_JTI.c.expires_at < sa.bindparam("before"))
    .limit(_SWEEP)
    .with_for_update(skip_locked=True)
)
_FORGET = sa.delete(CLIENT_JTI).where(sa.tuple_(CLIENT_JTI.c.client_id, CLIENT_JTI.c.jti).in_(_OLD))
_GRANTED = (
    sa.select(CLIENT_GRANT.c.scopes)
    .join(TENANT, TENANT.c.tenant_id == CLIENT_GRANT.c.tenant_id)
    .join(CLIENT, CLIENT.c.client_id == CLIENT_GRANT.c.client_id)
    .where(TENANT.c.slug == sa.bindparam("slug"), CLIENT.c.client_id == sa.bindparam("client_id"), CLIENT.c.status == "active")
)
_KEYS = (
    sa.select(CLIENT_KEY.c.jwks, CLIENT_KEY.c.jwks_url)
    .join(CLIENT, (CLIENT.c.client_id == CLIENT_KEY.c.client_id) & (CLIENT.c.version == CLIENT_KEY.c.version))
    .where(CLIENT.c.client_id == sa.bindparam("client_id"), CLIENT.c.status == "active")
)


class TokenRepository:
    """See `usecases.ports.TokenUnitOfWork`."""

    _connection: AsyncConnection

    async def spend(self, assertion: SignedAssertion, now: datetime) -> bool:
        """Note the assertion's id as used; False if it was used before. Ids long past their end are forgotten."""
        await self._connection.execute(_FORGET, {"before": now - _KEPT})
        values: dict[str, Any] = {
            "client_id": assertion.client_id,
            "jti": assertion.token_id,
            "expires_at": assertion.expires_at,
        }
        return (await self._connection.execute(_SPEND, values)).one_or_none() is not None

    async def granted_scopes(self, client_id: str, slug: str) -> Sequence[str]:
        """Return what the active client was granted for the tenant; empty for a foreign or unknown one."""
        if "\0" in slug:  # no text for PostgreSQL, so no tenant's name
            return ()
        scopes = (await self._connection.execute(_GRANTED, {"client_id": client_id, "slug": slug})).scalar_one_or_none()
        return scopes or ()

    async def keys_of(self, client_id: str) -> KeySet | None:
        """Return where the keys of an active client are; None if there is no such client."""
        row = (await self._connection.execute(_KEYS, {"client_id": client_id})).one_or_none()
        return KeySet(row.jwks, row.jwks_url) if row else None
