"""What framed us and was not to, as rows: few for each practice, since anybody may say anything."""

import time
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.access.adapters.launch_tables import FRAMING
from shared.access.domain.framing import Framing, Way
from shared.db.transaction import tenant_transaction

_MOST = 50
_QUIET_SECONDS = 60.0
_IN_MEMORY = 10_000


class FramingNotes:
    """Keeps at most 50 origins a practice, and writes about each once a minute at most."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._noted: dict[tuple[UUID, str, Way], float] = {}

    async def note(self, tenant_id: UUID, origin: str, way: Way) -> None:
        """Note it now, unless it was noted in the last minute, or the practice's list is full."""
        key, now = (tenant_id, origin, way), time.monotonic()
        if now - self._noted.get(key, float("-inf")) < _QUIET_SECONDS:
            return
        if len(self._noted) >= _IN_MEMORY:
            self._noted.clear()
        self._noted[key] = now
        mine = FRAMING.c.tenant_id == tenant_id
        same = mine & (FRAMING.c.origin == origin) & (FRAMING.c.way == way.value)
        again = FRAMING.update().where(same).values(times=FRAMING.c.times + 1, last_at=sa.func.now())
        row = {"tenant_id": tenant_id, "origin": origin, "way": way.value, "times": 1}
        first = insert(FRAMING).values(row | {"first_at": sa.func.now(), "last_at": sa.func.now()}).on_conflict_do_nothing()
        async with tenant_transaction(self._engine, tenant_id) as connection:
            if (await connection.execute(again)).rowcount:
                return
            held = (await connection.execute(sa.select(sa.func.count()).select_from(FRAMING).where(mine))).scalar_one()
            if held < _MOST:
                await connection.execute(first)

    async def of(self, tenant_id: UUID) -> list[Framing]:
        """Return what is known of a practice, the latest first."""
        query = sa.select(FRAMING).where(FRAMING.c.tenant_id == tenant_id).order_by(FRAMING.c.last_at.desc(), FRAMING.c.origin)
        async with tenant_transaction(self._engine, tenant_id) as connection:
            rows = (await connection.execute(query)).all()
        return [Framing(row.origin, Way(row.way), row.times, row.first_at, row.last_at) for row in rows]
