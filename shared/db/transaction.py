"""The transaction: opened and closed by us, in which the database itself keeps tenants apart.

`BEGIN; SET LOCAL app.tenant = …` goes as one message, so row-level security costs no round trip of its own. A policy reads
`current_setting('app.tenant')` without a default: a transaction that names no tenant fails, it never sees all.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast
from uuid import UUID

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

RETRYABLE = ("40001", "40P01")


@asynccontextmanager
async def tenant_transaction(engine: AsyncEngine, tenant_id: UUID) -> AsyncIterator[AsyncConnection]:
    """Open a transaction that sees and writes `tenant_id`'s rows only; commit at the end, roll back on any exception."""
    async with _transaction(engine, f"BEGIN; SET LOCAL app.tenant = '{UUID(str(tenant_id))}'") as connection:
        yield connection


@asynccontextmanager
async def worker_transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open a transaction of a worker (relay, consumer, closer), whose own role may see every tenant."""
    async with _transaction(engine, "BEGIN") as connection:
        yield connection


@asynccontextmanager
async def _transaction(engine: AsyncEngine, opening: str) -> AsyncIterator[AsyncConnection]:
    async with engine.connect() as connection:
        driver = await driver_of(connection)
        try:
            await driver.execute(opening)
        except (asyncpg.InterfaceError, asyncpg.ConnectionDoesNotExistError, OSError):
            # the server was restarted under the pool: one fresh connection, before anything was done
            await connection.invalidate()
            driver = await driver_of(connection)
            await driver.execute(opening)
        try:
            yield connection
        except BaseException:
            if not driver.is_closed():
                await driver.execute("ROLLBACK")
            raise
        await driver.execute("COMMIT")


async def driver_of(connection: AsyncConnection) -> "asyncpg.Connection[Any]":
    """Return the asyncpg connection under a SQLAlchemy one."""
    return cast("asyncpg.Connection[Any]", (await connection.get_raw_connection()).driver_connection)


def is_retryable(error: BaseException) -> bool:
    """Tell whether the database undid the transaction for reasons of concurrency, so that one more try may succeed."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in RETRYABLE


def is_unreachable(error: BaseException) -> bool:
    """Tell whether the database could not be reached or went away, so that nothing was committed as far as we know."""
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        return error.connection_invalidated or state.startswith(("08", "57P"))
    return isinstance(error, PoolTimeout | ConnectionError | asyncpg.InterfaceError | asyncpg.ConnectionDoesNotExistError)
