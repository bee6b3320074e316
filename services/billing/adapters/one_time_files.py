"""One-time files as rows: taking one deletes it in the same statement, so that two who hold the address get it once."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.adapters.tables import ONE_TIME_FILE
from services.billing.usecases.one_time_files import OneTimeFile

_F = ONE_TIME_FILE.c


class OneTimeFileRepository:
    """Fills `usecases.one_time_files.FileStore` in an open transaction."""

    def __init__(self, connection: AsyncConnection, tenant_id: UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    async def keep(self, digest: str, file: OneTimeFile, *, until: datetime, now: datetime) -> None:
        """Keep a file, and throw away what is too old."""
        await self._connection.execute(sa.delete(ONE_TIME_FILE).where(_F.tenant_id == self._tenant_id, _F.expires_at <= now))
        values = {"name": file.name, "media_type": file.media_type, "body": file.body, "expires_at": until}
        await self._connection.execute(sa.insert(ONE_TIME_FILE).values(tenant_id=self._tenant_id, digest=digest, **values))

    async def take(self, digest: str, now: datetime) -> OneTimeFile | None:
        """Return a file that still lives, and delete it whether it does or not."""
        gone = (
            sa.delete(ONE_TIME_FILE)
            .where(_F.tenant_id == self._tenant_id, _F.digest == digest)
            .returning(_F.name, _F.media_type, _F.body, _F.expires_at)
        )
        row = (await self._connection.execute(gone)).one_or_none()
        if row is None or row.expires_at <= now:
            return None
        return OneTimeFile(name=row.name, media_type=row.media_type, body=bytes(row.body))
