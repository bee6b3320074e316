"""The one statement that runs thousands of times: sent by the driver itself, under SQLAlchemy's connection (stack.md 8.4)."""

from collections.abc import Mapping
from typing import Any

import asyncpg
import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db.transaction import driver_of

_DIALECT = make_url("postgresql+asyncpg://").get_dialect()()


class DriverStatement:
    """A statement compiled once; what SQLAlchemy does for each execution costs more than the statement itself."""

    def __init__(self, statement: sa.Select[int]) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        self._text = str(compiled)
        self._names = tuple(compiled.positiontup or ())

    async def count(self, connection: AsyncConnection, values: Mapping[str, Any]) -> int:
        """Run it and return its one number; IntegrityError and DBAPIError as SQLAlchemy raises them."""
        driver = await driver_of(connection)
        try:
            found: int = await driver.fetchval(self._text, *[values[name] for name in self._names])
        except asyncpg.IntegrityConstraintViolationError as error:
            raise sa.exc.IntegrityError(self._text, None, error) from error
        except asyncpg.PostgresError as error:
            raise sa.exc.DBAPIError(self._text, None, error) from error
        return found
