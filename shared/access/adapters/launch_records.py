"""What a launch leaves behind for others: the chart as an event, and drafts of what was typed."""

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from shared.access.adapters.launch_repository import LaunchRepository
from shared.access.adapters.launch_tables import DRAFT, EHR_CONTEXT
from shared.access.adapters.tables import JOURNAL
from shared.access.usecases.launch_ports import Draft
from shared.contracts.ehr_context import EhrContextState
from shared.db.journal import JournalRecord, journalled, record_values
from shared.kernel.ids import uuid7

_KEPT = timedelta(days=30)
_NOW = sa.func.statement_timestamp()
_BOUND = {column.name: sa.bindparam(f"v_{column.name}", type_=column.type) for column in EHR_CONTEXT.c}
_PUT = insert(EHR_CONTEXT).values(_BOUND)
_TELL_CHART = journalled(
    _PUT.on_conflict_do_update(
        index_elements=[EHR_CONTEXT.c.tenant_id, EHR_CONTEXT.c.patient],
        set_={"version": _PUT.excluded.version, "digest": _PUT.excluded.digest},
    ).returning(EHR_CONTEXT.c.patient),
    JOURNAL,
)


class LaunchWork(LaunchRepository):
    """One transaction of launches, sessions, charts and drafts in one practice; the engine is the app role's."""

    async def tell_chart(self, chart: EhrContextState) -> None:
        """Tell the services what the chart says, as the next version of the patient's, if that is news."""
        # two launches of a patient at one moment: the second sees what the first told
        lock = sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"{self._tenant_id}|{chart.patient}", 0)))
        await self._connection.execute(lock)
        c = EHR_CONTEXT.c
        query = sa.select(c.version, c.digest).where(c.tenant_id == self._tenant_id, c.patient == chart.patient)
        known = (await self._connection.execute(query)).one_or_none()
        said = chart.model_dump(mode="json", exclude={"version", "observed_at"})
        news = sha256(json.dumps(said, sort_keys=True).encode()).digest()
        if known is not None and known.digest == news:
            return
        version = known.version + 1 if known else 1
        record = JournalRecord(
            id=uuid7(chart.observed_at),
            at=chart.observed_at,
            actor=f"Practitioner/{chart.observed_by.id}",
            client="careledger-app",
            request=str(uuid7(chart.observed_at)),
            action="ehr-context.observed",
            patients=(chart.patient,),
            aggregate=chart.patient,
            version=version,
            event_type="ccm.ehr-context.observed.v1",
            data=chart.model_copy(update={"version": version}).model_dump_json(),
        )
        values: dict[str, Any] = {
            "v_tenant_id": self._tenant_id,
            "v_patient": chart.patient,
            "v_version": version,
            "v_digest": news,
        }
        await self._connection.execute(_TELL_CHART, values | record_values(self._tenant_id, self._tenant, record))

    async def draft(self, fhir_user: str, patient: str, form: str) -> Draft | None:
        """Return a draft."""
        row = (
            await self._connection.execute(sa.select(DRAFT.c.body, DRAFT.c.saved_at).where(self._its(fhir_user, patient, form)))
        ).one_or_none()
        return Draft(self._open(row.body, "draft", _row(fhir_user, patient, form)), row.saved_at) if row else None

    async def keep_draft(self, fhir_user: str, patient: str, form: str, body: str) -> datetime:
        """Keep a draft, sealed, and return when; those of a month ago are forgotten."""
        old = sa.delete(DRAFT).where(DRAFT.c.tenant_id == self._tenant_id, DRAFT.c.saved_at < _NOW - _KEPT)
        await self._connection.execute(old)
        put = insert(DRAFT).values(
            tenant_id=self._tenant_id,
            fhir_user=fhir_user,
            patient=patient,
            form=form,
            body=self._seal(body, "draft", _row(fhir_user, patient, form)),
            saved_at=_NOW,
        )
        changed = {"body": put.excluded.body, "saved_at": put.excluded.saved_at}
        done = await self._connection.execute(
            put.on_conflict_do_update(index_elements=list(DRAFT.primary_key), set_=changed).returning(DRAFT.c.saved_at)
        )
        saved_at: datetime = done.scalar_one()
        return saved_at.astimezone(UTC)

    async def drop_draft(self, fhir_user: str, patient: str, form: str) -> None:
        """Forget a draft."""
        await self._connection.execute(sa.delete(DRAFT).where(self._its(fhir_user, patient, form)))

    def _its(self, fhir_user: str, patient: str, form: str) -> Any:
        c = DRAFT.c
        return (c.tenant_id == self._tenant_id) & (c.fhir_user == fhir_user) & (c.patient == patient) & (c.form == form)


def _row(fhir_user: str, patient: str, form: str) -> str:
    return f"{fhir_user}|{patient}|{form}"
