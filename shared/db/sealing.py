"""The sealer: takes the journal rows that wait, numbers them, and seals them in batches, one chain for each tenant.

Any number of sealers run side by side: a batch is made under the tenant's advisory lock, which lives as long as its transaction.
Requests pay nothing for it but a narrow row.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.db.leaves import NO_SEAL, leaf_of, merkle_root, seal_of
from shared.db.transaction import driver_of, is_retryable, is_unreachable, worker_transaction
from shared.ops.cancellation import end_if_cancelled
from shared.ops.metrics import UNSEALED

BATCH = 1000
_IDLE_SECONDS = 1.0
_LOOK_BACK = timedelta(days=2)
_LOOK_BACK_EVERY = timedelta(hours=1)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_log = logging.getLogger(__name__)

_LOCK = "SELECT pg_try_advisory_xact_lock(825674, hashtext($1))"
_HEAD = "SELECT number, last, seal FROM journal_seal WHERE tenant_id = $1 ORDER BY number DESC LIMIT 1"
_ROWS = f"""
    SELECT j.*, s.entry AS sealed_as FROM journal_unsealed u JOIN journal j USING (tenant_id, id)
      LEFT JOIN journal_sealed s USING (tenant_id, id)
     WHERE u.tenant_id = $1 ORDER BY u.id LIMIT {BATCH}
"""  # noqa: S608 - a number
_WRITE = """
    WITH gone AS (DELETE FROM journal_unsealed WHERE tenant_id = $1 AND id = ANY($2::uuid[])),
         entries AS (INSERT INTO journal_sealed (tenant_id, entry, id, leaf)
                     SELECT $1, * FROM unnest($3::bigint[], $4::uuid[], $5::bytea[])),
         patients AS (INSERT INTO journal_patient (tenant_id, patient, id)
                      SELECT $1, * FROM unnest($6::text[], $7::uuid[]) ON CONFLICT DO NOTHING)
    INSERT INTO journal_seal (tenant_id, number, first, last, root, seal, sealed_at)
    SELECT $1, $8, $9::bigint, $10, $11, $12, clock_timestamp() WHERE $9::bigint <= $10
"""
# what processes of a release without seals wrote while this one was being rolled out
_LEFT_OUT = """
    INSERT INTO journal_unsealed (tenant_id, id)
    SELECT tenant_id, id FROM journal j WHERE tenant_id = $1 AND at > $2 AND recorded_at IS NULL
       AND NOT EXISTS (SELECT FROM journal_sealed s WHERE s.tenant_id = j.tenant_id AND s.id = j.id)
    ON CONFLICT DO NOTHING
"""
_TENANTS = """
    WITH RECURSIVE known AS (
        (SELECT tenant_id FROM journal_seal ORDER BY tenant_id LIMIT 1) UNION ALL
        SELECT (SELECT s.tenant_id FROM journal_seal s WHERE s.tenant_id > known.tenant_id ORDER BY s.tenant_id LIMIT 1)
          FROM known WHERE known.tenant_id IS NOT NULL)
    SELECT tenant_id FROM known WHERE tenant_id IS NOT NULL UNION SELECT DISTINCT tenant_id FROM journal_unsealed
"""
_WAITING = "SELECT tenant_id, count(*) AS n FROM journal_unsealed GROUP BY tenant_id"
_MONTH_CLOSED = "ccm.month.closed.v1"


class Checkpoints(Protocol):
    """Signs what is sealed into a folder outside the database."""

    def ask(self, tenant_id: UUID) -> None:
        """Have the tenant's next checkpoint signed at once."""

    async def sign_if_due(self, engine: AsyncEngine, tenants: Callable[[], Awaitable[Sequence[UUID]]]) -> None:
        """Write the checkpoints that are due; `tenants` tells whose logs there are."""


