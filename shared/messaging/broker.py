"""The connection to NATS and the streams on it."""

import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError
from sqlalchemy.exc import DBAPIError

from shared.db.transaction import is_retryable, is_unreachable
from shared.messaging.wire import stream_of


async def connect(url: str, *, name: str) -> Client:
    """Connect to NATS at `url`; the client reconnects by itself for ever, since the journal keeps what waits."""
    return await nats.connect(
        url, name=name, max_reconnect_attempts=-1, reconnect_time_wait=0.5, connect_timeout=5, allow_reconnect=True
    )


def is_away(error: Exception) -> bool:
    """Tell whether the broker or the database did not do what it was asked, which is waited for; anything else is a defect."""
    return isinstance(error, NatsError | DBAPIError | OSError | TimeoutError) or is_unreachable(error) or is_retryable(error)


async def ensure_stream(jetstream: JetStreamContext, service: str, *, replicas: int = 1) -> None:
    """Create the stream of a producing service where it is missing: file storage, refuse when full, never drop the old."""
    name = stream_of(service)
    try:
        await jetstream.stream_info(name)
    except NotFoundError:
        await jetstream.add_stream(
            StreamConfig(
                name=name,
                subjects=[f"ev.{service}.>"],
                storage=StorageType.FILE,
                retention=RetentionPolicy.LIMITS,
                discard=DiscardPolicy.NEW,
                num_replicas=replicas,
                duplicate_window=120,
            )
        )
