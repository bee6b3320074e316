"""Whether a patient takes part now: paused, moved away or left, since when and why. It stops no consent and decides no month."""

import json
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from services.billing.usecases.own_facts import append_fact
from services.billing.usecases.ports import Begin, LedgerStore
from services.billing.usecases.records import Author
from services.billing.usecases.roster import require_role
from shared.kernel.clock import Clock
from shared.kernel.errors import Invalid, Issue
from shared.kernel.vocabulary import StaffRole

_ROLES = (StaffRole.BILLING_PRACTITIONER, StaffRole.CLINICAL_STAFF)


class Participation(StrEnum):
    """How a patient stands to the program; a death is a statement of its own (T22)."""

    ACTIVE = "active"
    PAUSED = "paused"
    MOVED = "moved"
    LEFT = "left"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What was last said of a patient, by whom (EHR Practitioner id), since which day and why."""

    participation: Participation
    since: date
    reason: str
    by: str


async def note_participation(*, patient: str, standing: Standing, begin: Begin, author: Author, clock: Clock) -> int:
    """Record it as the next version; return the version.

    Invalid without a reason (but for a return) or for a day in the future, LacksRole, Conflict if somebody else wrote too.
    """
    async with begin() as uow:
        now = clock.now()
        today = now.astimezone(await uow.ledger.zone()).date()
        issues = []
        if standing.participation is not Participation.ACTIVE and not standing.reason.strip():
            issues.append(Issue("participation", "say why", "reason"))
        if standing.since > today:
            issues.append(Issue("participation", "it cannot begin in the future", "since"))
        if issues:
            raise Invalid("the standing is not whole", rule="participation", issues=tuple(issues))
        await require_role(uow.ledger, standing.by, _ROLES, today)
        content = {
            "participation": standing.participation.value,
            "since": standing.since.isoformat(),
            "reason": standing.reason,
            "by": standing.by,
            "at": now.isoformat(),
        }
        return await append_fact(
            uow.ledger,
            aggregate=f"participation/{patient}",
            kind="participation",
            patient=patient,
            content=content,
            author=author,
            at=now,
        )


async def participation_of(ledger: LedgerStore, patient: str) -> Standing | None:
    """Return what was last said of a patient, None if nothing was."""
    entry = await ledger.latest(f"participation/{patient}")
    if entry is None:
        return None
    said = json.loads(entry.data)
    return Standing(
        participation=Participation(said["participation"]),
        since=date.fromisoformat(said["since"]),
        reason=said["reason"],
        by=said["by"],
    )
