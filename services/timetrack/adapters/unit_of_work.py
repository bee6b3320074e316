"""The unit of work of timetrack: one transaction of one tenant, committed when its block ends."""

from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.timetrack.adapters.entry_search import EntrySearch
from services.timetrack.adapters.repository import EntryRepository, add_by_itself
from services.timetrack.adapters.roster import RosterRepository
from services.timetrack.adapters.tables import CHART as CHART
from services.timetrack.adapters.tables import CONSENT_NOTE
from services.timetrack.adapters.tables import JOURNAL as JOURNAL
from services.timetrack.adapters.timer_repository import TimerRepository
from services.timetrack.usecases.ports import Author, EntryVersion, Practice
from shared.db.transaction import tenant_transaction
from shared.smart.charts import ChartReader


class TimetrackUnitOfWork:
    """`async with TimetrackUnitOfWork(engine, practice) as uow: uow.entries…`; an exception in the block undoes all of it."""

    entries: EntryRepository
    timers: TimerRepository
    roster: RosterRepository
    charts: ChartReader
    searches: EntrySearch

    def __init__(self, engine: AsyncEngine, practice: Practice) -> None:
        self._engine = engine
        self._practice = practice
        self._transaction: AbstractAsyncContextManager[AsyncConnection]
        self._connection: AsyncConnection

    async def __aenter__(self) -> Self:
        """Begin."""
        self._transaction = tenant_transaction(self._engine, self._practice.tenant_id)
        self._connection = await self._transaction.__aenter__()
        self.entries = EntryRepository(self._connection, self._practice)
        self.timers = TimerRepository(self._connection, self._practice)
        self.roster = RosterRepository(self._connection, self._practice)
        self.charts = ChartReader(self._connection, CHART, self._practice.tenant_id)
        self.searches = EntrySearch(self._connection, self._practice)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Commit, or roll back after an exception."""
        await self._transaction.__aexit__(kind, error, trace)

    async def add_entry(self, version: EntryVersion, author: Author) -> None:
        """Add a new entry in a transaction of its own: in one message, if it has the one identifier that most have."""
        if len(version.entry.external_ids) == 1:
            await add_by_itself(self._engine, self._practice, version, author)
        else:
            async with self:
                await self.entries.add(version, author)

    async def consent_in_force(self, patient: str, program: str) -> bool | None:
        """Tell whether a consent is active as far as we were told; None if none was mentioned."""
        note = CONSENT_NOTE.c
        newest = (
            sa.select(note.status)
            .where(note.tenant_id == self._practice.tenant_id, note.patient == patient, note.program == program)
            .ext(distinct_on(note.consent_id))
            .order_by(note.consent_id, note.version.desc())
        )
        states = (await self._connection.execute(newest)).scalars().all()
        return "active" in states if states else None
