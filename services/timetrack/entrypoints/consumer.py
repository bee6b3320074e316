"""What timetrack takes in: tenants and clients from access, closed months from billing, consents for a warning."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from shared.contracts.event import Event
from shared.db.journal import JournalTables
from shared.messaging.consumer import Handler
from shared.smart.registry import record_registry_events

NoteConsents = Callable[[Any, Sequence[Event]], Awaitable[None]]


def handlers(tables: JournalTables, note_consents: NoteConsents) -> dict[str, Handler]:
    """Return the handler for each producing service; `note_consents` stores what consent tells."""

    async def registry(connection: Any, events: Sequence[Event]) -> None:
        await record_registry_events(connection, tables, events)

    return {"access": registry, "billing": registry, "consent": note_consents}
