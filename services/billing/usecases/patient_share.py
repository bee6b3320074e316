"""What to tell a patient at consent about cost: the patient's part of a usual month, by payer and place of service (A7, P4).

An estimate to be said, never an amount that is billed: the payer adjudicates. Unknown is told as unknown.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from services.billing.domain.judgement import Judgement
from services.billing.domain.payers import MEDICARE
from services.billing.domain.rule_book import RuleBook
from shared.kernel.vocabulary import Lane

_PERCENT = "patient.coinsurance.percent"
_CENT = Decimal("0.01")


class ShareKind(StrEnum):
    """What is known of the patient's part."""

    NOTHING = "nothing"
    AMOUNT = "amount"
    PLAN = "plan"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class PatientShare:
    """The patient's part of one month at the base code of the staff lane, in dollars, before the deductible is met.

    `amount` and `allowed` are None unless the kind is AMOUNT; `place` is the place of service, `percent` the payer's share.
    """

    kind: ShareKind
    code: str
    place: str
    percent: int = 0
    allowed: Decimal | None = None
    amount: Decimal | None = None


def patient_share(judgement: Judgement, book: RuleBook) -> PatientShare:
    """Return what a usual month costs the patient: nothing with QMB or Medicaid, a share under Medicare FFS, else the plan's."""
    case, payer = judgement.case, judgement.payer
    lane, place = case.rules.lanes[Lane.CLINICAL_STAFF], case.tenant.place_of_service
    day = case.grid.day_of(case.at)
    if payer.protected:
        return PatientShare(kind=ShareKind.NOTHING, code=lane.base_code, place=place)
    if payer.coverage is None or case.rules.profile != MEDICARE:
        kind = ShareKind.UNKNOWN if payer.coverage is None else ShareKind.PLAN
        return PatientShare(kind=kind, code=lane.base_code, place=place)
    allowed = book.expected_amount(lane.base_code, place, day)
    if allowed is None:
        return PatientShare(kind=ShareKind.UNKNOWN, code=lane.base_code, place=place)
    percent = int(book.parameter(MEDICARE, _PERCENT).on(day))
    amount = (allowed * percent / 100).quantize(_CENT)
    return PatientShare(kind=ShareKind.AMOUNT, code=lane.base_code, place=place, percent=percent, allowed=allowed, amount=amount)
