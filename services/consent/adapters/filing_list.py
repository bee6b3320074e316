"""What waits to be filed in charts, over all tenants that file: for the consumer's process, by the worker role."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.consent.adapters.tables import FILING, JOURNAL
from services.consent.usecases.filing_ports import Filing
from services.consent.usecases.ports import Filed, Practice
from shared.contracts import consent as contract
from shared.contracts.consent import ConsentState
from shared.contracts.event import Event
from shared.contracts.tenant import TenantState
from shared.db.journal import JournalRecord, journalled, record_values
from shared.db.transaction import worker_transaction
from shared.kernel.calendar_month import day_start
from shared.kernel.clock import Clock
from shared.kernel.ids import uuid7
from shared.smart.registry import Registry

LENT = timedelta(minutes=5)
"""How long a row is one process's; if that ends in between, another takes it on afterwards."""
_AT_ONCE = 5
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=5), timedelta(hours=1)
_AFTER_REFUSAL = timedelta(days=1)
_LONGEST_REASON = 400
_AT_FIRST = datetime(2000, 1, 1, tzinfo=UTC)

_EARLIER = FILING.alias("earlier")
_BEFORE = (
    (_EARLIER.c.tenant_id == FILING.c.tenant_id)
    & (_EARLIER.c.consent_id == FILING.c.consent_id)
    & (_EARLIER.c.version < FILING.c.version)
)


async def note_filings(connection: AsyncConnection, events: Sequence[Event]) -> None:
    """Put each version of a grant among `events` on the list; what is there stays. A refusal of the patient is not filed."""
    rows = []
    for event in events:
        if event.type in contract.TYPES:
            state = ConsentState.model_validate(event.data)
            if state.decline_reason is None:
                rows.append(
                    {
                        "tenant_id": event.tenant_id,
                        "consent_id": UUID(state.consent_id),
                        "version": state.version,
                        "patient": state.patient,
                        "recorded_at": state.recorded_at,
                        "status": "waiting",
                        "status_at": state.recorded_at,
                        "attempts": 0,
                        "due_at": _AT_FIRST,
                    }
                )
    if rows:
        await connection.execute(insert(FILING).on_conflict_do_nothing(), rows)


_FILED = journalled(
    FILING.update()
    .where(
        FILING.c.tenant_id == sa.bindparam("f_tenant_id"),
        FILING.c.consent_id == sa.bindparam("f_consent_id"),
        FILING.c.version == sa.bindparam("f_version"),
        FILING.c.status != "filed",
    )
    .values(status="filed", status_at=sa.bindparam("f_at"), reason=None, document=sa.bindparam("f_document"))
    .returning(FILING.c.consent_id),
    JOURNAL,
    publish=False,
)


