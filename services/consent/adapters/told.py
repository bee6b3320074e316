"""What access and timetrack tell, kept for the pages: charts and the roster."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.consent.adapters.tables import CHART, STAFF_MEMBER
from shared.contracts import staff_member
from shared.contracts.event import Event
from shared.contracts.staff_member import StaffMemberState
from shared.smart.charts import record_charts


async def note_charts(connection: AsyncConnection, events: Sequence[Event]) -> None:
    """Append the charts among `events`."""
    await record_charts(connection, CHART, events)


async def note_staff(connection: AsyncConnection, events: Sequence[Event]) -> None:
    """Append the members of staff among `events` by (tenant, practitioner, version); what is there stays."""
    rows = []
    for event in events:
        if event.type in staff_member.TYPES:
            state = StaffMemberState.model_validate(event.data)
            key = {"tenant_id": event.tenant_id, "practitioner": state.practitioner, "version": state.version}
            rows.append({**key, "document": state.model_dump_json()})
    if rows:
        await connection.execute(insert(STAFF_MEMBER).on_conflict_do_nothing(), rows)


class StaffReader:
    """The staff of one tenant, in an open transaction; fills `usecases.ports.Staff`."""

    def __init__(self, connection: AsyncConnection, tenant_id: UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    async def all(self) -> list[StaffMemberState]:
        """Return every member's newest version, by Practitioner id."""
        table = STAFF_MEMBER.c
        query = sa.select(table.document).where(table.tenant_id == self._tenant_id)
        newest = query.ext(distinct_on(table.practitioner)).order_by(table.practitioner, table.version.desc())
        return [StaffMemberState.model_validate_json(text) for text in (await self._connection.execute(newest)).scalars()]
