"""End a timer that leaves no time behind: started for the wrong patient, or never meant."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.timetrack.domain.timer import discard_timer as discard
from services.timetrack.usecases.change_timer import open_timer
from services.timetrack.usecases.ports import Author, Practice, TimerRecord, UnitOfWork


async def discard_timer(
    *, uow: UnitOfWork, practice: Practice, author: Author, timer_id: UUID, performer: str, reason: str, now: datetime
) -> TimerRecord:
    """Return the ended timer; the journal keeps `reason`. NoSuchThing, NotYourTimer, NotOnRoster, TimerStateError."""
    async with uow:
        record = await open_timer(uow, practice, timer_id, performer)
        ended = replace(record, version=record.version + 1, timer=discard(record.timer, now=now))
        await uow.timers.save(ended, "discard", author, at=now, reason=reason)
        return ended
