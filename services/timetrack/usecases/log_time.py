"""Log a stretch of time that somebody states."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.timetrack.domain.time_entry import InvalidEntry, TimeEntry, log_entry
from services.timetrack.usecases.entry_versions import raise_overlap, version_of
from services.timetrack.usecases.ports import (
    Author,
    ClosedMonths,
    EntryVersion,
    IdentifierTaken,
    Patients,
    Practice,
    StoredVersion,
    StretchTaken,
    UnitOfWork,
    UnknownPatient,
)
from shared.kernel.errors import Unavailable
from shared.kernel.ids import uuid7

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Logged:
    """The new entry, or the first version of the one that has an identifier of it."""

    new: EntryVersion | None = None
    earlier: StoredVersion | None = None


async def log_time(
    *,
    uow: UnitOfWork,
    patients: Patients,
    months: ClosedMonths,
    practice: Practice,
    author: Author,
    entry: TimeEntry,
    body: str,
    may_read: bool,
    now: datetime,
) -> Logged:
    """Store `entry` (`body` is its Task's text) and say so by event; or return what its identifiers already name.

    InvalidEntry without an identifier of the sender, and as `log_entry`; UnknownPatient; OverlappingEntry, which names the
    entry in the way if the caller `may_read`. Whether an earlier entry is the same is for the caller to compare.
    """
    if not entry.external_ids:
        text = "give your own identifier, so that the request can be repeated"
        raise InvalidEntry(text, rule="time-entry-identifier", expression="identifier")
    log_entry(entry, now=now, zone=practice.zone)
    if not await patients.exist(practice, entry.patient):
        raise UnknownPatient("the EHR does not know this patient", expression="patient")
    version = version_of(
        entry,
        entry_id=uuid7(now),
        version=1,
        change="logged",
        author=author,
        now=now,
        authored_on=now,
        late=await months.closed_month(practice.tenant_id, entry.begins(practice.zone)) is not None,
        body=body,
    )
    for _ in range(_ATTEMPTS):
        try:
            await uow.add_entry(version, author)
            return Logged(new=version)
        except (IdentifierTaken, StretchTaken):
            async with uow:
                if earlier := await _earlier(uow, entry):
                    return Logged(earlier=earlier)
                await raise_overlap(uow, (entry,), own_id=None, may_read=may_read)
    raise Unavailable("others write the same entries right now: try again")


async def _earlier(uow: UnitOfWork, entry: TimeEntry) -> StoredVersion | None:
    owner: UUID | None = await uow.entries.owner_of(entry.external_ids)
    return await uow.entries.read(owner, 1) if owner else None
