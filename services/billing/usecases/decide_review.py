"""Answer a review: a named person adds or leaves out time, or bills or does not bill, and says why."""

import json
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid5

from services.billing.domain.case import decision_key
from services.billing.usecases.ports import Begin, ReviewRow, UnitOfWork
from services.billing.usecases.records import Author, LedgerEntry
from services.billing.usecases.roster import require_role
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.clock import Clock
from shared.kernel.errors import Conflict, Invalid, NotFound
from shared.kernel.vocabulary import StaffRole

DECISIONS = ("add", "leave-out", "bill", "do-not-bill")
TAKEN_BACK = "taken-back"
"""What stands in the ledger in place of a decision that its author took back: the review is open again."""
UNDO_WITHIN = timedelta(minutes=10)
_SHARED = decision_key("R29", "R29", "")
_ROLES = (StaffRole.BILLING_PRACTITIONER, StaffRole.PROGRAM_LEAD, StaffRole.BILLER)


class CountedAlready(Conflict):
    """The seconds were added to another patient's month."""

    rule = "T25"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a person decided, and why; `modifier` only where a review asks for one (R23)."""

    decision: str
    reason: str
    by: str
    modifier: str | None = None


async def decide_review(*, review_id: UUID, answer: Answer, tenant_id: UUID, begin: Begin, author: Author, clock: Clock) -> int:
    """Record the answer as the next version of the review's decision; return the version. The same answer again changes nothing.

    The month shows it when it is next assembled. NotFound for an unknown review, Invalid for an unknown decision or an empty
    reason, LacksRole, Conflict if somebody else answered at the same time, CountedAlready.
    """
    if answer.decision not in DECISIONS:
        raise Invalid(f"a decision is {', '.join(DECISIONS)}", rule="review-decision", expression="decision")
    if not answer.reason.strip():
        raise Invalid("a decision needs its reason", rule="review-decision", expression="reason")
    async with begin() as uow:
        review = await uow.months.review(review_id)
        if review is None:
            raise NotFound("no such review")
        if answer.decision == "add" and review.key.startswith(_SHARED):
            await _refuse_twice(uow, review)
        now = clock.now()
        role = await require_role(uow.ledger, answer.by, _ROLES, now.astimezone(await uow.ledger.zone()).date())
        content = {
            "key": review.key,
            "decision": answer.decision,
            "reason": answer.reason,
            "by": answer.by,
            "role": role.value,
            "modifier": answer.modifier,
        }
        data = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        aggregate = _aggregate(tenant_id, review.patient, review.key)
        before = await uow.ledger.latest(aggregate)
        if before is not None and before.data == data:
            return before.version
        entry = LedgerEntry(
            aggregate=aggregate,
            version=before.version + 1 if before else 1,
            patient=review.patient,
            kind="review-decision",
            recorded_at=now,
            source=f"client/{author.client}",
            data=data,
        )
        if not await uow.ledger.record(entry, author, action="review.decided"):
            raise Conflict("somebody else has just answered this review")
    return entry.version


async def _refuse_twice(uow: UnitOfWork, review: ReviewRow) -> None:
    """T25: seconds that a performer spent with two patients at once are added to one of the months, never to both."""
    await uow.months.lock(review.month)  # one after the other, or two answers at once would not see each other
    theirs = await uow.ledger.latest(_entry_in(review.key))
    if theirs is None or theirs.patient is None:
        return
    for decided in (await uow.ledger.latest_of_kinds(theirs.patient, ("review-decision",))).values():
        said = json.loads(decided.data)
        if said["decision"] == "add" and said["key"].startswith(_SHARED):
            ours = await uow.ledger.latest(_entry_in(said["key"]))
            if ours is not None and ours.patient == review.patient:
                text = "these seconds count for the other patient already: divide the entries by an amendment, or leave them out"
                raise CountedAlready(text, expression="decision")


def _entry_in(key: str) -> str:
    """Return the time entry that a finding on shared seconds names."""
    return key.removeprefix(_SHARED).partition("@")[0]


async def take_back_decision(
    *, month: CalendarMonth, patient: str, key: str, by: str, tenant_id: UUID, begin: Begin, author: Author, clock: Clock
) -> int:
    """Open a review again whose decision was a slip; return the version. The month shows it when it is next assembled.

    NotFound without a decision, Conflict for somebody else's, for one older than `UNDO_WITHIN`, and once a charge of the month
    was released: then the decision stands, and another one is a new decision.
    """
    async with begin() as uow:
        now, aggregate = clock.now(), _aggregate(tenant_id, patient, key)
        before = await uow.ledger.latest(aggregate)
        said = json.loads(before.data) if before is not None else {}
        if before is None or said["decision"] == TAKEN_BACK:
            raise NotFound("no such decision")
        if said["by"] != by or now - before.recorded_at > UNDO_WITHIN:
            raise Conflict("only who decided takes it back, within ten minutes")
        if any(charge.version > 0 for charge in await uow.charges.current(month, [patient])):
            raise Conflict("a charge of the month was released: the decision stands")
        content = said | {"decision": TAKEN_BACK}
        entry = LedgerEntry(
            aggregate=aggregate,
            version=before.version + 1,
            patient=patient,
            kind="review-decision",
            recorded_at=now,
            source=f"client/{author.client}",
            data=json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")),
        )
        if not await uow.ledger.record(entry, author, action="review.taken-back"):
            raise Conflict("somebody else has just answered this review")
    return entry.version


def _aggregate(tenant_id: UUID, patient: str, key: str) -> str:
    return f"review-decision/{uuid5(tenant_id, f'{patient}|{key}')}"
