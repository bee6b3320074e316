"""The enrolment record: each element that CCM asks for (E1-E13), with its evidence and the evidence's day."""

from dataclasses import dataclass
from datetime import date

from services.billing.domain.attestations import SPECS, AttestationKind
from services.billing.domain.case import Case
from services.billing.domain.eligibility import chronic_codes
from services.billing.domain.findings import Finding, Severity
from services.billing.domain.judgement import Judgement
from services.billing.domain.lanes import signed_complexity
from services.billing.domain.ledger import Attestation, EncounterKind

_RANK = {Severity.INFO: 0, Severity.REVIEW: 1, Severity.HOLD: 2, Severity.DENY: 3}
_OF_PRACTICE = (
    AttestationKind.PLAN_SHARING,
    AttestationKind.ACCESS_24_7,
    AttestationKind.CONTINUITY,
    AttestationKind.CERTIFIED_EHR,
    AttestationKind.TRANSITIONS,
    AttestationKind.COMMUNITY_COORDINATION,
    AttestationKind.ENHANCED_COMMUNICATION,
)


@dataclass(frozen=True, slots=True)
class Element:
    """One element: `finding` is what is wrong with it, None if nothing; `said` its evidence, dated `on`, by whom.

    `attest` is the statement that a person may make here to provide it.
    """

    rule: str
    name: str
    finding: Finding | None
    said: str = ""
    on: date | None = None
    by: str = ""
    attest: AttestationKind | None = None


def enrolment_record(judgement: Judgement) -> list[Element]:
    """Return the elements in the order E1 to E14, as they stand on the day on which the month is looked at."""
    case, day = judgement.case, judgement.day or min(judgement.case.grid.last_day, judgement.case.grid.day_of(judgement.case.at))
    found = {"E1": _conditions(case, day), "E2": _risk(case, day), "E3": _visit(case, day)}
    found |= {"E5": _plan(case, day), "E6": _copy(case, day)}
    findings = _worst(case.findings)
    elements = [
        Element(rule, _NAMES[rule], findings.get(rule), said, on, by, _ATTESTED[rule]) for rule, (said, on, by) in found.items()
    ]
    elements += [_of_practice(case, kind, day, findings) for kind in _OF_PRACTICE]
    return [*elements, _complexity(case)]


_NAMES = {
    "E1": "Two or more chronic conditions",
    "E2": "Significant risk",
    "E3": "Initiating visit",
    "E5": "Comprehensive care plan",
    "E6": "Copy of the plan given",
}
_ATTESTED = {
    "E1": AttestationKind.CONDITIONS,
    "E2": AttestationKind.RISK,
    "E3": AttestationKind.INITIATING_VISIT,
    "E5": AttestationKind.CARE_PLAN,
    "E6": AttestationKind.PLAN_COPY,
}
PRACTICE_NAMES = {
    AttestationKind.PLAN_SHARING: "Plan shared in time",
    AttestationKind.ACCESS_24_7: "Clinician reachable at any hour",
    AttestationKind.CONTINUITY: "A designated team member",
    AttestationKind.CERTIFIED_EHR: "Certified EHR",
    AttestationKind.TRANSITIONS: "Care transitions managed",
    AttestationKind.COMMUNITY_COORDINATION: "Community services coordinated",
    AttestationKind.ENHANCED_COMMUNICATION: "Phone and secure message",
}
_Evidence = tuple[str, date | None, str]


def _worst(findings: list[Finding]) -> dict[str, Finding]:
    worst: dict[str, Finding] = {}
    for finding in findings:
        held = worst.get(finding.rule)
        if held is None or _RANK[finding.severity] > _RANK[held.severity]:
            worst[finding.rule] = finding
    return worst


def _conditions(case: Case, day: date) -> _Evidence:
    codes = [code for code in chronic_codes(case, day) if code]
    said = case.standing(AttestationKind.CONDITIONS, day)
    if said is not None:
        return f"{', '.join(codes)}, by the practitioner", said.effective, said.by
    return f"{', '.join(codes)}, from the problem list" if codes else "", None, ""


def _risk(case: Case, day: date) -> _Evidence:
    said = case.standing(AttestationKind.RISK, day)
    if said is None:
        return "", None, ""
    return "Stated" if said.value.get("significant") is True else "Stated: no significant risk", said.effective, said.by


def _visit(case: Case, day: date) -> _Evidence:
    visits = case.attested.get(AttestationKind.INITIATING_VISIT, ())
    said = [a for a in visits if a.value.get("practitioner") == case.practitioner]
    if said:
        latest = max(said, key=_said_on)
        discussed = "CCM discussed" if latest.value.get("discussed") is True else "CCM not discussed"
        return f"Visit attested, {discussed}", _said_on(latest), latest.by
    seen = [
        visit.start_day
        for visit in case.ledger.encounters
        if visit.kind is EncounterKind.VISIT and case.practitioner in visit.practitioners and visit.start_day <= day
    ]
    return ("Seen by the practitioner", max(seen), "") if seen else ("", None, "")


def _plan(case: Case, day: date) -> _Evidence:
    plans = [(plan.dated, "In the EHR") for plan in case.ledger.care_plans if plan.active and plan.dated <= day]
    plans += [(_said_on(a), "Attested") for a in case.attested.get(AttestationKind.CARE_PLAN, ()) if _said_on(a) <= day]
    return (max(plans)[1], max(plans)[0], "") if plans else ("", None, "")


def _copy(case: Case, day: date) -> _Evidence:
    given = [a for a in case.attested.get(AttestationKind.PLAN_COPY, ()) if _said_on(a) <= day]
    if not given:
        return "", None, ""
    latest = max(given, key=_said_on)
    how = ", ".join(str(latest.value[key]) for key in ("method", "recipient") if latest.value.get(key))
    return f"Given: {how}" if how else "Given", _said_on(latest), latest.by


def _of_practice(case: Case, kind: AttestationKind, day: date, findings: dict[str, Finding]) -> Element:
    rule = SPECS[kind].rule
    holding = [
        a
        for a in (*case.practice.attestations, *case.attested.get(kind, ()))
        if a.kind is kind and a.value.get("given") is True and a.effective <= day and (a.until is None or day <= a.until)
    ]
    latest = max(holding, key=lambda a: a.effective, default=None)
    if latest is None:
        return Element(rule, PRACTICE_NAMES[kind], findings.get(rule))
    return Element(rule, PRACTICE_NAMES[kind], findings.get(rule), "In place", latest.effective, latest.by)


def _complexity(case: Case) -> Element:
    """E14 asks for nothing: it opens the complex lane, and only the billing practitioner can."""
    signed = signed_complexity(case)
    said = case.of_month(AttestationKind.COMPLEXITY)
    name, kind = "Complexity of decisions", AttestationKind.COMPLEXITY
    if said is None:
        return Element("E14", name, None, "Not attested this month", None, "", kind)
    level = str(said.value.get("level", "")).capitalize()
    text = level if signed is not None else f"{level}: does not open the complex lane"
    return Element("E14", name, None, text, case.grid.day_of(said.signed_at), said.by, kind)


def _said_on(attestation: Attestation) -> date:
    day = attestation.value.get("day")
    return day if isinstance(day, date) else attestation.effective
