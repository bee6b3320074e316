"""What consent takes in: tenants, clients and charts from access, closed months from billing, the roster from timetrack.

And its own versions, which go into the EHR's chart.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from shared.contracts.event import Event
from shared.db.journal import JournalTables
from shared.messaging.consumer import Handler
from shared.smart.registry import record_registry_events

Note = Callable[[Any, Sequence[Event]], Awaitable[None]]


def handlers(tables: JournalTables, note_charts: Note, note_staff: Note, note_filings: Note) -> dict[str, Handler]:
    """Return the handlers by the service whose stream they take in; the notes store what is told."""

    async def registry(connection: Any, events: Sequence[Event]) -> None:
        await record_registry_events(connection, tables, events)

    async def access(connection: Any, events: Sequence[Event]) -> None:
        await registry(connection, events)
        await note_charts(connection, events)

    return {"access": access, "billing": registry, "timetrack": note_staff, "consent": note_filings}
