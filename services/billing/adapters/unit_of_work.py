"""The unit of work of billing: one transaction of one tenant, committed when its block ends."""

from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.billing.adapters.cds import CdsRepository
from services.billing.adapters.charge_catalog import ChargeCatalog
from services.billing.adapters.charge_repository import ChargeRepository
from services.billing.adapters.feed import FeedRepository
from services.billing.adapters.ledger_repository import LedgerRepository
from services.billing.adapters.lists import OverviewLists
from services.billing.adapters.month_repository import MonthRepository
from services.billing.adapters.one_time_files import OneTimeFileRepository
from services.billing.adapters.overpayment_repository import OverpaymentRepository
from services.billing.adapters.overviews import OverviewRepository
from services.billing.adapters.refresher_repository import RefresherRepository
from services.billing.adapters.remittances import RemittanceRepository
from services.billing.adapters.tables import JOURNAL as JOURNAL
from services.billing.adapters.views import PageViews
from shared.db.transaction import tenant_transaction


class BillingUnitOfWork:
    """Fills `usecases.ports.UnitOfWork`; `catalog` reads for the outside, `views` for the pages. Use each only once."""

    ledger: LedgerRepository
    months: MonthRepository
    charges: ChargeRepository
    feed: FeedRepository
    catalog: ChargeCatalog
    views: PageViews
    overviews: OverviewRepository
    lists: OverviewLists
    cds: CdsRepository
    refreshers: RefresherRepository
    files: OneTimeFileRepository
    remittances: RemittanceRepository
    overpayments: OverpaymentRepository

    def __init__(self, engine: AsyncEngine, tenant_id: UUID, tenant: str) -> None:
        self._tenant_id = tenant_id
        self._tenant = tenant
        self._transaction: AbstractAsyncContextManager[AsyncConnection] = tenant_transaction(engine, tenant_id)

    async def __aenter__(self) -> Self:
        """Begin."""
        connection = await self._transaction.__aenter__()
        self.ledger = LedgerRepository(connection, self._tenant_id, self._tenant)
        self.months = MonthRepository(connection, self._tenant_id, self._tenant)
        self.charges = ChargeRepository(connection, self._tenant_id, self._tenant)
        self.feed = FeedRepository(connection, self._tenant_id)
        self.catalog = ChargeCatalog(connection, self._tenant_id)
        self.views = PageViews(connection, self._tenant_id)
        self.overviews = OverviewRepository(connection, self._tenant_id, self.ledger, self.views)
        self.lists = OverviewLists(connection, self._tenant_id)
        self.cds = CdsRepository(connection, self._tenant_id, self._tenant)
        self.files = OneTimeFileRepository(connection, self._tenant_id)
        self.refreshers = RefresherRepository(connection, self._tenant_id, self._tenant)
        self.overpayments = OverpaymentRepository(connection, self._tenant_id, self._tenant)
        self.remittances = RemittanceRepository(connection, self._tenant_id, self._tenant)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Commit, or roll back after an exception."""
        await self._transaction.__aexit__(kind, error, trace)
