"""Take the facts of the other services into the ledger: each version of each aggregate once, in whatever order they come."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from services.billing.usecases.ports import EvidenceStore
from services.billing.usecases.records import LedgerEntry
from shared.contracts import consent, ehr_context, staff_member, tenant, time_entry
from shared.contracts.base import Payload
from shared.contracts.consent import ConsentState
from shared.contracts.ehr_context import EhrContextState
from shared.contracts.event import Event
from shared.contracts.staff_member import StaffMemberState
from shared.contracts.tenant import TenantState
from shared.contracts.time_entry import TimeEntryState

_MODELS: dict[str, type[Payload]] = {
    **dict.fromkeys(consent.TYPES, ConsentState),
    **dict.fromkeys(time_entry.TYPES, TimeEntryState),
    **dict.fromkeys(staff_member.TYPES, StaffMemberState),
    **dict.fromkeys(tenant.TYPES, TenantState),
    **dict.fromkeys(ehr_context.TYPES, EhrContextState),
}
_NOON = time(12, tzinfo=UTC)


async def record_evidence(*, store: EvidenceStore, events: Sequence[Event]) -> int:
    """Append the events that are facts for billing; return how many are. Others are left alone.

    ValidationError (of a payload that is not what its owner promises) reaches the consumer, which sets the event aside.
    """
    entries = [found for event in events if (found := _entry_of(event)) is not None]
    await store.append(entries)
    return len(entries)


def _entry_of(event: Event) -> tuple[UUID, LedgerEntry] | None:
    model = _MODELS.get(event.type)
    if model is None:
        return None
    state = model.model_validate(event.data)
    return event.tenant_id, LedgerEntry(
        aggregate=f"{event.aggregate}/{event.aggregate_id}",
        version=event.version,
        patient=getattr(state, "patient", None),
        kind=event.aggregate,
        recorded_at=event.time,
        source=f"event/{event.id}",
        data=json.dumps(event.data, ensure_ascii=False, sort_keys=True, separators=(",", ":")),
        **(_stretch(state) if isinstance(state, TimeEntryState) else {}),
    )


def _stretch(entry: TimeEntryState) -> dict[str, Any]:
    """Return the plain fields of a time entry.

    An entry known by its day only stands at noon UTC, which is the same day in every zone of the United States; it has no end,
    so it overlaps nothing (T24).
    """
    if entry.start is not None and entry.end is not None:
        from_at, until_at = entry.start, entry.end
    elif entry.day is not None:
        from_at, until_at = datetime.combine(entry.day, _NOON), None
    else:
        raise ValueError("a time entry has start and end, or a day")
    live = entry.status == "completed"
    return {
        "performer": entry.performer.id if live else None,
        "from_at": from_at,
        "until_at": until_at,
        "seconds": entry.seconds if live else None,
    }
