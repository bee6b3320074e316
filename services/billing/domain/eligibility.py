"""Is the patient eligible, and is each service element evidenced (E1-E3, E5-E13), and may the practitioner bill?

Missing evidence is a hold, the practitioner's own "no" a denial (R20). Every function looks at the state on the date of service.
"""

from datetime import date

from services.billing.domain.attestations import AttestationKind
from services.billing.domain.case import Case, add_months, index_attestations
from services.billing.domain.ledger import Attestation, Encounter, EncounterKind
from services.billing.domain.rules import Rules


def check_eligibility(case: Case, day: date, chronic: list[str]) -> None:
    """Add a finding for each element that is missing, old or denied on `day`, in the order E1 to E13."""
    _conditions(case, day, chronic)
    if case.rules.continuing_months:
        _continuing_visit(case, day)
    _risk(case, day)
    _care_plan(case, day)
    _elements(case, day)
    _who_may_bill(case, day)


def chronic_codes(case: Case, day: date) -> list[str]:
    """Return the ICD-10-CM codes (or, lacking one, an empty text) of the chronic conditions on `day`, in claim order.

    The practitioner's own list stands (E1); else the problem list: active, not marked acute, one code per condition (R19).
    """
    said = case.standing(AttestationKind.CONDITIONS, day) if case.attested else None
    if said is not None and isinstance(said.value["codes"], tuple):
        return list(dict.fromkeys(said.value["codes"]))
    listed = []
    for condition in case.ledger.conditions:
        if not condition.active and (condition.abated is None or condition.abated < day):
            continue
        if (condition.onset or date.min) > day or (condition.abated or date.max) < day:
            continue
        code = condition.icd10 or ""
        if condition.chronic or (condition.chronic is None and code and is_chronic_code(case.rules, code)):
            listed.append((condition.onset or date.min, code or condition.condition_id, code))
    listed.sort()
    found: dict[str, str] = {}
    for _, identity, code in listed:
        found.setdefault(code[:3] or identity, code)
    return list(found.values())


def is_chronic_code(rules: Rules, code: str) -> bool:
    """Tell whether an ICD-10-CM code can name a chronic condition: it is no symptom, injury or circumstance."""
    return not code.startswith(rules.acute_prefixes)


def _conditions(case: Case, day: date, codes: list[str]) -> None:
    needed = case.rules.conditions_min
    if len(codes) >= needed:
        return
    said = case.standing(AttestationKind.CONDITIONS, day) if case.attested else None
    path = "eligibility.conditions.min"
    if said is not None:
        text = f"the practitioner names {len(codes)} chronic condition(s) and {case.program} needs {needed}"
        would = (
            "not CCM; principal care management only if the condition is complex and its own criteria, time and consent are met"
        )
        case.note("10.only_one", "E1", text, facts=(said.source,), would=would, path=path)
        return
    text = f"{len(codes)} chronic condition(s) documented and {case.program} needs {needed}"
    would = "a second chronic condition on the problem list; if there is only one, principal care management by its own criteria"
    case.note("10", "E1", text, facts=tuple(c.source for c in case.ledger.conditions), would=would, path=path)


def _risk(case: Case, day: date) -> None:
    said = case.standing(AttestationKind.RISK, day)
    if said is not None and said.role not in case.rules.billing_roles and said.by != case.practitioner:
        said = None
    if said is None:
        case.note("11", "E2", "no practitioner's statement that the conditions place the patient at significant risk")
    elif said.value.get("significant") is not True:
        case.note("11.none", "E2", "the practitioner states that there is no significant risk", facts=(said.source,))
    elif add_months(said.effective, case.rules.risk_months) < day:
        text = f"the risk statement is of {said.effective}"
        case.note("11.old", "E2", text, facts=(said.source,), subject=said.source, path="eligibility.risk.months")


def check_initiating_visit(case: Case, start: date, start_source: str) -> date | None:
    """E3, tested once at commencement with this practitioner, on `start`: a visit within the year spares an initiating visit.

    Returns the day of the initiating visit where one is needed and attested; time counts only from its end (T4, R9).
    """
    rules = case.rules
    months, last = rules.initiating_months, case.grid.last_day
    visits = [v for v in case.ledger.encounters if v.start_day <= last and _is_visit(v, rules)]
    mine = [v.start_day for v in visits if case.practitioner in v.practitioners]
    said = case.attested.get(AttestationKind.INITIATING_VISIT, ())
    attested = [a for a in said if a.value.get("practitioner") == case.practitioner]
    seen = [*mine, *(_day(a) for a in attested)] if attested else mine
    if any(day < start and add_months(day, months) >= start for day in seen):
        return None
    held = sorted(_day(a) for a in attested if a.value.get("discussed") is True and start <= _day(a) <= last)
    if held:
        return held[0]
    path = "eligibility.initiating_visit.months"
    facts = (start_source, *(v.source for v in visits))
    near = [v for v in visits if v.start_day <= start <= add_months(v.start_day, months)]
    if any(v.own_practice and v.practitioners and case.practitioner not in v.practitioners for v in near):
        text = f"within the year before {start} the patient was seen only by a colleague of the group"
        case.note("9", "E3", text, facts=facts, path=path)
        return None
    after = [day for day in mine if day >= start]
    if after:
        text = (
            f"an initiating visit was needed on {start}; that of {min(after)} serves once {case.program} is attested as discussed"
        )
    else:
        text = f"new or not seen within {months} months before {start}, and no initiating visit is on record"
    case.note(
        "8",
        "E3",
        text,
        facts=facts,
        would=f"an initiating visit by the billing practitioner at which {case.program} is discussed",
        path=path,
    )
    return None


