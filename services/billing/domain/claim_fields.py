"""The claim's fields: date and place of service, diagnoses, practitioner, modifiers (A1-A6), and what a person may set."""

from datetime import date, timedelta

from services.billing.domain.attestations import AttestationKind
from services.billing.domain.case import DAY, Case
from services.billing.domain.eligibility import is_chronic_code
from services.billing.domain.ledger import EncounterKind
from services.billing.domain.payers import PayerOfMonth
from services.billing.domain.pieces import Piece, reached_at
from services.billing.domain.rules import Rules
from shared.kernel.errors import Invalid

_STAYS = (EncounterKind.INPATIENT, EncounterKind.SNF_PART_A)


class ClaimEditRefused(Invalid):
    """A person's change would make a claim that the payer's rules do not know."""

    rule = "A6"


def threshold_day(case: Case, counted: list[Piece], seconds: int) -> date:
    """Return the local day on which the counted time reached `seconds`, the threshold of the last planned unit."""
    reached = reached_at(counted, seconds)
    return case.grid.day_of(reached - timedelta(microseconds=1)) if reached is not None else case.grid.last_day


def date_of_service(case: Case, payer: PayerOfMonth, counted: list[Piece], seconds: int) -> date:
    """Return A1's day: the latest from the threshold on that is covered, alive, outside stays, models and own visits.

    `seconds` is the threshold of the last planned unit. None left: the threshold day, with a review. A month that is not over
    goes no further than the day of the decision.
    """
    ledger, grid = case.ledger, case.grid
    alive = ledger.patient.died_at is None and ledger.patient.died_on is None
    outside = all(e.end_day is not None and e.end_day < grid.first_day for e in ledger.encounters)
    plain = alive and outside and not payer.uncovered and AttestationKind.MODEL_FLAG not in case.attested
    if plain and case.at >= grid.end:
        return grid.last_day
    threshold = threshold_day(case, counted, seconds)
    last = min(grid.last_day, max(threshold, grid.day_of(case.at)))
    day = last
    while day >= threshold:
        if _possible(case, payer, day):
            if day < last and not _living_and_covered(case, payer, last):
                text = f"date of service {day}: the last day on which the patient was alive and covered"
                case.note("39", "A1", text, facts=(ledger.patient.death,))
            return day
        day -= DAY
    text = f"every day from {threshold} on has a stay, a visit or no cover: that day stands until somebody confirms it"
    case.note("A1", "A1", text, facts=tuple(e.source for e in ledger.encounters))
    return threshold


def _possible(case: Case, payer: PayerOfMonth, day: date) -> bool:
    if not _living_and_covered(case, payer, day) or barring_model(case, day):
        return False
    start, end = case.grid.bounds(day)
    for encounter in case.ledger.encounters:
        last = encounter.end_day or (date.max if encounter.kind in _STAYS else encounter.start_day)
        if not encounter.start_day <= day <= last:
            continue
        if (
            encounter.kind in _STAYS
            and (encounter.end is None or encounter.end > start)
            and (encounter.start is None or encounter.start < end)
        ):
            return False
        if encounter.kind is EncounterKind.VISIT and case.practitioner in encounter.practitioners:
            return False
    return True


def _living_and_covered(case: Case, payer: PayerOfMonth, day: date) -> bool:
    patient = case.ledger.patient
    died = patient.died_on if patient.died_at is None else case.grid.day_of(patient.died_at)
    if died is not None and day > died:
        return False
    return day in payer.days if payer.uncovered else True


def barring_model(case: Case, day: date) -> bool:
    """Tell whether a payment model bars the own organisation on a day (X25, X26)."""
    for flag in case.attested.get(AttestationKind.MODEL_FLAG, ()):
        value = flag.value
        start, end = value["start"], value.get("end")
        bars = value.get("model") in case.rules.models_barring and value.get("own_organization") is True
        if bars and isinstance(start, date) and start <= day and (not isinstance(end, date) or day <= end):
            return True
    return False


def diagnoses(case: Case, chronic: list[str]) -> tuple[str, ...]:
    """Return the claim's ICD-10-CM codes in order (A4); fewer than the minimum are a hold on the claim (row 43)."""
    rules = case.rules
    draft = case.of_month(AttestationKind.CLAIM_DIAGNOSES)
    if draft is not None and isinstance(draft.value["codes"], tuple):
        codes = tuple(dict.fromkeys(draft.value["codes"]))
        good = [code for code in codes if code in chronic or is_chronic_code(rules, code)]
    else:
        codes = tuple(code for code in chronic if code)
        good = list(codes)
    if len(good) < rules.diagnoses_min and (draft is not None or len(chronic) >= rules.conditions_min):
        text = f"the claim would carry {len(good)} chronic ICD-10-CM code(s) and needs {rules.diagnoses_min}"
        fix = "the second chronic condition of the care plan on the claim"
        case.note("43", "A4", text, facts=(draft.source,) if draft else (), would=fix, path="claim.diagnoses.min")
    return codes[: rules.diagnoses_max]


def check_claim_edit(rules: Rules, place_of_service: str | None, modifiers: tuple[str, ...]) -> None:
    """Refuse a place of service or modifier that CCM cannot carry (A3, A6); raises ClaimEditRefused naming the field."""
    if place_of_service in rules.refused_places:
        raise ClaimEditRefused(
            "CCM is not a telehealth service: the place is the practitioner's usual office",
            rule="A3",
            expression="place_of_service",
        )
    for modifier in modifiers:
        if modifier not in rules.modifiers_allowed:
            raise ClaimEditRefused(f"CCM carries no modifier {modifier}", rule="A6", expression="modifiers")
