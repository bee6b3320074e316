"""The envelope: a CloudEvent 1.0. No patient data in its attributes or its subject."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class Event:
    """A fact that its service tells the others.

    `id` is the journal id (and `Nats-Msg-Id`), `type` e.g. `ccm.consent.granted.v1`, `tenant` the slug, `aggregate_id`
    an opaque id, `version` that of the aggregate (1, 2, 3 …), `time` when the owner recorded it, `data` the payload.
    """

    id: UUID
    type: str
    tenant: str
    tenant_id: UUID
    aggregate_id: str
    version: int
    time: datetime
    data: dict[str, Any]

    @property
    def aggregate(self) -> str:
        """The kind of thing, e.g. `consent`."""
        return self.type.split(".")[1]

    @property
    def fact(self) -> str:
        """What became of it, e.g. `granted`."""
        return self.type.split(".")[2]


def aware(at: datetime) -> datetime:
    """Return `at`; ValueError if it has no zone."""
    if at.tzinfo is None:
        raise ValueError("an instant needs a zone")
    return at
