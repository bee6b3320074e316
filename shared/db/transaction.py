"""The transaction: opened and closed by us, in which the database itself keeps tenants apart.

`BEGIN; SET LOCAL app.tenant = …` goes as one message, so row-level security costs no round trip of its own. A policy reads
`current_setting('app.tenant')` without a default: a transaction that names no tenant fails, it never sees all.
"""

from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, cast
from uuid import UUID

import asyncpg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import PoolProxiedConnection

from shared.db.asked import ASKED
from shared.db.engine import lend

RETRYABLE = ("40001", "40P01")
# The driver's words for a connection that the server has left; InternalClientError comes between its farewell and the end.
GONE = (asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.PostgresConnectionError, OSError)
_LEAVING = ("08", "57P")
_UNSTORABLE = ("22", "23")


def tenant_transaction(engine: AsyncEngine, tenant_id: UUID) -> AbstractAsyncContextManager[AsyncConnection]:
    """Open a transaction that sees and writes `tenant_id`'s rows only; commit at the end, roll back on any exception."""
    return _Transaction(engine, f"BEGIN; SET LOCAL app.tenant = '{UUID(str(tenant_id))}'")


def worker_transaction(engine: AsyncEngine) -> AbstractAsyncContextManager[AsyncConnection]:
    """Open a transaction of a worker (relay, consumer, closer), whose own role may see every tenant."""
    return _Transaction(engine, "BEGIN")


class _Transaction:
    """Borrows a connection of the engine's pool for one transaction, which begins with the message `opening`."""

    def __init__(self, engine: AsyncEngine, opening: str) -> None:
        self._engine = engine
        self._opening = opening
        self._lent: PoolProxiedConnection
        self._driver: asyncpg.Connection[Any]

    async def __aenter__(self) -> AsyncConnection:
        await self._lend()
        try:
            try:
                await self._driver.execute(self._opening)
            except GONE:
                # the server was restarted under the pool: a fresh connection, before anything was done
                self._lent.invalidate()
                await self._lend()
                await self._driver.execute(self._opening)
        except BaseException:
            self._lent.close()
            raise
        return AsyncConnection(self._engine, sa.Connection(self._engine.sync_engine, self._lent))

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        committed = False
        try:
            if error is None:
                await self._driver.execute("COMMIT")
                committed = True
            elif not self._driver.is_closed():
                await self._driver.execute("ROLLBACK")
        finally:
            self._lent.close()
            asked = ASKED.get()
            if asked is not None:
                asked.settle(committed=committed)

    async def _lend(self) -> None:
        self._lent, self._driver = await lend_live(self._engine)


async def lend_live(engine: AsyncEngine) -> "tuple[PoolProxiedConnection, asyncpg.Connection[Any]]":
    """Take a live connection out of the pool, with the driver's under it; those that are known to be dead leave the pool."""
    while True:
        lent = await lend(engine)
        driver = cast("asyncpg.Connection[Any]", lent.driver_connection)
        if not driver.is_closed():
            return lent, driver
        lent.invalidate()


async def driver_of(connection: AsyncConnection) -> "asyncpg.Connection[Any]":
    """Return the asyncpg connection under a SQLAlchemy one."""
    held = connection.sync_connection
    if held is None or held.invalidated:  # it has to connect first
        return cast("asyncpg.Connection[Any]", (await connection.get_raw_connection()).driver_connection)
    return cast("asyncpg.Connection[Any]", held.connection.driver_connection)


def is_retryable(error: BaseException) -> bool:
    """Tell whether the database undid the transaction for reasons of concurrency, so that one more try may succeed."""
    return _state(error) in RETRYABLE


def is_no_text(error: BaseException) -> bool:
    """Tell whether the database refused a text because it holds U+0000, which PostgreSQL cannot keep."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in ("22021", "22P05")


def is_unreachable(error: BaseException) -> bool:
    """Tell whether the database could not be reached or went away, so that nothing was committed as far as we know."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    gone = isinstance(_of_driver(error), GONE) and not is_unstorable(error)
    return gone or isinstance(error, PoolTimeout) or _state(error).startswith(_LEAVING)


def is_unstorable(error: BaseException) -> bool:
    """Tell whether the values themselves are refused, by the driver, a type or a constraint: no other try will succeed."""
    return isinstance(_of_driver(error), asyncpg.DataError) or _state(error).startswith(_UNSTORABLE)


def _of_driver(error: BaseException) -> BaseException:
    return error.driver_exception if isinstance(error, DBAPIError) else error


def _state(error: BaseException) -> str:
    return getattr(_of_driver(error), "sqlstate", None) or ""
