"""A statement that runs thousands of times, or answers with thousands of rows: sent by the driver itself (stack.md 8.4).

It runs on the driver's connection under SQLAlchemy's, within its transaction, or by itself as one (`commit`).
"""

import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

import asyncpg
import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.db.asked import ASKED
from shared.db.transaction import GONE, driver_of, lend_live

_DIALECT = make_url("postgresql+asyncpg://").get_dialect()()


class DriverStatement:
    """A statement compiled once; what SQLAlchemy does for each execution and each row costs more than these themselves."""

    def __init__(self, statement: sa.ClauseElement) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        self._text = str(compiled)
        self._names = tuple(getattr(compiled, "positiontup", None) or ())

    async def count(self, connection: AsyncConnection, values: Mapping[str, Any]) -> int:
        """Run it and return its one number; IntegrityError and DBAPIError as SQLAlchemy raises them."""
        driver = await driver_of(connection)
        try:
            found: int = await driver.fetchval(self._text, *[values[name] for name in self._names])
        except asyncpg.PostgresError as error:
            raise self._told(error) from error
        return found

    async def commit(self, engine: AsyncEngine, tenant_id: UUID, values: Mapping[str, Any]) -> int:
        """Run it as a whole transaction of `tenant_id`, in one message, and return its one number; errors as `count`.

        0 if it undid itself by dividing by zero (`journalled`). It must hold the keys of what it writes: over a connection that
        turns out to be gone it is sent once more, and if the first was taken after all, they refuse the second.
        """
        committed, given = False, [values[name] for name in self._names]
        try:
            try:
                found = await self._commit(engine, tenant_id, given)
            except GONE:
                found = await self._commit(engine, tenant_id, given)
            committed = True
        except asyncpg.DivisionByZeroError:
            return 0
        except asyncpg.PostgresError as error:
            raise self._told(error) from error
        finally:
            asked = ASKED.get()
            if asked is not None:
                asked.settle(committed=committed)
        return found

    async def _commit(self, engine: AsyncEngine, tenant_id: UUID, given: list[Any]) -> int:
        lent, driver = await lend_live(engine)
        try:
            prepared = lent.info.get(self)
            if prepared is None:
                prepared = lent.info[self] = await driver.prepare(self._text)
            driver._transport.write(_ahead(tenant_id))
            found: int = await prepared.fetchval(*given)
        except BaseException as error:
            if not isinstance(error, asyncpg.PostgresError) or error.severity is None:
                driver.terminate()  # no answer of the server: what was sent ahead may still wait for its end
            elif not isinstance(error, asyncpg.IntegrityConstraintViolationError | asyncpg.DivisionByZeroError):
                lent.info.pop(self, None)  # the plan may be of a schema that has changed
            raise
        finally:
            lent.close()
        return found

    async def rows(self, connection: AsyncConnection, values: Mapping[str, Any]) -> "list[asyncpg.Record]":
        """Run it and return its rows; errors as `count`."""
        driver = await driver_of(connection)
        try:
            found: list[asyncpg.Record] = await driver.fetch(self._text, *[values[name] for name in self._names])
        except asyncpg.PostgresError as error:
            raise self._told(error) from error
        return found

    def _told(self, error: asyncpg.PostgresError) -> sa.exc.DBAPIError:
        broken = isinstance(error, asyncpg.IntegrityConstraintViolationError)
        return (sa.exc.IntegrityError if broken else sa.exc.DBAPIError)(self._text, None, error)


@lru_cache(maxsize=4096)
def _ahead(tenant_id: UUID) -> bytes:
    """The command that goes ahead of a statement in the same write.

    PostgreSQL takes what comes before a Sync, which the driver sends behind its statement, as one transaction (protocol,
    "pipelining"). Before PostgreSQL 17 it is no block, in which alone SET LOCAL may stand without a warning; DO is one by itself.
    """
    return _command(f"DO $$BEGIN SET LOCAL app.tenant = '{UUID(str(tenant_id))}'; END$$")


def _command(text: str) -> bytes:
    """Parse, Bind and Execute of a command without parameters; the driver passes over their answers before its own."""
    parts = ((b"P", b"\0" + text.encode() + b"\0\0\0"), (b"B", bytes(8)), (b"E", bytes(5)))
    return b"".join(kind + struct.pack("!i", len(content) + 4) + content for kind, content in parts)
