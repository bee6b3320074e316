"""The relay: reads what the journal has not published yet, publishes it, and deletes the mark once the broker has it.

Any number of relays run side by side: each owns the buckets of tenants whose advisory lock it holds. A broker that lost its
stream (younger, or with a lower last sequence than the relay saw) is filled again from the journal by itself; the last
day is filled again once a day anyway, since an acknowledgement is no proof (standards.md, finding 3).
"""

import asyncio
import json
import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa
from nats.js import JetStreamContext
from nats.js.api import PubAck
from nats.js.errors import NotFoundError
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.contracts.event import Event
from shared.db.journal import BUCKETS, JournalTables, bucket_sql
from shared.db.transaction import worker_transaction
from shared.messaging.broker import ensure_stream, is_away
from shared.messaging.wire import headers_of, stream_of, subject_of
from shared.ops.cancellation import end_if_cancelled
from shared.ops.metrics import EVENTS_PUBLISHED, UNPUBLISHED

_BATCH = 500
_IDLE_SECONDS = 0.05
_ACK_SECONDS = 10  # an acknowledgement that a broken connection swallowed never comes
_LOCK_SPACE = 0x0CA4E
_log = logging.getLogger(__name__)


@dataclass
class Relay:
    """One relay of `service`, over the worker role's engine."""

    service: str
    engine: AsyncEngine
    tables: JournalTables
    jetstream: JetStreamContext

    async def run(self) -> None:
        """Publish for ever; a broker or a database that is away is waited for."""
        while True:
            try:
                await self._run_while_connected()
            except Exception as error:
                if not is_away(error):
                    raise
                _log.warning("relay waits", extra={"service": self.service, "error": type(error).__name__})
                await asyncio.sleep(0.5)

    async def _run_while_connected(self) -> None:
        await ensure_stream(self.jetstream, self.service)
        async with self.engine.connect() as locks:
            try:
                await self._publish_owned(locks)
            finally:
                await locks.invalidate()  # closes the session, which gives the buckets back

    async def _publish_owned(self, locks: AsyncConnection) -> None:
        owned: set[int] = set()
        checked = datetime.min.replace(tzinfo=UTC)
        while True:
            end_if_cancelled()
            if datetime.now(UTC) - checked > timedelta(seconds=1):
                owned |= await _take_buckets(locks, owned)
                await self._refill_if_lost()
                checked = datetime.now(UTC)
            if await self.publish_batch(owned) < _BATCH:
                await asyncio.sleep(_IDLE_SECONDS)

    async def publish_batch(self, buckets: set[int]) -> int:
        """Publish up to 500 pending events of `buckets`; return how many."""
        pending, journal = self.tables.unpublished, self.tables.journal
        query = (
            sa.select(journal)
            .join(pending, (pending.c.tenant_id == journal.c.tenant_id) & (pending.c.id == journal.c.id))
            .where(pending.c.bucket.in_(buckets))
            .order_by(pending.c.id)
            .limit(_BATCH)
        )
        async with worker_transaction(self.engine) as connection:
            rows = (await connection.execute(query)).all()
        if not rows:
            UNPUBLISHED.labels(self.service).set(0)
            return 0
        async with asyncio.timeout(_ACK_SECONDS):
            acknowledgements = [await self._publish(_event_of(row)) for row in rows]
            await asyncio.gather(*acknowledgements)
        async with worker_transaction(self.engine) as connection:
            published = [row.id for row in rows]
            await connection.execute(sa.delete(pending).where(pending.c.bucket.in_(buckets), pending.c.id.in_(published)))
        EVENTS_PUBLISHED.labels(self.service).inc(len(rows))
        return len(rows)

    async def _publish(self, event: Event) -> "asyncio.Future[PubAck]":
        return await self.jetstream.publish_async(
            subject_of(self.service, event),
            json.dumps(event.data, ensure_ascii=False).encode(),
            stream=stream_of(self.service),
            headers=headers_of(self.service, event),
        )

    async def _refill_if_lost(self) -> None:
        """Compare the stream with what was seen of it, and put the journal's ids back where the broker lost them."""
        try:
            info = await self.jetstream.stream_info(stream_of(self.service))
        except NotFoundError:
            await ensure_stream(self.jetstream, self.service)
            info = await self.jetstream.stream_info(stream_of(self.service))
        mark = self.tables.stream_mark
        name, today = stream_of(self.service), datetime.now(UTC).date()
        created = info.created.astimezone(UTC) if info.created else datetime.now(UTC)
        async with worker_transaction(self.engine) as connection:
            seen = (await connection.execute(sa.select(mark).where(mark.c.stream == name).with_for_update())).one_or_none()
            lost = seen is not None and (created > seen.created_at or info.state.last_seq < seen.last_sequence)
            if lost:
                _log.warning("stream is younger than the journal: filling it again", extra={"stream": name})
            if lost or (seen is None and info.state.last_seq == 0):
                await refill(connection, self.tables, since=None)
            elif seen is not None and seen.refilled_on < today:
                await refill(connection, self.tables, since=seen.refilled_on - timedelta(days=1))
            values = {"created_at": created, "last_sequence": info.state.last_seq, "refilled_on": today}
            if seen is None:
                await connection.execute(mark.insert().values(stream=name, **values))
            else:
                await connection.execute(mark.update().where(mark.c.stream == name).values(**values))


async def refill(connection: AsyncConnection, tables: JournalTables, *, since: date | None) -> int:
    """Mark all events of the journal, or those since a day, as unpublished again; return how many were marked."""
    journal, pending = tables.journal, tables.unpublished
    rows = sa.select(journal.c.tenant_id, journal.c.id, bucket_sql(journal.c.tenant_id)).where(journal.c.event_type.is_not(None))
    if since is not None:
        rows = rows.where(journal.c.at >= datetime(since.year, since.month, since.day, tzinfo=UTC))
    statement = insert(pending).from_select(["tenant_id", "id", "bucket"], rows).on_conflict_do_nothing()
    return (await connection.execute(statement)).rowcount


async def _take_buckets(locks: AsyncConnection, owned: set[int]) -> set[int]:
    """Lock what no other relay holds; the locks live as long as the connection."""
    wanted = sorted(set(range(BUCKETS)) - owned)
    rows = await locks.execute(
        sa.text("SELECT bucket FROM unnest(CAST(:wanted AS int[])) AS bucket WHERE pg_try_advisory_lock(:space, bucket)"),
        {"wanted": wanted, "space": _LOCK_SPACE},
    )
    return set(rows.scalars())


def _event_of(row: "sa.Row[tuple[object, ...]]") -> Event:
    return Event(
        id=row.id,
        type=row.event_type,
        tenant=row.tenant,
        tenant_id=row.tenant_id,
        aggregate_id=row.aggregate,
        version=row.version,
        time=row.at,
        data=json.loads(row.data),
    )
