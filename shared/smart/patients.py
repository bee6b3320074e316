"""Does the practice's EHR have this patient? One read at first mention; the answer is remembered in the service's own table.

An EHR that does not answer refuses nothing: the fact is stored, and billing holds until a read succeeds.
"""

import time
from datetime import timedelta
from typing import Protocol
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.db.transaction import tenant_transaction
from shared.fhir.client import EhrUnavailable
from shared.kernel.clock import Clock
from shared.smart.ehr_tokens import EhrTokens
from shared.smart.registry import Registry

SCOPE = "system/Patient.r"

_UNKNOWN_FOR = timedelta(minutes=10)
"""How long a 404 is remembered: the patient may be registered right after."""
SILENT_SECONDS = 30.0
"""How long an EHR that did not answer is left in peace, so that its silence does not slow every write."""
_IN_MEMORY = 200_000


class Practice(Protocol):
    """The tenant whose EHR is meant."""

    @property
    def tenant_id(self) -> UUID:
        """Its id."""

    @property
    def tenant(self) -> str:
        """Its slug."""


class EhrPatients:
    """Asks and remembers; `table` is the service's patient_mention (tenant_id, patient, known, checked_at)."""

    def __init__(self, engine: AsyncEngine, table: sa.Table, tokens: EhrTokens, registry: Registry, clock: Clock) -> None:
        self._engine = engine
        self._table = table
        self._tokens = tokens
        self._registry = registry
        self._clock = clock
        self._known: set[tuple[UUID, str]] = set()
        self._silent_until: dict[UUID, float] = {}

    async def exist(self, practice: Practice, patient: str) -> bool:
        """Tell whether the EHR has the patient; true, and not remembered, if the EHR does not answer."""
        if (practice.tenant_id, patient) in self._known:
            return True
        known = await self._remembered(practice, patient)
        if known is None:
            known = await self._ask(practice, patient)
            if known is None:
                return True
            await self._remember(practice, patient, known)
        if known:
            if len(self._known) >= _IN_MEMORY:
                self._known.clear()
            self._known.add((practice.tenant_id, patient))
        return known

    async def _ask(self, practice: Practice, patient: str) -> bool | None:
        tenant = await self._registry.tenant(practice.tenant)
        if tenant is None or self._silent_until.get(practice.tenant_id, 0.0) > time.monotonic():
            return None
        try:
            return await self._tokens.client(tenant.document.ehr).read("Patient", patient) is not None
        except EhrUnavailable:
            self._silent_until[practice.tenant_id] = time.monotonic() + SILENT_SECONDS
            return None

    async def _remembered(self, practice: Practice, patient: str) -> bool | None:
        table = self._table
        mine = (table.c.tenant_id == practice.tenant_id) & (table.c.patient == patient)
        async with tenant_transaction(self._engine, practice.tenant_id) as connection:
            row = (await connection.execute(sa.select(table.c.known, table.c.checked_at).where(mine))).one_or_none()
        if row is None or (not row.known and self._clock.now() - row.checked_at > _UNKNOWN_FOR):
            return None
        known: bool = row.known
        return known

    async def _remember(self, practice: Practice, patient: str, known: bool) -> None:
        row = {"tenant_id": practice.tenant_id, "patient": patient, "known": known, "checked_at": self._clock.now()}
        change = {name: row[name] for name in ("known", "checked_at")}
        key = ["tenant_id", "patient"]
        statement = insert(self._table).values(row).on_conflict_do_update(index_elements=key, set_=change)
        async with tenant_transaction(self._engine, practice.tenant_id) as connection:
            await connection.execute(statement)