def _continuing_visit(case: Case, day: date) -> None:
    """E3 for principal care management: one source asks for a visit each year, so a person looks at it."""
    months = case.rules.continuing_months
    mine = [v.start_day for v in case.ledger.encounters if _is_visit(v, case.rules) and case.practitioner in v.practitioners]
    mine += [_day(a) for a in case.attested.get(AttestationKind.INITIATING_VISIT, ()) if _stands(a, day)]
    seen = [visit for visit in mine if visit <= day]
    if not seen or add_months(max(seen), months) < day:
        last = f"the last one was on {max(seen)}" if seen else "none is on record"
        text = f"no visit by the billing practitioner within {months} months before {day}: {last}"
        case.note("PCM.visit", "E3", text, subject=str(max(seen, default="none")), path="pcm.eligibility.continuing_visit.months")


def _care_plan(case: Case, day: date) -> None:
    plans = [(p.dated, p.source) for p in case.ledger.care_plans if p.active and p.dated <= day]
    plans += [(_day(a), a.source) for a in case.attested.get(AttestationKind.CARE_PLAN, ()) if _day(a) <= day and _stands(a, day)]
    copies = [
        a for a in case.attested.get(AttestationKind.PLAN_COPY, ()) if _day(a) <= day and (a.until is None or day <= a.until)
    ]
    if not plans:
        case.note("12", "E5", "no comprehensive care plan is on record", subject="plan")
    elif add_months(max(plans)[0], case.rules.plan_months) < day:
        latest, source = max(plans)
        text = f"the care plan was last made or reviewed on {latest}"
        case.note("13", "E5", text, facts=(source,), subject=source, path="eligibility.plan.months")
    if not copies:
        text = "no record that the patient or a caregiver was given a copy of the plan"
        case.note("12", "E6", text, would="the copy given, with day, method and recipient", subject="copy")


def _elements(case: Case, day: date) -> None:
    """E7-E13: what the practice attests once for all its patients, or for one of them."""
    memo = case.practice.memo
    key = ("elements", case.rules.profile, case.rules.program, day)
    if key not in memo:
        shared = index_attestations(case.practice.attestations)
        memo[key] = tuple(
            (kind, rule)
            for kind, rule in case.rules.elements.items()
            if not any(_in_place(a, day) for a in shared.get(AttestationKind(kind), ()))
        )
    missing = memo[key]
    if not isinstance(missing, tuple):
        return
    for kind, rule in missing:
        if not any(_in_place(a, day) for a in case.attested.get(AttestationKind(kind), ())):
            text = f"no attestation of {kind} holds on {day}"
            case.note("14", rule, text, would=f"the practice attests {kind}", subject=kind, path="eligibility.elements")


def _who_may_bill(case: Case, day: date) -> None:
    """Physicians and the practitioners of the list, with an active credential and an NPI (A5)."""
    staff = case.practice.staff.get(case.practitioner)
    memo, key = case.practice.memo, ("may-bill", case.practitioner, case.rules.profile, day)
    if key in memo:
        return  # as for the patient before
    path = "eligibility.billing_roles"
    if staff is None and not case.practitioner:
        return
    if staff is None:
        case.note("WHO", "WHO", f"the billing practitioner {case.practitioner} is not on the roster", path=path)
        return
    licensed = any(c.credential in case.rules.billing_roles and c.verified and c.holds_on(day) for c in staff.credentials)
    if not licensed:
        text = f"{staff.name} holds no active credential of those who may bill care management"
        case.note("WHO", "WHO", text, facts=(staff.source,), path=path)
    if staff.npi is not None:
        if licensed:
            memo[key] = True
    elif not any(c.practitioner_npi for c in case.ledger.consents if c.practitioner == case.practitioner):
        case.note("A5", "A5", f"the NPI of {staff.name} is not known", facts=(staff.source,))


def _is_visit(encounter: Encounter, rules: Rules) -> bool:
    if encounter.kind is not EncounterKind.VISIT:
        return False
    return not encounter.codes or any(code not in rules.initiating_codes_excluded for code in encounter.codes)


def _day(attestation: Attestation) -> date:
    day = attestation.value["day"]
    return day if isinstance(day, date) else attestation.effective


def _stands(attestation: Attestation, day: date) -> bool:
    return attestation.until is None or day <= attestation.until


def _in_place(attestation: Attestation, day: date) -> bool:
    return attestation.value.get("given") is True and attestation.effective <= day and _stands(attestation, day)
