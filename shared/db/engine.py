"""Engines over asyncpg in autocommit: transactions are ours to open (see `transaction`)."""

import asyncio
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection
from sqlalchemy.util import greenlet_spawn

STATEMENT_SECONDS = 30
"""No write transaction lives longer; a feed reader that overlaps by 60 s is therefore complete (integration.md 5)."""


def make_engine(url: str, *, name: str, size: int = 10) -> AsyncEngine:
    """Return an engine for `url` (postgresql://…), named `name` at the server, with at most `size` connections."""
    limit = str(STATEMENT_SECONDS * 1000)
    settings: dict[str, Any] = {
        "application_name": name,
        "timezone": "UTC",
        "statement_timeout": limit,
        "idle_in_transaction_session_timeout": limit,
        "lock_timeout": "10000",
        "jit": "off",
    }
    engine = create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://", 1),
        isolation_level="AUTOCOMMIT",
        pool_size=size,
        max_overflow=0,
        pool_timeout=10,
        pool_reset_on_return=None,
        pool_pre_ping=False,
        hide_parameters=True,
        connect_args={"server_settings": settings},
    )
    _watch(engine)
    return engine


@dataclass
class _Pool:
    """What is known of an engine's pool: the places in it that are to connect again, and how many wait for one."""

    lost: WeakSet[ConnectionPoolEntry]
    waiting: int = 0


_POOLS: WeakKeyDictionary[AsyncEngine, _Pool] = WeakKeyDictionary()


async def lend(engine: AsyncEngine) -> PoolProxiedConnection:
    """Take a connection out of the pool of an engine made here; `close` gives it back.

    Where one is there, it is taken without the greenlet in which SQLAlchemy connects, and which costs more than all the rest.
    """
    pool, known = engine.sync_engine.pool, _POOLS[engine]
    if known.waiting:
        await asyncio.sleep(0)  # whoever has waited longer takes what has just been given back
    if not known.lost and pool.checkedin() > 0:  # type: ignore[attr-defined]  # the pool of asyncpg counts
        return pool.connect()
    known.waiting += 1
    try:
        return await greenlet_spawn(pool.connect)
    finally:
        known.waiting -= 1


def _watch(engine: AsyncEngine) -> None:
    lost: WeakSet[ConnectionPoolEntry] = WeakSet()
    _POOLS[engine] = _Pool(lost)

    def returned(connection: object | None, place: ConnectionPoolEntry) -> None:
        if connection is None:
            lost.add(place)

    def alone(error: ExceptionContext) -> None:
        # or SQLAlchemy would have all places connect again, also those that are taken without a greenlet
        error.invalidate_pool_on_disconnect = False

    event.listen(engine.sync_engine, "handle_error", alone)
    event.listen(engine.sync_engine, "checkin", returned)
    event.listen(engine.sync_engine, "connect", lambda _, place: lost.discard(place))
