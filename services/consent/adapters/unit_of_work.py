"""The unit of work of consent: one transaction of one tenant, committed when its block ends."""

from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.consent.adapters.documents import DocumentRepository
from services.consent.adapters.filing_list import FilingReader
from services.consent.adapters.repository import ConsentRepository
from services.consent.adapters.tables import CHART
from services.consent.adapters.tables import JOURNAL as JOURNAL
from services.consent.adapters.told import StaffReader
from services.consent.usecases.ports import Practice
from shared.db.transaction import tenant_transaction
from shared.smart.charts import ChartReader


class ConsentUnitOfWork:
    """`async with ConsentUnitOfWork(engine, practice) as uow: uow.consents…`; an exception in the block undoes all of it."""

    consents: ConsentRepository
    charts: ChartReader
    staff: StaffReader
    documents: DocumentRepository
    filings: FilingReader

    def __init__(self, engine: AsyncEngine, practice: Practice) -> None:
        self._practice = practice
        self._transaction: AbstractAsyncContextManager[AsyncConnection] = tenant_transaction(engine, practice.tenant_id)

    async def __aenter__(self) -> Self:
        """Begin."""
        connection = await self._transaction.__aenter__()
        self.consents = ConsentRepository(connection, self._practice)
        self.charts = ChartReader(connection, CHART, self._practice.tenant_id)
        self.staff = StaffReader(connection, self._practice.tenant_id)
        self.documents = DocumentRepository(connection, self._practice)
        self.filings = FilingReader(connection, self._practice.tenant_id)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Commit, or roll back after an exception."""
        await self._transaction.__aexit__(kind, error, trace)
