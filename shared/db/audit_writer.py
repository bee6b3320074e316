"""Rows of the journal that no change carries: reads, refusals and failures, written in groups that answers wait for.

Rows of a practice that arrive while a group is on its way are the next group, at most 256; nobody waits for a timer. Refusals
of one second that are alike are folded: the first has its row at once, all others share one row with their number.
"""

import asyncio
import json
import logging
from collections import deque
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.db.engine import lend
from shared.db.transaction import is_unreachable
from shared.kernel.clock import Clock
from shared.kernel.ids import uuid7

_GROUP = 256
_FOLD_SECONDS = 1.0
_log = logging.getLogger(__name__)

_COLUMNS = (
    "id uuid, at timestamptz, actor text, client text, request text, action text, patients text[], aggregate text, "
    "data text, address text, token text, interaction text, route text, status integer, query text, resources text[], "
    "times integer"
)
_NAMES = ", ".join(column.split()[0] for column in _COLUMNS.split(", "))
# One message, which is its own transaction. Nothing is inserted before `tenant` has been read, which names the tenant to the
# policies; a message that is sent again, since its answer was lost, does nothing.
_INSERT = f"""
    WITH tenant AS MATERIALIZED (SELECT set_config('app.tenant', $1::text, true) AS id),
         given AS MATERIALIZED (
             SELECT CAST(tenant.id AS uuid) AS tenant_id, rows.* FROM tenant, json_to_recordset($3::json) AS rows({_COLUMNS})),
         written AS (INSERT INTO journal (tenant_id, tenant, version, recorded_at, {_NAMES})
                     SELECT tenant_id, $2, 0, clock_timestamp(), {_NAMES} FROM given ON CONFLICT DO NOTHING)
    INSERT INTO journal_unsealed (tenant_id, id) SELECT tenant_id, id FROM given ON CONFLICT DO NOTHING
"""  # noqa: S608 - the names are this module's own


class AuditUnwritten(Exception):
    """A row could not be written: the request that it tells of must fail."""


@dataclass(frozen=True)
class AuditEntry:
    """One request: who asked for what, whose data (EHR patient ids) the answer held, and what became of it.

    `action` is read, denied or failed; `rule` names what refused it, `query` is as it was sent, `times` says how many alike
    requests the row stands for.
    """

    tenant_id: UUID
    tenant: str
    actor: str
    client: str
    request: str
    action: str
    status: int
    interaction: str
    route: str
    patients: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    address: str | None = None
    token: str | None = None
    query: str | None = None
    rule: str | None = None
    times: int = 1


@dataclass
class _Fold:
    """The refusals of one second that are alike; `more` came after the first."""

    entry: AuditEntry
    until: float
    more: int = 0


