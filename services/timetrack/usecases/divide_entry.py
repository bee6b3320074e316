"""Give an entry, or parts of it, to the patients for whom the work was done: it is voided, the parts are logged anew."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.timetrack.domain.division import Part, divide
from services.timetrack.domain.time_entry import Status, TimeEntry, amend_entry
from services.timetrack.usecases.entry_versions import version_of
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
from shared.kernel.ids import uuid7
from shared.kernel.vocabulary import CANONICAL

STRETCH_SYSTEM = f"{CANONICAL}/sid/stretch"


async def divide_entry(
    *,
    uow: UnitOfWork,
    months: ClosedMonths,
    practice: Practice,
    author: Author,
    entry_id: UUID,
    seen_version: int,
    patient: str,
    entry: TimeEntry,
    parts: Sequence[Part],
    reason: str,
    compose: Callable[[TimeEntry], str],
    now: datetime,
) -> Sequence[EntryVersion]:
    """Void `entry`, the current version of `entry_id` in the chart of `patient`, and log the parts: all of it or nothing.

    Returns the void version, then the parts under one group. NoSuchThing; PreconditionFailed if `seen_version` is no longer
    current; InvalidEntry, EntryFixed. Both the void and the new entries carry the reason.
    """
    void = replace(entry, status=Status.ENTERED_IN_ERROR, reason=reason)
    group = f"{STRETCH_SYSTEM}|{uuid7(now)}" if len(parts) > 1 else entry.group
    made = divide(entry, parts, group=group, reason=reason)
    try:
        async with uow:
            found = await uow.entries.for_change(entry_id, patient=patient)
            if found is None:
                raise NoSuchThing("no such entry")
            stored, authored_on, timer_id = found
            if stored.version != seen_version:
                raise PreconditionFailed(f"the entry is at version {stored.version} by now: read it again")
            amend_entry(stored, void, now=now, zone=practice.zone)
            written = max(now, authored_on)

            async def version(one: TimeEntry, ident: UUID, number: int) -> EntryVersion:
                return version_of(
                    one,
                    entry_id=ident,
                    version=number,
                    change="logged" if number == 1 else "voided",
                    author=author,
                    now=written,
                    authored_on=written if number == 1 else authored_on,
                    late=await months.closed_month(practice.tenant_id, one.begins(practice.zone)) is not None,
                    body=compose(one),
                    timer_id=timer_id,
                )

            versions = [await version(void, entry_id, stored.version + 1)]
            versions += [await version(one, uuid7(written), 1) for one in made]
            await uow.entries.append(versions[0], author)
            for each in versions[1:]:
                await uow.entries.add(each, author)
            return versions
    except StretchTaken:
        raise Unavailable("somebody else changes the same stretch of time right now: try again") from None
