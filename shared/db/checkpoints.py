"""What a checkpoint says: how far a tenant's log was sealed, and by which seal; signed, it stands outside the database."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

LEAF_BYTES = 8
"""Of each leaf a checkpoint keeps this many bytes: enough to name the entry that a rewritten log has changed."""


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint of a tenant's log in one service.

    It covers the entries `first` to `last`, which end with the seal number `seal_number`; `leaves` holds the first 8 bytes of
    each of their leaves; `before` is the SHA-256 (hex) of the file of the checkpoint before, empty for the first one.
    """

    service: str
    tenant_id: UUID
    number: int
    first: int
    last: int
    seal_number: int
    seal: bytes
    leaves: bytes
    before: str
    signed_at: datetime


def checkpoint_text(checkpoint: Checkpoint) -> str:
    """Write what is signed: JSON."""
    return json.dumps(
        {
            "service": checkpoint.service,
            "tenant": str(checkpoint.tenant_id),
            "checkpoint": checkpoint.number,
            "first": checkpoint.first,
            "last": checkpoint.last,
            "seal_number": checkpoint.seal_number,
            "seal": checkpoint.seal.hex(),
            "leaves": base64.b64encode(checkpoint.leaves).decode(),
            "before": checkpoint.before,
            "signed_at": checkpoint.signed_at.astimezone(UTC).isoformat(),
        },
        sort_keys=True,
    )


def parse_checkpoint(text: str | bytes) -> Checkpoint:
    """Read what was signed; ValueError if it is no checkpoint."""
    said: dict[str, Any] = json.loads(text)
    try:
        return Checkpoint(
            service=said["service"],
            tenant_id=UUID(said["tenant"]),
            number=said["checkpoint"],
            first=said["first"],
            last=said["last"],
            seal_number=said["seal_number"],
            seal=bytes.fromhex(said["seal"]),
            leaves=base64.b64decode(said["leaves"]),
            before=said["before"],
            signed_at=datetime.fromisoformat(said["signed_at"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError("no checkpoint") from error
