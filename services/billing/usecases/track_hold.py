"""Say who cares for a hold, until when, and what is going on: never a reason by which it is lifted."""

from dataclasses import dataclass
from datetime import date

from services.billing.usecases.own_facts import append_fact
from services.billing.usecases.ports import Begin
from services.billing.usecases.records import Author
from services.billing.usecases.roster import require_role
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.clock import Clock
from shared.kernel.errors import Invalid
from shared.kernel.vocabulary import StaffRole

ROLES = (StaffRole.BILLER, StaffRole.PROGRAM_LEAD, StaffRole.BILLING_PRACTITIONER)


@dataclass(frozen=True, kw_only=True)
class Saying:
    """What is said of a hold by `by` (EHR Practitioner id); `owner` is a person of the staff, None nobody."""

    owner: str | None
    due: date | None
    comment: str
    by: str


async def track_hold(*, month: CalendarMonth, patient: str, saying: Saying, begin: Begin, author: Author, clock: Clock) -> int:
    """Record what is said as the next version of the hold's notes; return the version.

    Invalid if nothing is said, LacksRole, Conflict if somebody else wrote at the same time.
    """
    if not (saying.comment.strip() or saying.owner or saying.due):
        raise Invalid("say who cares for it, until when, or what is going on", rule="hold-note", expression="comment")
    async with begin() as uow:
        now, zone = clock.now(), await uow.ledger.zone()
        await require_role(uow.ledger, saying.by, ROLES, now.astimezone(zone).date())
        content = {
            "owner": saying.owner,
            "due": saying.due.isoformat() if saying.due else None,
            "comment": saying.comment,
            "by": saying.by,
            "at": now.isoformat(),
        }
        return await append_fact(
            uow.ledger,
            aggregate=f"hold/{month}/{patient}",
            kind="hold",
            patient=patient,
            content=content,
            author=author,
            at=now,
        )