class AuditWriter:
    """Writes for one process, over an engine of its own (app role): a record does not queue behind requests to be served.

    `close` writes what is folded and closes the engine.
    """

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._waiting: dict[UUID, deque[tuple[AuditEntry, asyncio.Future[None]]]] = {}
        self._folds: dict[tuple[object, ...], _Fold] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweeping = self._closing = False

    async def write(self, entry: AuditEntry) -> None:
        """Write the row; return once it is durable, AuditUnwritten if it could not be written."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.get(entry.tenant_id)
        if waiting is None:
            waiting = self._waiting[entry.tenant_id] = deque()
            self._start(self._write_groups(entry.tenant_id))
        waiting.append((entry, done))
        await done

    async def deny(self, entry: AuditEntry) -> None:
        """Write a refusal, or count it if one like it was written within the second."""
        now = asyncio.get_running_loop().time()
        key = (entry.tenant_id, entry.client, entry.actor, entry.route, entry.interaction, entry.rule)
        fold = self._folds.get(key)
        if fold is not None and fold.until > now:
            fold.more += 1
            return
        self._folds[key] = fresh = _Fold(entry, now + _FOLD_SECONDS)
        if not self._sweeping:
            self._sweeping = True
            self._start(self._sweep())
        try:
            await self._write_fold(fold)
            await self.write(entry)
        except AuditUnwritten:
            if fold is not None:
                fresh.more += fold.more
            if self._folds.get(key) is fresh:
                fresh.until = now  # the next one tries again
            raise

    async def close(self) -> None:
        """Write what was counted and not yet written; close the engine."""
        self._closing = True
        for fold in list(self._folds.values()):
            try:
                await self._write_fold(fold)
            except AuditUnwritten:
                _log.error("refusals were counted and not written", extra={"count": fold.more})
        self._folds.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._engine.dispose()

    async def _write_fold(self, fold: _Fold | None) -> None:
        if fold is None or not fold.more:
            return
        more, fold.more = fold.more, 0
        try:
            await self.write(replace(fold.entry, times=more))
        except AuditUnwritten:
            fold.more += more
            raise

    async def _sweep(self) -> None:
        """Write folds whose second is over, until none is left; what cannot be written is kept for the next turn."""
        try:
            while self._folds and not self._closing:
                await asyncio.sleep(_FOLD_SECONDS)
                now = asyncio.get_running_loop().time()
                for key, fold in [(key, fold) for key, fold in self._folds.items() if fold.until <= now]:
                    try:
                        await self._write_fold(fold)
                    except AuditUnwritten:
                        break
                    if self._folds.get(key) is fold and not fold.more:
                        del self._folds[key]
        finally:
            self._sweeping = False

    def _start(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write_groups(self, tenant_id: UUID) -> None:
        waiting = self._waiting[tenant_id]
        group: list[tuple[AuditEntry, asyncio.Future[None]]] = []
        try:
            while waiting:
                group = [waiting.popleft() for _ in range(min(_GROUP, len(waiting)))]
                failure = await self._write_group(tenant_id, [entry for entry, _ in group])
                for _, done in group:
                    _settle(done, failure)
        finally:
            del self._waiting[tenant_id]
            for _, done in (*group, *waiting):
                _settle(done, AuditUnwritten("the process ends"))

    async def _write_group(self, tenant_id: UUID, entries: list[AuditEntry]) -> AuditUnwritten | None:
        at = self._clock.now().astimezone(UTC)
        body = msgspec.json.encode([_row(entry, at) for entry in entries]).decode().replace("\\u0000", "")
        try:
            await self._send(str(tenant_id), entries[0].tenant, body)
        except Exception as error:  # whatever it was, every request of the group must fail and say so
            _log.error("audit rows were not written", extra={"error": type(error).__name__})
            failure = AuditUnwritten("the record of this request could not be written")
            failure.__cause__ = error
            return failure
        return None

    async def _send(self, tenant_id: str, tenant: str, body: str) -> None:
        """Send the rows; once more by another connection if the server has left the first one."""
        again = True
        while True:
            lent = await lend(self._engine)
            driver: asyncpg.Connection[Any] = cast("asyncpg.Connection[Any]", lent.driver_connection)
            try:
                if not driver.is_closed():
                    await driver.execute(_INSERT, tenant_id, tenant, body)
                    return
                lent.invalidate()
            except Exception as error:
                if not (again and is_unreachable(error)):
                    raise
                again = False
                lent.invalidate()
            finally:
                lent.close()


def _row(entry: AuditEntry, at: datetime) -> dict[str, Any]:
    return {
        "id": uuid7(at),
        "at": at,
        "actor": entry.actor,
        "client": entry.client,
        "request": entry.request,
        "action": entry.action,
        "patients": sorted(entry.patients),
        "aggregate": "",
        "data": json.dumps({"rule": entry.rule}) if entry.rule else None,
        "address": entry.address,
        "token": entry.token,
        "interaction": entry.interaction,
        "route": entry.route,
        "status": entry.status,
        "query": entry.query,
        "resources": sorted(entry.resources),
        "times": entry.times,
    }


def _settle(done: "asyncio.Future[None]", failure: AuditUnwritten | None) -> None:
    if done.done():
        return
    if failure is None:
        done.set_result(None)
    else:
        done.set_exception(failure)
