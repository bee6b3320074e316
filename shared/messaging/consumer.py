"""The consumer: takes events in by batches, each batch in one transaction, and acknowledges after the commit.

Order does not matter and a second delivery changes nothing: a handler appends `(tenant, aggregate, version)` by primary key
and leaves what is there. What cannot be read or breaks a constraint goes to `dead_letter` and never blocks the others.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError
from pydantic import ValidationError
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.contracts.event import Event
from shared.db.journal import JournalTables
from shared.db.transaction import is_unstorable, worker_transaction
from shared.kernel.errors import CareledgerError
from shared.messaging.broker import ensure_stream, is_away
from shared.messaging.wire import Unreadable, read_event, stream_of
from shared.ops.cancellation import end_if_cancelled
from shared.ops.metrics import DEAD_LETTERS, EVENTS_CONSUMED

_BATCH = 500
_ACK_SECONDS = 10  # how soon the batch of a consumer that was killed comes to another; a slow one may get it twice, to no harm
_log = logging.getLogger(__name__)

Handler = Callable[[AsyncConnection, Sequence[Event]], Awaitable[None]]
"""Takes a batch in, within the worker's transaction that it is handed; it may raise for a poisonous event."""

_POISON = (Unreadable, ValidationError, CareledgerError, ValueError, KeyError, TypeError)


@dataclass
class Consumer:
    """The durable consumer of `service` on the stream of `producer`."""

    service: str
    producer: str
    engine: AsyncEngine
    tables: JournalTables
    jetstream: JetStreamContext
    handle: Handler

    async def run(self) -> None:
        """Take in for ever; a broker or a database that is away is waited for, and a lost stream is followed anew."""
        while True:
            try:
                await self._run_while_connected()
            except Exception as error:
                if not is_away(error):
                    raise
                _log.warning("consumer waits", extra={"service": self.service, "error": type(error).__name__})
                await asyncio.sleep(0.5)

    async def _run_while_connected(self) -> None:
        await ensure_stream(self.jetstream, self.producer)
        stream, durable = stream_of(self.producer), self.service
        try:
            await self.jetstream.consumer_info(stream, durable)
        except NotFoundError:
            config = ConsumerConfig(
                durable_name=durable,
                ack_policy=AckPolicy.EXPLICIT,
                deliver_policy=DeliverPolicy.ALL,
                ack_wait=_ACK_SECONDS,
                max_ack_pending=4 * _BATCH,
            )
            await self.jetstream.add_consumer(stream, config)
        subscription = await self.jetstream.pull_subscribe_bind(durable=durable, stream=stream)
        silence = 0
        try:
            while silence < 10:
                end_if_cancelled()
                try:
                    messages = await subscription.fetch(_BATCH, timeout=0.5)
                except TimeoutError:  # the client library raises its own or, where nothing at all came, the plain one
                    silence += 1
                    continue
                silence = 0
                await self.take_in(messages)
                await asyncio.gather(*(message.ack() for message in messages))
            await self.jetstream.consumer_info(stream, durable)
        finally:
            await subscription.unsubscribe()

    async def take_in(self, messages: Sequence[Msg]) -> None:
        """Take a batch in; if it holds a poisonous event, one by one, setting the poisonous aside."""
        try:
            await self._transact(messages)
        except Exception as error:
            if not _is_poison(error):
                raise
            for message in messages:
                await self._take_in_alone(message)
        EVENTS_CONSUMED.labels(self.service).inc(len(messages))

    async def _take_in_alone(self, message: Msg) -> None:
        try:
            await self._transact([message])
        except Exception as error:
            if not _is_poison(error):
                raise
            await self._set_aside(message, error)

    async def _transact(self, messages: Sequence[Msg]) -> None:
        events = [read_event(message.headers, message.data) for message in messages]
        async with worker_transaction(self.engine) as connection:
            await self.handle(connection, events)

    async def _set_aside(self, message: Msg, error: BaseException) -> None:
        stream = stream_of(self.producer)
        info = await self.jetstream.stream_info(stream)
        values = {
            "stream": stream,
            "sequence": message.metadata.sequence.stream,
            "stream_created_at": info.created or datetime.now(UTC),
            "subject": message.subject,
            "headers": json.dumps(message.headers or {}),
            "body": message.data,
            "reason": f"{type(error).__name__}: {str(error)[:500]}",
            "at": datetime.now(UTC),
        }
        async with worker_transaction(self.engine) as connection:
            await connection.execute(insert(self.tables.dead_letter).values(values).on_conflict_do_nothing())
        DEAD_LETTERS.labels(self.service).inc()
        _log.error("event set aside", extra={"service": self.service, "stream": stream, "error": type(error).__name__})


async def retry_dead_letters(engine: AsyncEngine, tables: JournalTables, handlers: Mapping[str, Handler]) -> tuple[int, int]:
    """Hand every dead letter to its stream's handler (`handlers`, by stream) again; return how many went in, how many stay."""
    table = tables.dead_letter
    async with worker_transaction(engine) as connection:
        rows = (await connection.execute(sa.select(table).where(table.c.retried_at.is_(None)))).all()
    taken = 0
    for row in rows:
        key = (
            (table.c.stream == row.stream)
            & (table.c.sequence == row.sequence)
            & (table.c.stream_created_at == row.stream_created_at)
        )
        try:
            event = read_event(json.loads(row.headers), row.body)
            async with worker_transaction(engine) as connection:
                await handlers[row.stream](connection, [event])
                await connection.execute(sa.update(table).where(key).values(retried_at=datetime.now(UTC)))
            taken += 1
        except Exception as error:
            if not _is_poison(error):
                raise
            _log.warning("dead letter stays", extra={"stream": row.stream, "error": type(error).__name__})
    return taken, len(rows) - taken


def _is_poison(error: Exception) -> bool:
    """Tell whether the event is to blame, and not what is away for now."""
    return isinstance(error, _POISON) or is_unstorable(error)
