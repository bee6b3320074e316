"""What billing takes in: tenants and clients into its registry; tenants, staff, consents and time entries into its ledger."""

from collections.abc import Callable, Sequence
from typing import Any

from services.billing.usecases.ports import EvidenceStore
from services.billing.usecases.record_evidence import record_evidence
from shared.contracts.event import Event
from shared.db.journal import JournalTables
from shared.messaging.consumer import Handler
from shared.smart.registry import record_registry_events


def handlers(tables: JournalTables, store_on: Callable[[Any], EvidenceStore]) -> dict[str, Handler]:
    """Return the handlers by the service whose stream they take in; `store_on` gives the ledger on a connection."""

    async def of_access(connection: Any, events: Sequence[Event]) -> None:
        await record_registry_events(connection, tables, events)
        await record_evidence(store=store_on(connection), events=events)

    async def of_services(connection: Any, events: Sequence[Event]) -> None:
        await record_evidence(store=store_on(connection), events=events)

    return {"access": of_access, "consent": of_services, "timetrack": of_services}
