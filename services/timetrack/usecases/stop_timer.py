"""Stop a timer: what it measured becomes time entries under one group, with the note that the person writes."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.timetrack.domain.activity import Work
from services.timetrack.domain.time_entry import TimeEntry, log_measured
from services.timetrack.domain.timer import Stint, Timer
from services.timetrack.domain.timer import stop_timer as stop
from services.timetrack.usecases.change_timer import open_timer
from services.timetrack.usecases.entry_versions import raise_overlap, version_of
from services.timetrack.usecases.ports import (
    Author,
    ClosedMonths,
    EntryVersion,
    Practice,
    StretchTaken,
    TimerNote,
    TimerRecord,
    UnitOfWork,
)
from shared.kernel.errors import Unavailable
from shared.kernel.ids import uuid7
from shared.kernel.vocabulary import CANONICAL, TimeBasis

GROUP_SYSTEM = f"{CANONICAL}/sid/timer"


async def stop_timer(
    *,
    uow: UnitOfWork,
    months: ClosedMonths,
    practice: Practice,
    author: Author,
    timer_id: UUID,
    performer: str,
    note: TimerNote,
    compose: Callable[[TimeEntry], str],
    keep_silence: bool,
    work: Work | None = None,
    now: datetime,
) -> tuple[TimerRecord, Sequence[UUID]]:
    """Return the ended timer and the entries that it made, one for each stint; again for a timer that has ended: the same.

    `compose` writes an entry as a Task's text; `work` says what the last work turned out to be (a call that reached nobody).
    NoSuchThing, NotYourTimer, NotOnRoster; OverlappingEntry if the person has another entry at some of these instants: then the
    timer is as it was, and nothing is lost.
    """
    entries: tuple[TimeEntry, ...] = ()
    try:
        async with uow:
            record = await open_timer(uow, practice, timer_id, performer)
            if record.timer.over:
                return record, [version.id for version in await uow.entries.of_timer(timer_id)]
            stopped = replace(record, version=record.version + 1, timer=stop(record.timer, now=now, keep_silence=keep_silence))
            if work is not None:
                stopped = replace(stopped, timer=_relabelled(stopped.timer, work))
            entries = tuple(_entry(stopped, stint, note) for stint in stopped.timer.stints)
            made = [
                await _version(entry, practice, author, months, timer_id=timer_id, body=compose(entry), now=now)
                for entry in entries
            ]
            await uow.timers.save(stopped, "stop", author, at=now)
            for version in made:
                await uow.entries.add(version, author)
            return stopped, [version.id for version in made]
    except StretchTaken:
        async with uow:
            await raise_overlap(uow, entries, own_id=None, may_read=True)
        raise Unavailable("somebody else writes the same stretch of time right now: try again") from None


def _relabelled(timer: Timer, work: Work) -> Timer:
    stints = tuple(replace(stint, work=work) if stint.work == timer.work else stint for stint in timer.stints)
    return replace(timer, work=work, stints=stints)


def _entry(record: TimerRecord, stint: Stint, note: TimerNote) -> TimeEntry:
    return TimeEntry(
        patient=record.patient,
        performer=record.performer,
        role=record.role,
        program=stint.work.program,
        activity=stint.work.activity,
        stretch=stint.interval,
        basis=TimeBasis.MEASURED_WITH_GAP if stint.gap_seconds else TimeBasis.MEASURED,
        gap_seconds=stint.gap_seconds,
        problem=note.problem,
        additional_problems=note.additional_problems,
        action_taken=note.action_taken,
        clinical_relevance=note.clinical_relevance,
        note=note.note,
        directed_by=record.directed_by,
        encounter=record.encounter,
        group=f"{GROUP_SYSTEM}|{record.id}",
    )


async def _version(
    entry: TimeEntry,
    practice: Practice,
    author: Author,
    months: ClosedMonths,
    *,
    timer_id: UUID,
    body: str,
    now: datetime,
) -> EntryVersion:
    log_measured(entry)
    return version_of(
        entry,
        entry_id=uuid7(now),
        version=1,
        change="logged",
        author=author,
        now=now,
        authored_on=now,
        late=await months.closed_month(practice.tenant_id, entry.begins(practice.zone)) is not None,
        body=body,
        timer_id=timer_id,
    )
