"""A clinician says whether the program suits an eligible patient, and why: the problem list only suggests."""

from services.billing.usecases.own_facts import append_fact
from services.billing.usecases.ports import Begin
from services.billing.usecases.records import Author
from services.billing.usecases.roster import require_role
from shared.kernel.clock import Clock
from shared.kernel.errors import Invalid
from shared.kernel.vocabulary import StaffRole

_ROLES = (StaffRole.BILLING_PRACTITIONER, StaffRole.CLINICAL_STAFF)


async def judge_suitability(
    *, patient: str, suitable: bool, reason: str, by: str, begin: Begin, author: Author, clock: Clock
) -> int:
    """Record the judgement as the next version; return the version. Invalid without a reason, LacksRole, Conflict."""
    if not reason.strip():
        raise Invalid("say why", rule="suitability", expression="reason")
    async with begin() as uow:
        now, zone = clock.now(), await uow.ledger.zone()
        await require_role(uow.ledger, by, _ROLES, now.astimezone(zone).date())
        return await append_fact(
            uow.ledger,
            aggregate=f"suitability/{patient}",
            kind="suitability",
            patient=patient,
            content={"suitable": suitable, "reason": reason, "by": by, "at": now.isoformat()},
            author=author,
            at=now,
        )
