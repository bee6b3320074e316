"""A statement that runs thousands of times, or answers with thousands of rows: sent by the driver itself (stack.md 8.4).

It runs on the driver's connection under SQLAlchemy's, within its transaction.
"""

from collections.abc import Mapping
from typing import Any

import asyncpg
import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db.transaction import driver_of

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
