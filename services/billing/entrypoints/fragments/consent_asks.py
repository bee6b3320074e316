"""What billing knows that consent's pages show: the amount to say, what the payer asks, if a visit is needed (C2, C5, E3)."""

from datetime import date

from fastapi import Request, Response

from services.billing.domain.eligibility import check_initiating_visit
from services.billing.domain.findings import Severity
from services.billing.domain.ledger import ConsentFact
from services.billing.domain.renewal import SOON, renewal_due
from services.billing.entrypoints.fragments.common import (
    ChartReader,
    Row,
    answer,
    day_of,
    desk_of,
    fragment_router,
    profile_words,
    sentence,
)
from services.billing.entrypoints.fragments.patient import read_month
from services.billing.usecases.look_at_month import PatientMonth
from services.billing.usecases.patient_share import PatientShare, ShareKind, patient_share
from shared.kernel.vocabulary import StaffRole

router = fragment_router()

_SAY = {
    "en": {
        ShareKind.NOTHING: "You pay nothing for this service.",
        ShareKind.AMOUNT: "In a usual month your part would be about ${amount}, once your deductible is met.",
        ShareKind.PLAN: "Your plan may ask you to pay a part. We do not know how much; your plan can tell you.",
        ShareKind.UNKNOWN: "You may be asked to pay a part. We do not know how much yet, and can tell you before we start.",
    },
    "es": {
        ShareKind.NOTHING: "Usted no paga nada por este servicio.",
        ShareKind.AMOUNT: "En un mes normal su parte sería de unos ${amount}, una vez cubierto su deducible.",
        ShareKind.PLAN: "Es posible que su plan le cobre una parte. No sabemos cuánto; su plan se lo puede decir.",
        ShareKind.UNKNOWN: "Es posible que le cobren una parte. Todavía no sabemos cuánto; se lo diremos antes de empezar.",
    },
}
"""Our own words; drafts until a native speaker and a compliance officer have read them."""


@router.get("/cost-words")
async def cost_words(request: Request, principal: ChartReader) -> Response:
    """Show the sentence about cost to be read aloud to this patient, in the language of the script, and where it comes from."""
    desk = await desk_of(request, principal)
    month = await read_month(request, desk)
    share = patient_share(month.judgement, desk.call.world.rule_book)
    language = request.query_params.get("language", "en")
    language = language if language in _SAY else "en"
    coverage = month.judgement.payer.coverage
    payer = (coverage.payer_name or profile_words(month.assembly.profile)) if coverage else "No coverage is known"
    return answer(
        "cost_words.html",
        base=desk.base,
        language=language,
        say=_SAY[language][share.kind].replace("${amount}", f"${share.amount}"),
        why=_why(share, payer),
        rule="P4" if share.kind is ShareKind.NOTHING else "A7",
    )


def _why(share: PatientShare, payer: str) -> str:
    match share.kind:
        case ShareKind.NOTHING:
            return f"{payer}: QMB or Medicaid. The patient is never billed."
        case ShareKind.AMOUNT:
            sum_ = f"{share.percent} % of ${share.allowed} for one {share.code}, national amount"
            return f"{payer}, place of service {share.place}: {sum_}."
        case ShareKind.PLAN:
            return f"{payer}: the plan sets the patient’s part."
        case _:
            return f"{payer}, place of service {share.place}: the amount is not known."


@router.get("/consent-asks")
async def consent_asks(request: Request, principal: ChartReader) -> Response:
    """Show what the payer asks of the consent, and whether an initiating visit is needed with it; nothing if neither."""
    desk = await desk_of(request, principal)
    month = await read_month(request, desk)
    asks = [*_of_payer(month, desk.today), *_of_visit(month, desk.today)]
    return answer(
        "consent_asks.html",
        base=desk.base,
        asks=asks,
        captures=any(ask["capture"] for ask in asks) and desk.has(StaffRole.CLINICAL_STAFF, StaffRole.BILLING_PRACTITIONER),
        program=month.judgement.case.rules.program,
    )


def _of_payer(month: PatientMonth, today: date) -> list[Row]:
    """C2, C5: this payer wants consent in writing, or anew after some months; Medicare FFS asks for neither."""
    consent = month.judgement.consent.latest
    if consent is None or not month.judgement.consent.in_force:
        return []
    return [ask for ask in (_written(month, consent), _renewed(month, consent, today)) if ask is not None]


def _written(month: PatientMonth, consent: ConsentFact) -> Row | None:
    rules = month.judgement.case.rules
    severity = rules.situations["5"].severity
    if consent.method in rules.written_methods or severity not in (Severity.HOLD, Severity.REVIEW):
        return None
    return _ask(severity, "In writing", "This payer asks for consent in writing; the one in force is verbal.", "C2", capture=True)


def _renewed(month: PatientMonth, consent: ConsentFact, today: date) -> Row | None:
    case = month.judgement.case
    due, months = renewal_due(case, consent), case.rules.consent_renewal_months
    if due is None or today <= due - SOON:
        return None
    given, over = consent.given_at.astimezone(month.zone).date(), due < today
    text = f"This payer asks for a new consent after {months} months; this one is of {day_of(given)}"
    text += "." if over else f" and stands to {day_of(due)}."
    asked = case.rules.situations["6"].severity if over else None
    return _ask(asked or Severity.INFO, "Anew" if over else "Soon anew", text, "C5", capture=True)


def _of_visit(month: PatientMonth, today: date) -> list[Row]:
    """E3: what the month found of the visit; before any consent, what a consent of today would need."""
    case = month.judgement.case
    if month.judgement.consent.first is None and case.practitioner:
        check_initiating_visit(case, today, f"today/{today}")
    found = [finding for finding in case.findings if finding.rule == "E3" and finding.decided is None]
    return [_ask(found[-1].severity, "Initiating visit", sentence(found[-1].text), "E3", capture=False)] if found else []


def _ask(severity: Severity, head: str, text: str, rule: str, *, capture: bool) -> Row:
    return {"level": severity.value, "head": head, "text": text, "rule": rule, "capture": capture}
