"""The timers of a person that are not over, as they stand now."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.timetrack.domain.staff import require_timer_role
from services.timetrack.domain.timer import settle
from services.timetrack.usecases.ports import NoSuchThing, Practice, TimerRecord, UnitOfWork


async def read_timers(
    *, uow: UnitOfWork, practice: Practice, performer: str, timer_id: UUID | None = None, now: datetime
) -> Sequence[TimerRecord]:
    """Return the performer's timers that are not over, or the one named, over or not; a silent one is shown as forgotten.

    NotOnRoster; NoSuchThing if the named timer is not this person's.
    """
    async with uow:
        staff = await uow.roster.find(performer)
        day = now.astimezone(practice.zone).date()
        require_timer_role(staff.member if staff else None, practitioner=performer, day=day)
        if timer_id is None:
            found = await uow.timers.open_of(performer)
        else:
            record = await uow.timers.read(timer_id)
            if record is None or record.performer.id != performer:
                raise NoSuchThing("no such timer")
            found = [record]
    return [replace(record, timer=settle(record.timer, now=now)) for record in found]
