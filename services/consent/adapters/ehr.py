"""The practice's EHR as consent asks it: does it have the patient? One read at first mention, the answer is remembered."""

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from services.consent.adapters.tables import PATIENT_MENTION
from services.consent.usecases.ports import Practice
from shared.db.transaction import tenant_transaction
from shared.fhir.client import EhrUnavailable
from shared.kernel.clock import Clock
from shared.smart.ehr_tokens import EhrTokens
from shared.smart.registry import Registry

SCOPE = "system/Patient.r"

_UNKNOWN_FOR = timedelta(minutes=10)
"""How long a 404 is remembered: the patient may be registered right after."""


class EhrPatients:
    """Fills `usecases.ports.Patients`."""

    def __init__(self, engine: AsyncEngine, tokens: EhrTokens, registry: Registry, clock: Clock) -> None:
        self._engine = engine
        self._tokens = tokens
        self._registry = registry
        self._clock = clock

    async def exist(self, practice: Practice, patient: str) -> bool:
        """Tell whether the EHR has the patient; true, and not remembered, if the EHR does not answer."""
        remembered = await self._remembered(practice, patient)
        if remembered is not None:
            return remembered
        tenant = await self._registry.tenant(practice.tenant)
        if tenant is None:
            return True
        try:
            known = await self._tokens.client(tenant.document.ehr).read("Patient", patient) is not None
        except EhrUnavailable:
            return True
        await self._remember(practice, patient, known)
        return known

    async def _remembered(self, practice: Practice, patient: str) -> bool | None:
        table = PATIENT_MENTION
        query = sa.select(table.c.known, table.c.checked_at).where(
            table.c.tenant_id == practice.tenant_id, table.c.patient == patient
        )
        async with tenant_transaction(self._engine, practice.tenant_id) as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None or (not row.known and self._clock.now() - row.checked_at > _UNKNOWN_FOR):
            return None
        known: bool = row.known
        return known

    async def _remember(self, practice: Practice, patient: str, known: bool) -> None:
        row = {"tenant_id": practice.tenant_id, "patient": patient, "known": known, "checked_at": self._clock.now()}
        change = {name: row[name] for name in ("known", "checked_at")}
        statement = (
            insert(PATIENT_MENTION).values(row).on_conflict_do_update(index_elements=["tenant_id", "patient"], set_=change)
        )
        async with tenant_transaction(self._engine, practice.tenant_id) as connection:
            await connection.execute(statement)
