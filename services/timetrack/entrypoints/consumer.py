"""What timetrack takes in: tenants, clients and charts from access, closed months from billing, consents for a warning."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from shared.contracts.event import Event
from shared.db.journal import JournalTables
from shared.messaging.consumer import Handler
from shared.smart.registry import record_registry_events

Note = Callable[[Any, Sequence[Event]], Awaitable[None]]


def handlers(tables: JournalTables, note_consents: Note, note_charts: Note) -> dict[str, Handler]:
    """Return the handler for each producing service; the notes store what consent and the charts tell."""

    async def registry(connection: Any, events: Sequence[Event]) -> None:
        await record_registry_events(connection, tables, events)

    async def access(connection: Any, events: Sequence[Event]) -> None:
        await registry(connection, events)
        await note_charts(connection, events)

    return {"access": access, "billing": registry, "consent": note_consents}
