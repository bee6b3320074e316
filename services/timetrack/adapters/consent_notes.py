"""What the consent service tells, kept for a warning only."""

from collections.abc import Sequence

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.timetrack.adapters.tables import CONSENT_NOTE
from shared.contracts import consent
from shared.contracts.consent import ConsentState
from shared.contracts.event import Event


async def note_consent_states(connection: AsyncConnection, events: Sequence[Event]) -> None:
    """Append the consents among `events` by (tenant, consent, version); what is there stays, others are left alone."""
    rows = []
    for event in events:
        if event.type in consent.TYPES:
            state = ConsentState.model_validate(event.data)
            rows.append(
                {
                    "tenant_id": event.tenant_id,
                    "consent_id": state.consent_id,
                    "version": state.version,
                    "patient": state.patient,
                    "program": state.program,
                    "status": state.status,
                }
            )
    if rows:
        await connection.execute(insert(CONSENT_NOTE).on_conflict_do_nothing(), rows)
