"""Journal rows as billing writes them."""

import json
from datetime import datetime

from services.billing.usecases.ports import Telling
from services.billing.usecases.records import Author
from shared.db.journal import JournalRecord
from shared.kernel.ids import uuid7


def event_record(
    at: datetime,
    author: Author,
    action: str,
    patients: tuple[str, ...],
    event: Telling | None,
    aggregate: str,
    version: int,
) -> JournalRecord:
    """Return the journal row of a change; with an `event`, under the event's aggregate and version."""
    if event is None:
        return plain_record(at, author, action, patients, aggregate, version)
    return JournalRecord(
        id=uuid7(at),
        at=at,
        actor=author.actor,
        client=author.client,
        request=author.request,
        action=action,
        patients=patients,
        aggregate=event.aggregate,
        version=event.version,
        event_type=event.type,
        data=json.dumps(event.data, ensure_ascii=False),
    )


def plain_record(
    at: datetime, author: Author, action: str, patients: tuple[str, ...], aggregate: str, version: int
) -> JournalRecord:
    """Return the journal row of a change that nobody else needs to know."""
    return JournalRecord(
        id=uuid7(at),
        at=at,
        actor=author.actor,
        client=author.client,
        request=author.request,
        action=action,
        patients=patients,
        aggregate=aggregate,
        version=version,
    )
