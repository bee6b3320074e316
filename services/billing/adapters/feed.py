"""The change feed's numbering: one writer a tenant, after the commit, so that no reader misses a row (integration.md 5).

A version gets its number once it is visible to all, under the lock of the tenant's `feed_head`. The lock is a statement of its
own: in one statement with the numbering, the snapshot would be from before the wait and rows would be numbered twice. Within a
batch the order is `version` first, never a timestamp, or a later version of a charge could get the lower number.
"""

from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.billing.adapters.tables import CHARGE_VERSION, FEED_HEAD
from shared.db.transaction import tenant_transaction, worker_transaction

BATCH = 10_000

_HEAD = (
    insert(FEED_HEAD)
    .values(tenant_id=sa.bindparam("tenant"), epoch=sa.bindparam("epoch"), last_seq=0, last_at=sa.func.clock_timestamp())
    .on_conflict_do_nothing()
)
_LOCK = sa.text(
    "SELECT last_seq, greatest(clock_timestamp(), last_at + interval '1 microsecond') AS at"
    " FROM feed_head WHERE tenant_id = :tenant FOR UPDATE"
)
_NUMBER = sa.text("""
    WITH p AS (SELECT id, version, row_number() OVER (ORDER BY version, id) AS rn
                 FROM (SELECT id, version FROM charge_version WHERE tenant_id = :tenant AND feed_seq IS NULL
                        ORDER BY version, id LIMIT :batch) AS s),
         u AS (UPDATE charge_version AS v
                  SET feed_seq = CAST(:last AS bigint) + p.rn,
                      published_at = CAST(:at AS timestamptz) + (p.rn - 1) * interval '1 microsecond'
                 FROM p WHERE v.tenant_id = :tenant AND v.id = p.id AND v.version = p.version AND v.feed_seq IS NULL
               RETURNING v.feed_seq, v.published_at),
         m AS (SELECT max(feed_seq) AS s, max(published_at) AS t, count(*) AS n FROM u)
    UPDATE feed_head SET last_seq = m.s, last_at = m.t FROM m WHERE tenant_id = :tenant AND m.n > 0 RETURNING m.n
""")


class FeedRepository:
    """Where one tenant's feed stands; fills `usecases.ports.FeedStore`."""

    def __init__(self, connection: AsyncConnection, tenant_id: UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    async def head(self) -> tuple[UUID, int]:
        """Return the epoch and the last number given; a tenant's first reader makes its epoch."""
        await self._connection.execute(_HEAD, {"tenant": self._tenant_id, "epoch": uuid4()})
        query = sa.select(FEED_HEAD.c.epoch, FEED_HEAD.c.last_seq).where(FEED_HEAD.c.tenant_id == self._tenant_id)
        row = (await self._connection.execute(query)).one()
        return row.epoch, row.last_seq

    async def position(self) -> str:
        """Return the position after the last numbered version."""
        epoch, last = await self.head()
        return f"{epoch}.{last}"


async def publish(engine: AsyncEngine, tenant_id: UUID) -> int:
    """Number what is committed and not yet numbered, in a transaction of its own; return how many versions."""
    numbered = 0
    while True:
        async with tenant_transaction(engine, tenant_id) as connection:
            await connection.execute(_HEAD, {"tenant": tenant_id, "epoch": uuid4()})
            head = (await connection.execute(_LOCK, {"tenant": tenant_id})).one()
            values = {"tenant": tenant_id, "batch": BATCH, "last": head.last_seq, "at": head.at}
            count = (await connection.execute(_NUMBER, values)).scalar() or 0
        numbered += count
        if count < BATCH:
            return numbered


async def publish_all(engine: AsyncEngine) -> int:
    """Number what waits, for every tenant that has something waiting; the worker's engine sees them all."""
    waiting = sa.select(CHARGE_VERSION.c.tenant_id).where(CHARGE_VERSION.c.feed_seq.is_(None)).distinct()
    async with worker_transaction(engine) as connection:
        tenants = (await connection.execute(waiting)).scalars().all()
    return sum([await publish(engine, tenant_id) for tenant_id in tenants])


async def renew_epoch(engine: AsyncEngine, tenant_id: UUID) -> UUID:
    """Begin a new epoch, after the database was restored to an earlier point: every position given before gets a 410."""
    epoch = uuid4()
    async with tenant_transaction(engine, tenant_id) as connection:
        await connection.execute(_HEAD, {"tenant": tenant_id, "epoch": epoch})
        await connection.execute(sa.update(FEED_HEAD).where(FEED_HEAD.c.tenant_id == tenant_id).values(epoch=epoch))
    return epoch
