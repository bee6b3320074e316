"""The practice's staff list as timetrack tells it: roles of people for whom the EHR names none (integration.md 1)."""

import json
from collections.abc import Sequence

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.access.adapters.launch_tables import STAFF_MEMBER
from shared.contracts import staff_member
from shared.contracts.event import Event
from shared.contracts.staff_member import StaffMemberState


async def record_staff(connection: AsyncConnection, events: Sequence[Event]) -> None:
    """Append members of staff by (tenant, practitioner, version); what is there stays, other events are left alone."""
    rows = []
    for event in sorted(events, key=lambda one: (one.tenant_id, one.aggregate_id, one.version)):
        if event.type in staff_member.TYPES:
            state = StaffMemberState.model_validate(event.data)
            roles = json.dumps([role.model_dump(mode="json") for role in state.roles])
            rows.append(
                {
                    "tenant_id": event.tenant_id,
                    "practitioner": state.practitioner,
                    "version": state.version,
                    "npi": state.npi,
                    "roles": roles,
                }
            )
    if rows:
        await connection.execute(insert(STAFF_MEMBER).on_conflict_do_nothing(), rows)
