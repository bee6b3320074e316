"""The unit of work of consent: one transaction of one tenant, committed when its block ends."""

from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.consent.adapters.repository import ConsentRepository
from services.consent.adapters.tables import JOURNAL as JOURNAL
from services.consent.usecases.ports import Practice
from shared.db.transaction import tenant_transaction


class ConsentUnitOfWork:
    """`async with ConsentUnitOfWork(engine, practice) as uow: uow.consents…`; an exception in the block undoes all of it."""

    consents: ConsentRepository

    def __init__(self, engine: AsyncEngine, practice: Practice) -> None:
        self._practice = practice
        self._transaction: AbstractAsyncContextManager[AsyncConnection] = tenant_transaction(engine, practice.tenant_id)

    async def __aenter__(self) -> Self:
        """Begin."""
        self.consents = ConsentRepository(await self._transaction.__aenter__(), self._practice)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Commit, or roll back after an exception."""
        await self._transaction.__aexit__(kind, error, trace)
