"""What billing's use cases and its adapters hand each other."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property


@dataclass(frozen=True)
class Author:
    """Who makes a change: the person or system, the client and the request, for the journal."""

    actor: str
    client: str
    request: str


@dataclass(frozen=True, kw_only=True)
class LedgerEntry:
    """A fact as the ledger stores it: `data` is its whole content as JSON text, `source` names where it came from.

    `patient` is None for what concerns the practice. A time entry also has its performer and stretch in plain fields, `None` once
    it is void, so that the database can sum staff days and find overlaps.
    """

    aggregate: str
    version: int
    patient: str | None
    kind: str
    recorded_at: datetime
    source: str
    data: str
    performer: str | None = None
    from_at: datetime | None = None
    until_at: datetime | None = None
    seconds: int | None = None

    @cached_property
    def digest(self) -> str:
        """The hash of the content."""
        return hashlib.sha256(self.data.encode()).hexdigest()
