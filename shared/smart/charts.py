"""What a service must know of patients' charts: what the EHR showed at launches, by events, kept in its own `ehr_context` table.

Every version stays; the highest is in force. So the problems, names and identifiers on a page are read on the server and never
taken from a browser (integration.md 1).
"""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts import ehr_context
from shared.contracts.ehr_context import EhrContextState
from shared.contracts.event import Event


def chart_table(metadata: sa.MetaData) -> sa.Table:
    """Define `ehr_context` in `metadata`; `document` is the event's payload as JSON text, `identifier` the MRN."""
    return sa.Table(
        "ehr_context",
        metadata,
        sa.Column("tenant_id", pg.UUID, primary_key=True),
        sa.Column("patient", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("identifier", sa.Text),
        sa.Column("document", sa.Text, nullable=False),
        sa.Index("ehr_context_by_identifier", "tenant_id", "identifier"),
    )


async def record_charts(connection: AsyncConnection, table: sa.Table, events: Sequence[Event]) -> None:
    """Append the charts among `events` by (tenant, patient, version); what is there stays, other events are left alone."""
    rows = []
    for event in events:
        if event.type in ehr_context.TYPES:
            state = EhrContextState.model_validate(event.data)
            rows.append(
                {
                    "tenant_id": event.tenant_id,
                    "patient": state.patient,
                    "version": state.version,
                    "identifier": state.identifier,
                    "document": state.model_dump_json(),
                }
            )
    if rows:
        await connection.execute(insert(table).on_conflict_do_nothing(), rows)


class ChartReader:
    """The charts of one tenant, in an open transaction."""

    def __init__(self, connection: AsyncConnection, table: sa.Table, tenant_id: UUID) -> None:
        self._connection = connection
        self._table = table
        self._tenant_id = tenant_id

    async def find(self, patient: str) -> EhrContextState | None:
        """Return the patient's chart as last seen, or None if no launch showed it."""
        query = self._newest().where(self._table.c.patient == patient).limit(1)
        document = (await self._connection.execute(query)).scalar_one_or_none()
        return EhrContextState.model_validate_json(document) if document else None

    async def by_identifier(self, identifier: str) -> list[EhrContextState]:
        """Return the charts that carry this MRN now; more than one if several systems use it."""
        mentioned = sa.select(self._table.c.patient).where(
            self._table.c.tenant_id == self._tenant_id, self._table.c.identifier == identifier
        )
        patients = set((await self._connection.execute(mentioned)).scalars())
        found = [chart for patient in sorted(patients) if (chart := await self.find(patient))]
        return [chart for chart in found if chart.identifier == identifier]

    def _newest(self) -> "sa.Select[str]":
        table = self._table
        return sa.select(table.c.document).where(table.c.tenant_id == self._tenant_id).order_by(table.c.version.desc())