@dataclass
class Sealer:
    """One sealer of `service`, over the worker role's engine; without `checkpoints` nothing is signed."""

    service: str
    engine: AsyncEngine
    checkpoints: Checkpoints | None = None
    _looked_back: datetime = field(default=_LONG_AGO)

    async def run(self) -> None:
        """Seal for ever; a database that is away is waited for."""
        while True:
            end_if_cancelled()
            try:
                await self.round()
            except Exception as error:
                if not (is_unreachable(error) or is_retryable(error)):
                    raise
                _log.warning("sealer waits", extra={"service": self.service, "error": type(error).__name__})
            await asyncio.sleep(_IDLE_SECONDS)

    def look_back(self) -> None:
        """Have the next round look for rows that were left off the list."""
        self._looked_back = _LONG_AGO

    async def round(self) -> int:
        """Seal all that waits, and sign the checkpoints that are due; return how many rows were sealed."""
        sealed = 0
        now = datetime.now(UTC)
        if now - self._looked_back > _LOOK_BACK_EVERY:
            await self._find_left_out(now - _LOOK_BACK)
            self._looked_back = now
        waiting = await self._waiting()
        UNSEALED.labels(self.service).set(sum(waiting.values()))
        for tenant_id in waiting:
            while (done := await self.seal_batch(tenant_id)) > 0:
                sealed += done
                if done < BATCH:
                    break
        if self.checkpoints is not None:
            await self.checkpoints.sign_if_due(self.engine, self.tenants)
        return sealed

    async def _find_left_out(self, since: datetime) -> None:
        tenants = await self.tenants()
        async with worker_transaction(self.engine) as connection:
            for tenant_id in tenants:
                await (await driver_of(connection)).execute(_LEFT_OUT, tenant_id, since)

    async def tenants(self) -> list[UUID]:
        """Return the tenants that have a log, or rows that wait for one."""
        async with worker_transaction(self.engine) as connection:
            return [row["tenant_id"] for row in await (await driver_of(connection)).fetch(_TENANTS)]

    async def seal_batch(self, tenant_id: UUID) -> int:
        """Seal up to 1,000 rows of the tenant in one transaction; return how many left the list, 0 if another is at it."""
        async with worker_transaction(self.engine) as connection:
            driver = await driver_of(connection)
            # a statement of its own: the next one must see what the sealer before has committed
            if not await driver.fetchval(_LOCK, str(tenant_id)):
                return 0
            rows = [dict(row) for row in await driver.fetch(_ROWS, tenant_id)]
            if rows:
                await _seal(driver, tenant_id, rows)
        if self.checkpoints is not None and any(row["event_type"] == _MONTH_CLOSED for row in rows):
            self.checkpoints.ask(tenant_id)
        return len(rows)

    async def _waiting(self) -> dict[UUID, int]:
        async with worker_transaction(self.engine) as connection:
            return {row["tenant_id"]: row["n"] for row in await (await driver_of(connection)).fetch(_WAITING)}


async def _seal(driver: "asyncpg.Connection[Any]", tenant_id: UUID, rows: Sequence[Mapping[str, Any]]) -> None:
    head = await driver.fetchrow(_HEAD, tenant_id)
    number, last, before = (head["number"], head["last"], head["seal"]) if head else (0, 0, NO_SEAL)
    fresh = [{name: value for name, value in row.items() if name != "sealed_as"} for row in rows if row["sealed_as"] is None]
    leaves = [leaf_of(row) for row in fresh]
    first, end = last + 1, last + len(fresh)
    root = merkle_root(leaves) if leaves else b""
    mentions = [(patient, row["id"]) for row in fresh for patient in dict.fromkeys(row["patients"])]
    await driver.execute(
        _WRITE,
        tenant_id,
        [row["id"] for row in rows],
        list(range(first, end + 1)),
        [row["id"] for row in fresh],
        leaves,
        [patient for patient, _ in mentions],
        [ident for _, ident in mentions],
        number + 1,
        first,
        end,
        root,
        seal_of(before, root, first=first, last=end) if leaves else b"",
    )
