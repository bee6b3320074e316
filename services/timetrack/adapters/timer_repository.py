"""Timers as rows: the state as one document, beside it what is asked for and what the database guards."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.timetrack.adapters.repository import bound, constraint_of
from services.timetrack.adapters.tables import JOURNAL, TIMER
from services.timetrack.domain.timer import TimerStatus
from services.timetrack.usecases.ports import Author, IdentifierTaken, Practice, TimerRecord, TimerRunning
from shared.db.journal import JournalRecord, journalled, record_values
from shared.kernel.ids import uuid7

_RECORD = msgspec.json.Decoder(TimerRecord)
_OVER = (TimerStatus.STOPPED, TimerStatus.DISCARDED)

_ADD = journalled(TIMER.insert().values(bound(TIMER, "t")).returning(TIMER.c.id), JOURNAL, publish=False)
_UPDATE = (
    TIMER.update()
    .where(TIMER.c.tenant_id == sa.bindparam("t_tenant_id", type_=pg.UUID()), TIMER.c.id == sa.bindparam("t_id", type_=pg.UUID()))
    .values({name: bound(TIMER, "t")[name] for name in ("version", "status", "state")})
)
_SAVE = journalled(_UPDATE.returning(TIMER.c.id), JOURNAL, publish=False)


class TimerRepository:
    """The timers of `practice` in an open transaction; fills `usecases.ports.Timers`."""

    def __init__(self, connection: AsyncConnection, practice: Practice) -> None:
        self._connection = connection
        self._practice = practice

    async def add(self, record: TimerRecord, author: Author) -> None:
        """Insert timer and journal row in one statement."""
        await self._write(_ADD, {**self._values(record), **self._journal(record, "start", author, record.started_at)})

    async def save(
        self, record: TimerRecord, what: str | None, author: Author, *, at: datetime, reason: str | None = None
    ) -> None:
        """Write the next state, and with `what` its journal row in the same statement."""
        if what is None:
            await self._write(_UPDATE, self._values(record))
        else:
            await self._write(_SAVE, {**self._values(record), **self._journal(record, what, author, at, reason)})

    async def for_change(self, timer_id: UUID) -> TimerRecord | None:
        """Lock and return a timer, or None."""
        return await self._one(self._select().where(TIMER.c.id == timer_id).with_for_update())

    async def read(self, timer_id: UUID) -> TimerRecord | None:
        """Return a timer, or None."""
        return await self._one(self._select().where(TIMER.c.id == timer_id))

    async def by_identifier(self, client: str, identifier: str) -> TimerRecord | None:
        """Return the timer that the client started under that identifier, or None."""
        return await self._one(self._select().where(TIMER.c.client == client, TIMER.c.identifier == identifier))

    async def running(self, performer: str) -> TimerRecord | None:
        """Lock and return the performer's running timer, or None."""
        running = self._select().where(TIMER.c.performer == performer, TIMER.c.status == TimerStatus.RUNNING)
        return await self._one(running.with_for_update())

    async def open_of(self, performer: str) -> list[TimerRecord]:
        """Return the performer's timers that are not over, the first started first."""
        query = self._select().where(TIMER.c.performer == performer, TIMER.c.status.not_in(_OVER))
        rows = await self._connection.execute(query.order_by(TIMER.c.started_at, TIMER.c.id))
        return [_RECORD.decode(state) for state in rows.scalars()]

    def _select(self) -> "sa.Select[Any]":
        return sa.select(TIMER.c.state).where(TIMER.c.tenant_id == self._practice.tenant_id)

    async def _one(self, query: "sa.Select[Any]") -> TimerRecord | None:
        state = (await self._connection.execute(query)).scalar_one_or_none()
        return None if state is None else _RECORD.decode(state)

    async def _write(self, statement: Any, values: dict[str, Any]) -> None:
        try:
            await self._connection.execute(statement, values)
        except IntegrityError as error:
            if constraint_of(error) == "timer_one_running":
                raise TimerRunning("a timer of this person runs already", expression="performer") from error
            if constraint_of(error) == "timer_identifier":
                raise IdentifierTaken("a timer was started under this identifier", expression="identifier") from error
            raise

    def _values(self, record: TimerRecord) -> dict[str, Any]:
        row = {
            "tenant_id": self._practice.tenant_id,
            "id": record.id,
            "version": record.version,
            "client": record.client,
            "identifier": record.identifier,
            "performer": record.performer.id,
            "patient": record.patient,
            "status": record.timer.status.value,
            "started_at": record.started_at,
            "state": msgspec.json.encode(record).decode(),
        }
        return {f"t_{name}": value for name, value in row.items()}

    def _journal(self, record: TimerRecord, what: str, author: Author, at: datetime, reason: str | None = None) -> dict[str, Any]:
        journal = JournalRecord(
            id=uuid7(at),
            at=at,
            actor=author.actor,
            client=author.client,
            request=author.request,
            action=f"timer.{what}",
            patients=(record.patient,),
            aggregate=str(record.id),
            version=record.version,
            data=msgspec.json.encode({"reason": reason}).decode() if reason else None,
        )
        return record_values(self._practice.tenant_id, self._practice.tenant, journal)
