"""What consent takes in: tenants and clients from access, closed months from billing, into its registry."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.event import Event
from shared.db.journal import JournalTables
from shared.messaging.consumer import Handler
from shared.smart.registry import record_registry_events


def handlers(tables: JournalTables) -> dict[str, Handler]:
    """Return the handlers by the service whose stream they take in."""

    async def take_in(connection: AsyncConnection, events: Sequence[Event]) -> None:
        await record_registry_events(connection, tables, events)

    return {"access": take_in, "billing": take_in}
