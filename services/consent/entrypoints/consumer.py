"""What consent takes in: tenants and clients from access, closed months from billing, into its registry."""

from shared.db.journal import JournalTables
from shared.messaging.consumer import Handler
from shared.smart.registry import record_registry_events


def handlers(tables: JournalTables) -> dict[str, Handler]:
    """Return the handlers by the service whose stream they take in."""
    return dict.fromkeys(("access", "billing"), lambda connection, events: record_registry_events(connection, tables, events))
