"""Pause, resume, switch or hear of a timer, by the person whose timer it is."""

from dataclasses import replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from services.timetrack.domain import timer as timers
from services.timetrack.domain.activity import Work
from services.timetrack.domain.staff import require_timer_role
from services.timetrack.domain.timer import Timer
from services.timetrack.usecases.ports import Author, NoSuchThing, Practice, TimerRecord, UnitOfWork
from shared.kernel.errors import Forbidden, Invalid


class NotYourTimer(Forbidden):
    """The timer is another person's."""

    rule = "timer-of-another"


class TimerAction(StrEnum):
    """What can be done to a timer besides stopping it."""

    PAUSE = "pause"
    RESUME = "resume"
    SWITCH = "switch"
    HEARTBEAT = "heartbeat"
    CALL = "call"
    CONFIRM = "confirm"


async def change_timer(
    *,
    uow: UnitOfWork,
    practice: Practice,
    author: Author,
    timer_id: UUID,
    performer: str,
    action: TimerAction,
    work: Work | None = None,
    keep_silence: bool = False,
    idle_seconds: int | None = None,
    until: datetime | None = None,
    now: datetime,
) -> TimerRecord:
    """Return the timer after `action`; `keep_silence` says that a silence which paused it was work (measured-with-gap).

    `idle_seconds` belongs to a heartbeat: for how long there was no input; `until` to a confirmation, as `confirm_time`.
    NoSuchThing, NotYourTimer, NotOnRoster, TimerStateError if it is over, TimerRunning if it would run beside another. A
    heartbeat leaves no journal row of its own: what it proves is in the timer.
    """
    async with uow:
        today = None if action is TimerAction.PAUSE else now.astimezone(practice.zone).date()
        record = await open_timer(uow, practice, timer_id, performer, day=today)
        if action is TimerAction.HEARTBEAT:
            changed = timers.heartbeat(record.timer, now=now, idle_seconds=idle_seconds)
        elif action is TimerAction.CONFIRM:
            changed = timers.confirm_time(record.timer, until=until, now=now)
        else:
            changed = _changed(record.timer, action, work, keep_silence=keep_silence, now=now)
        if changed == record.timer:
            return record
        after = replace(record, version=record.version + 1, timer=changed)
        await uow.timers.save(after, None if action is TimerAction.HEARTBEAT else action.value, author, at=now)
        return after


async def open_timer(
    uow: UnitOfWork, practice: Practice, timer_id: UUID, performer: str, *, day: date | None = None
) -> TimerRecord:
    """Lock and return a timer for the person whom the call names; NoSuchThing, NotYourTimer, NotOnRoster.

    The person holds a role on `day`; by default on the day on which the timer started: who left since can still end it.
    """
    record = await uow.timers.for_change(timer_id)
    if record is None:
        raise NoSuchThing("no such timer")
    if record.performer.id != performer:
        raise NotYourTimer("the timer is another person's", expression="performer")
    staff = await uow.roster.find(performer)
    started_on = record.started_at.astimezone(practice.zone).date()
    require_timer_role(staff.member if staff else None, practitioner=performer, day=day or started_on)
    return record


def _changed(timer: Timer, action: TimerAction, work: Work | None, *, keep_silence: bool, now: datetime) -> Timer:
    if action is TimerAction.PAUSE:
        return timers.pause_timer(timer, now=now, keep_silence=keep_silence)
    if action is TimerAction.RESUME:
        return timers.resume_timer(timer, now=now, keep_silence=keep_silence)
    if action is TimerAction.CALL:
        return timers.begin_call(timer, now=now)
    if work is None:
        raise Invalid("say what to switch to", rule="timer-switch", expression="program")
    return timers.switch_timer(timer, work, now=now, keep_silence=keep_silence)
