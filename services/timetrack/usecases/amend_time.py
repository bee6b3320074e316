"""Change what an entry says, or void it: a new version, with the reason."""

from datetime import datetime
from uuid import UUID

from services.timetrack.domain.time_entry import Status, TimeEntry, amend_entry
from services.timetrack.usecases.entry_versions import raise_overlap, version_of
from services.timetrack.usecases.ports import (
    Author,
    ClosedMonths,
    EntryVersion,
    NoSuchThing,
    Practice,
    StretchTaken,
    UnitOfWork,
)
from shared.kernel.errors import PreconditionFailed, Unavailable


async def amend_time(
    *,
    uow: UnitOfWork,
    months: ClosedMonths,
    practice: Practice,
    author: Author,
    entry_id: UUID,
    seen_version: int,
    patient: str | None,
    entry: TimeEntry,
    body: str,
    may_read: bool,
    now: datetime,
) -> EntryVersion:
    """Store `entry` as the next version and say so by event; `patient` restricts what the caller may see.

    NoSuchThing; PreconditionFailed if `seen_version` is no longer the current one; InvalidEntry and EntryFixed as
    `amend_entry`; OverlappingEntry as `log_time`.
    """
    try:
        async with uow:
            found = await uow.entries.for_change(entry_id, patient=patient)
            if found is None:
                raise NoSuchThing("no such entry")
            stored, authored_on, timer_id = found
            if stored.version != seen_version:
                raise PreconditionFailed(f"the entry is at version {stored.version} by now: read it again")
            amend_entry(stored, entry, now=now, zone=practice.zone)
            version = version_of(
                entry,
                entry_id=entry_id,
                version=stored.version + 1,
                change="voided" if entry.status is Status.ENTERED_IN_ERROR else "amended",
                author=author,
                now=max(now, authored_on),
                authored_on=authored_on,
                late=await months.closed_month(practice.tenant_id, entry.begins(practice.zone)) is not None,
                body=body,
                timer_id=timer_id,
            )
            await uow.entries.append(version, author)
        return version
    except StretchTaken:
        async with uow:
            await raise_overlap(uow, (entry,), own_id=entry_id, may_read=may_read)
        raise Unavailable("somebody else changes the same stretch of time right now: try again") from None
