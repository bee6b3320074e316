"""Close a month, and open it again: what is written after a close is late and not counted. Both are facts, with events."""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.billing.usecases.ports import Begin, Telling, UnitOfWork
from services.billing.usecases.records import Author, LedgerEntry
from services.billing.usecases.roster import require_role
from shared.contracts.month import MonthState
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.clock import Clock
from shared.kernel.errors import Conflict, Invalid
from shared.kernel.vocabulary import StaffRole

_ROLES = (StaffRole.PROGRAM_LEAD, StaffRole.BILLING_PRACTITIONER, StaffRole.BILLER)


class MonthStatus(StrEnum):
    """Whether a month takes facts."""

    OPEN = "open"
    CLOSED = "closed"


class NotOver(Conflict):
    """The month still runs."""

    rule = "month-not-over"


@dataclass(frozen=True, kw_only=True)
class MonthStanding:
    """A month's state; version 0 was never closed. `feed_position` is where the feed stood at the last close."""

    month: CalendarMonth
    version: int
    status: MonthStatus
    at: datetime | None = None
    by: str | None = None
    reason: str | None = None
    feed_position: str | None = None


async def set_month_status(
    *,
    month: CalendarMonth,
    status: MonthStatus,
    by: str,
    reason: str,
    tenant_id: UUID,
    begin: Begin,
    author: Author,
    clock: Clock,
) -> MonthStanding:
    """Close or open `month` in the name of `by`, who holds the role on the day; a month that is so already stays as it is.

    Invalid without a reason, LacksRole, NotOver for a month that still runs, Conflict if somebody else did it at the same time.
    """
    if not reason.strip():
        raise Invalid("say why", rule="month-reason", expression="reason")
    async with begin() as uow:
        await uow.months.lock(month)
        now, zone = clock.now(), await uow.ledger.zone()
        await require_role(uow.ledger, by, _ROLES, now.astimezone(zone).date())
        before = await month_standing(uow, month)
        if before.status is status:
            return before
        starts_at, ends_at = month.start(zone), month.end(zone)
        if now < ends_at:
            raise NotOver(f"{month} ends at {ends_at.isoformat()}")
        state = MonthState(
            month=str(month),
            version=before.version + 1,
            status=status.value,
            at=now,
            by=by,
            reason=reason,
            starts_at=starts_at,
            ends_at=ends_at,
        )
        told = state.model_dump(mode="json")
        position = await uow.feed.position() if status is MonthStatus.CLOSED else before.feed_position
        entry = LedgerEntry(
            aggregate=f"month/{month}",
            version=state.version,
            patient=None,
            kind="month",
            recorded_at=now,
            source=f"client/{author.client}",
            data=json.dumps({**told, "feed_position": position}, ensure_ascii=False, sort_keys=True, separators=(",", ":")),
        )
        fact = "closed" if status is MonthStatus.CLOSED else "reopened"
        event = Telling(type=f"ccm.month.{fact}.v1", aggregate=f"{tenant_id}/{month}", version=state.version, data=told)
        if not await uow.ledger.record(entry, author, action=f"month.{fact}", event=event):
            raise Conflict("somebody else has just closed or opened this month")
    return MonthStanding(month=month, version=state.version, status=status, at=now, by=by, reason=reason, feed_position=position)


async def month_standing(uow: UnitOfWork, month: CalendarMonth) -> MonthStanding:
    """Return a month's state."""
    entry = await uow.ledger.latest(f"month/{month}")
    if entry is None:
        return MonthStanding(month=month, version=0, status=MonthStatus.OPEN)
    said = json.loads(entry.data)
    return MonthStanding(
        month=month,
        version=entry.version,
        status=MonthStatus(said["status"]),
        at=datetime.fromisoformat(said["at"]),
        by=said["by"],
        reason=said["reason"],
        feed_position=said["feed_position"],
    )