class FilingsOfAll:
    """Fills `usecases.filing_ports.FilingList`; `wall` is the real clock, `clock` that of the domain."""

    def __init__(self, engine: AsyncEngine, registry: Registry, *, clock: Clock, wall: Clock) -> None:
        self._engine = engine
        self._registry = registry
        self._clock = clock
        self._wall = wall

    async def due(self) -> Sequence[Filing]:
        """Borrow at most five of each practice that files, for five minutes."""
        found: list[Filing] = []
        for state in await self._registry.active_tenants():
            if since := state.document.ehr.file_consents_from:
                found += await self._due_of(state, since)
        return found

    async def _due_of(self, state: TenantState, since: date) -> list[Filing]:
        tenant_id, zone = UUID(state.tenant_id), ZoneInfo(state.document.zone)
        begins, now = day_start(since, zone), self._wall.now()
        before = sa.select(_EARLIER.c.document).where(_BEFORE).correlate(FILING)
        waiting = before.where(_EARLIER.c.status == "waiting", _EARLIER.c.recorded_at >= begins).exists()
        due = (
            sa.select(FILING.c.consent_id, FILING.c.version)
            .where(FILING.c.tenant_id == tenant_id, FILING.c.status != "filed", FILING.c.due_at <= now)
            .where(FILING.c.recorded_at >= begins, ~waiting)
            .order_by(FILING.c.recorded_at, FILING.c.consent_id, FILING.c.version)
            .limit(_AT_ONCE)
            .with_for_update(skip_locked=True, of=FILING)
        )
        replaced = before.where(_EARLIER.c.status == "filed").order_by(_EARLIER.c.version.desc()).limit(1)
        lend = (
            FILING.update()
            .where(FILING.c.tenant_id == tenant_id, sa.tuple_(FILING.c.consent_id, FILING.c.version).in_(due))
            .values(due_at=now + LENT, attempts=FILING.c.attempts + 1)
            .returning(
                FILING.c.consent_id, FILING.c.version, FILING.c.patient, FILING.c.content,
                replaced.scalar_subquery().label("replaces"),
            )
        )  # fmt: skip
        async with worker_transaction(self._engine) as connection:
            rows = (await connection.execute(lend)).all()
        practice = Practice(tenant_id, state.document.tenant, zone)
        return [
            Filing(practice, state.document.name, row.consent_id, row.version, row.patient, row.content, row.replaces)
            for row in sorted(rows, key=lambda row: (row.consent_id, row.version))
        ]

    async def keep(self, filing: Filing, content: bytes) -> bytes:
        """Keep the PDF where none is, and return what is kept."""
        values = {"content": content, "sha256": sha256(content).digest()}
        async with worker_transaction(self._engine) as connection:
            await connection.execute(FILING.update().where(_this(filing), FILING.c.content.is_(None)).values(values))
            kept: bytes = (await connection.execute(sa.select(FILING.c.content).where(_this(filing)))).scalar_one()
        return kept

    async def filed(self, filing: Filing, document: str) -> None:
        """Note it with its journal row, in one statement; if another process has, it stands."""
        at = self._clock.now()
        record = JournalRecord(
            id=uuid7(at),
            at=at,
            actor="consent",
            client="consent",
            request="background",
            action="consent.filed",
            patients=(filing.patient,),
            aggregate=str(filing.consent_id),
            version=filing.version,
        )
        key = {"f_tenant_id": filing.practice.tenant_id, "f_consent_id": filing.consent_id, "f_version": filing.version}
        values = key | {"f_at": at, "f_document": document}
        try:
            async with worker_transaction(self._engine) as connection:
                ours = record_values(filing.practice.tenant_id, filing.practice.tenant, record)
                if (await connection.execute(_FILED, values | ours)).scalar_one() != 1:
                    raise _FiledAlready
        except _FiledAlready:
            return

    async def refused(self, filing: Filing, reason: str) -> None:
        """Note the EHR's words; it is asked again in a day."""
        await self._put_off(filing, "refused", reason, _AFTER_REFUSAL)

    async def wait(self, filing: Filing, reason: str) -> None:
        """Note why, and double the pause."""
        tries = sa.select(FILING.c.attempts).where(_this(filing))
        async with worker_transaction(self._engine) as connection:
            attempts: int = (await connection.execute(tries)).scalar_one()
        await self._put_off(filing, "waiting", reason, min(_FIRST_PAUSE * 2 ** min(attempts, 12), _LONGEST_PAUSE))

    async def _put_off(self, filing: Filing, status: str, reason: str, pause: timedelta) -> None:
        values: dict[str, Any] = {"status": status, "status_at": self._clock.now(), "reason": reason[:_LONGEST_REASON]}
        values["due_at"] = self._wall.now() + pause
        change = FILING.update().where(_this(filing), FILING.c.status != "filed").values(values)
        async with worker_transaction(self._engine) as connection:
            await connection.execute(change)


class _FiledAlready(Exception):
    """Takes the journal row of a second note back."""


def _this(filing: Filing) -> "sa.ColumnElement[bool]":
    return (
        (FILING.c.tenant_id == filing.practice.tenant_id)
        & (FILING.c.consent_id == filing.consent_id)
        & (FILING.c.version == filing.version)
    )


class FilingReader:
    """What became of one tenant's filings, in an open transaction; fills `usecases.ports.Filings`."""

    def __init__(self, connection: AsyncConnection, tenant_id: UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    async def of(self, consent_id: UUID) -> list[Filed]:
        """Return each version's, the newest first."""
        columns = (FILING.c.version, FILING.c.status, FILING.c.status_at, FILING.c.reason)
        query = sa.select(*columns).where(FILING.c.tenant_id == self._tenant_id, FILING.c.consent_id == consent_id)
        rows = await self._connection.execute(query.order_by(FILING.c.version.desc()))
        return [Filed(row.version, row.status, row.status_at, row.reason) for row in rows]

    async def content(self, consent_id: UUID, version: int) -> bytes | None:
        """Return the PDF of a version, if one was written for the chart."""
        mine = (FILING.c.tenant_id == self._tenant_id) & (FILING.c.consent_id == consent_id) & (FILING.c.version == version)
        content: bytes | None = (await self._connection.execute(sa.select(FILING.c.content).where(mine))).scalar_one_or_none()
        return content
