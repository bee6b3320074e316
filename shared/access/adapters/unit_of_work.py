"""The transactions of access: the administrator's by the worker role, the token endpoint's by the app role."""

from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.access.adapters.admin_repository import AdminRepository
from shared.access.adapters.tables import JOURNAL as JOURNAL
from shared.access.adapters.token_repository import TokenRepository
from shared.db.transaction import worker_transaction


class _Transaction:
    _transaction: AbstractAsyncContextManager[AsyncConnection]
    _connection: AsyncConnection

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def __aenter__(self) -> Self:
        self._transaction = worker_transaction(self._engine)
        self._connection = await self._transaction.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._transaction.__aexit__(kind, error, trace)


class AdminWork(_Transaction, AdminRepository):
    """One transaction over tenants, clients and keys; the engine is the worker role's."""


class TokenWork(_Transaction, TokenRepository):
    """One transaction of the token endpoint; the engine is the app role's."""
