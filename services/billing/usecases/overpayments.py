"""Overpayment cases: a claim that was billed for more than the facts give, from the day on which that was found (P6).

The case stays when the claim is replaced or voided: what was paid is still to be reported and returned. Its days are counted from
the day of identification, which no later look moves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid5

from services.billing.domain.findings import Difference
from services.billing.usecases.overpayment_ports import Overpayment, OverpaymentStore
from services.billing.usecases.ports import Begin
from services.billing.usecases.records import Author
from services.billing.usecases.roster import require_role
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.clock import Clock
from shared.kernel.errors import Conflict, Invalid, NotFound
from shared.kernel.vocabulary import StaffRole

Lines = tuple[tuple[str, int], ...]

_ROLES = (StaffRole.BILLER, StaffRole.PROGRAM_LEAD, StaffRole.BILLING_PRACTITIONER)
AGREES = "not-owed"
OUTCOMES = ("returned", "offset", AGREES)
"""How a case ends: the money was returned, the payer took it back from other payments, or nothing is owed after all."""


class CaseSettled(Conflict):
    """The case has ended before."""

    rule = "overpayment-settled"


async def note_overpayments(
    store: OverpaymentStore,
    *,
    month: CalendarMonth,
    differences: Sequence[tuple[str, Difference | None]],
    billed: Mapping[str, Lines],
    tenant_id: UUID,
    author: Author,
    at: datetime,
) -> None:
    """Open a case for each patient whose billed month now earns less; end one whose facts give again what it was billed for.

    `differences` are those of patients decided anew, `billed` what the billing system has billed of whom. A case that is open
    keeps its days, and a claim that replaces what was billed does not end it.
    """
    known = {case.patient: case for case in await store.open_cases(month, [patient for patient, _ in differences])}
    for patient, found in differences:
        case = known.get(patient)
        if found is not None and found.report_by is not None and found.investigate_by is not None:
            if case is None and patient in billed:
                case = Overpayment(
                    id=uuid5(tenant_id, f"overpayment|{month}|{patient}|{at.isoformat()}"),
                    month=month,
                    patient=patient,
                    found_at=at,
                    report_by=found.report_by,
                    investigate_by=found.investigate_by,
                    billed=found.billed,
                    now=found.now,
                )
                await store.put(case, author, at)
        elif case is not None and billed.get(patient) == case.billed:
            said = "the facts give again what was billed"
            await store.put(replace(case, settled_at=at, outcome=AGREES, reference=said), author, at)


async def settle_overpayment(
    *, case_id: UUID, outcome: str, reference: str, by: str, begin: Begin, author: Author, clock: Clock
) -> Overpayment:
    """End a case in the name of `by`: how, and by which reference (the payer's letter, the refund's number).

    Invalid without a reference or for another outcome, NotFound, LacksRole, CaseSettled if it ended otherwise before.
    """
    if outcome not in OUTCOMES or not reference.strip():
        text = f"say how it ended ({', '.join(OUTCOMES)}) and by which reference"
        raise Invalid(text, rule="overpayment", expression="outcome" if outcome not in OUTCOMES else "reference")
    async with begin() as uow:
        now, zone = clock.now(), await uow.ledger.zone()
        await require_role(uow.ledger, by, _ROLES, now.astimezone(zone).date())
        case = await uow.overpayments.case(case_id)
        if case is None:
            raise NotFound("there is no such case")
        if case.settled_at is not None:
            if (case.outcome, case.reference, case.by) == (outcome, reference, by):
                return case
            raise CaseSettled(f"the case ended on {case.settled_at.astimezone(zone).date()}: {case.outcome}")
        ended = replace(case, settled_at=now, outcome=outcome, reference=reference, by=by)
        await uow.overpayments.put(ended, author, now)
        return ended
