"""Access's registry: sessions are its own, so it asks its table, where an end counts at once."""

from uuid import UUID

import sqlalchemy as sa

from shared.access.adapters.launch_tables import WEB_SESSION
from shared.db.transaction import tenant_transaction
from shared.smart.registry import Registry


class AccessRegistry(Registry):
    """The registry of access itself."""

    async def session_is_ended(self, session: str, tenant_id: UUID) -> bool:
        """Tell whether this web session of the tenant is over, or never was."""
        c = WEB_SESSION.c
        try:
            sid = UUID(session)
        except ValueError:
            return True
        now = sa.func.statement_timestamp()
        query = sa.select(c.sid).where(c.tenant_id == tenant_id, c.sid == sid, c.ended_at.is_(None), c.expires_at > now)
        async with tenant_transaction(self._engine, tenant_id) as connection:
            return (await connection.execute(query)).one_or_none() is None
