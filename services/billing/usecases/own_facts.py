"""Facts that billing itself records about a patient, version after version: what was said of a hold, whom the program suits."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.billing.usecases.ports import LedgerStore
from services.billing.usecases.records import Author, LedgerEntry
from shared.kernel.errors import Conflict


async def append_fact(
    ledger: LedgerStore,
    *,
    aggregate: str,
    kind: str,
    patient: str,
    content: Mapping[str, Any],
    author: Author,
    at: datetime,
) -> int:
    """Append the next version of an aggregate with its journal row; return the version.

    Conflict if somebody else appended that version at the same time.
    """
    before = await ledger.latest(aggregate)
    entry = LedgerEntry(
        aggregate=aggregate,
        version=before.version + 1 if before else 1,
        patient=patient,
        kind=kind,
        recorded_at=at,
        source=f"client/{author.client}",
        data=json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")),
    )
    if not await ledger.record(entry, author, action=f"{kind}.recorded"):
        raise Conflict("somebody else has just changed this")
    return entry.version
