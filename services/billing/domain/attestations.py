"""What a person may attest, in one table: the HTTP schema, its check and the engine's reading all come from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from shared.kernel.errors import Invalid, Issue
from shared.kernel.vocabulary import DisclosureCode, Lane, Program


class AttestationKind(StrEnum):
    """The statements that the engine understands."""

    __hash__ = str.__hash__  # an Enum hashes in Python, and the engine looks kinds up dozens of times a month

    RISK = "risk"
    CONDITIONS = "conditions"
    INITIATING_VISIT = "initiating-visit"
    CARE_PLAN = "care-plan"
    PLAN_COPY = "plan-copy"
    PLAN_SHARING = "plan-sharing"
    ACCESS_24_7 = "access-24-7"
    CONTINUITY = "continuity"
    CERTIFIED_EHR = "certified-ehr"
    TRANSITIONS = "transitions"
    COMMUNITY_COORDINATION = "community-coordination"
    ENHANCED_COMMUNICATION = "enhanced-communication"
    COMPLEXITY = "complexity"
    LANE = "lane"
    PRACTITIONER = "practitioner"
    TIME_ALLOCATION = "time-allocation"
    OTHER_PRACTICE_ENDED = "other-practice-ended"
    OTHER_SERVICE = "other-service"
    FACILITY_PAYMENT = "facility-payment"
    ABROAD = "abroad"
    MODEL_FLAG = "model-flag"
    HOSPICE = "hospice"
    CLAIM_DIAGNOSES = "claim-diagnoses"
    INITIATION_PLANNING = "initiation-planning"
    INSTITUTIONAL_STAY = "institutional-stay"
    DEATH = "death"
    DISCLOSURE = "disclosure"
    PLAN_RULES = "plan-rules"
    WITHDRAWAL = "withdrawal"


class ValueType(StrEnum):
    """The JSON type of a field of an attestation's value; days and instants are ISO 8601 strings on the wire."""

    BOOLEAN = "boolean"
    TEXT = "string"
    DAY = "date"
    INSTANT = "date-time"
    COUNT = "integer"
    CODES = "array"


@dataclass(frozen=True, slots=True)
class ValueField:
    """A field of an attestation's value."""

    name: str
    type: ValueType
    meaning: str
    required: bool = True
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AttestationSpec:
    """What a kind of attestation says: its rule, whether the practice or one patient or either, one month only, and its value.

    `preview` names the field of a preview's body that holds this fact in place of an attestation.
    """

    rule: str
    meaning: str
    scope: str
    fields: tuple[ValueField, ...] = ()
    monthly: bool = False
    preview: str = ""


STAYS = ("inpatient", "snf-part-a", "nursing-facility", "observation", "emergency")
PLAN_RULES_LIKE = ("ffs_like", "commercial_strict")
PLAN_VERDICTS: Mapping[str, str] = {"allowed": "i", "review": "R", "held": "H"}
"""What a plan says of another service beside care management → the letter of the severity table."""

_GIVEN = ValueField("given", ValueType.BOOLEAN, "yes or no")
_FROM = ValueField("start", ValueType.DAY, "first day")
_TO = ValueField("end", ValueType.DAY, "last day, absent while it lasts", required=False)


def _element(rule: str, meaning: str) -> AttestationSpec:
    return AttestationSpec(rule, meaning, "either", (ValueField("given", ValueType.BOOLEAN, "in place: yes or no"),))


K, F, T = AttestationKind, ValueField, ValueType
SPECS: Mapping[AttestationKind, AttestationSpec] = {
    K.RISK: AttestationSpec(
        "E2",
        "the conditions place the patient at significant risk of death, acute worsening or functional decline",
        "patient",
        (F("significant", T.BOOLEAN, "the practitioner's judgement"),),
    ),
    K.CONDITIONS: AttestationSpec(
        "E1",
        "the conditions expected to last 12 months or until death, in claim order; fewer than two says that there is only one",
        "patient",
        (F("codes", T.CODES, "ICD-10-CM codes"),),
    ),
    K.INITIATING_VISIT: AttestationSpec(
        "E3",
        "a qualifying visit by the billing practitioner, and whether CCM was discussed at it",
        "patient",
        (
            F("day", T.DAY, "day of the visit"),
            F("practitioner", T.TEXT, "who saw the patient"),
            F("discussed", T.BOOLEAN, "CCM was discussed"),
        ),
    ),
    K.CARE_PLAN: AttestationSpec(
        "E5", "a comprehensive care plan exists outside the EHR's CarePlan", "patient", (F("day", T.DAY, "made or reviewed on"),)
    ),
    K.PLAN_COPY: AttestationSpec(
        "E6",
        "the patient or caregiver was given a copy of the plan",
        "patient",
        (
            F("day", T.DAY, "given on"),
            F("method", T.TEXT, "how", required=False),
            F("recipient", T.TEXT, "to whom", required=False),
        ),
    ),
    K.PLAN_SHARING: _element("E7", "the plan is available in time inside and outside the practice"),
    K.ACCESS_24_7: _element("E8", "patients reach a clinician at any hour for urgent needs"),
    K.CONTINUITY: _element("E9", "a designated member of the care team and successive routine appointments"),
    K.CERTIFIED_EHR: _element("E10", "structured recording with certified EHR technology"),
    K.TRANSITIONS: _element("E11", "care transitions are managed"),
    K.COMMUNITY_COORDINATION: _element("E12", "home and community services are coordinated and documented"),
    K.ENHANCED_COMMUNICATION: _element("E13", "patients can reach the practice by phone and secure message"),
    K.COMPLEXITY: AttestationSpec(
        "E14",
        "the billing practitioner's medical decision making of this month, signed within it",
        "patient",
        (F("level", T.TEXT, "level", choices=("straightforward", "low", "moderate", "high")),),
        monthly=True,
    ),
    K.LANE: AttestationSpec(
        "L1",
        "whose time the month is charged for",
        "patient",
        (F("lane", T.TEXT, "lane", choices=tuple(Lane)),),
        monthly=True,
    ),
    K.PRACTITIONER: AttestationSpec(
        "X1", "which practitioner bills the month", "patient", (F("practitioner", T.TEXT, "EHR Practitioner id"),), monthly=True
    ),
    K.TIME_ALLOCATION: AttestationSpec(
        "T6",
        "to which program the seconds of an entry go that two programs claim; what one does not get is the other's",
        "patient",
        (
            F("entry", T.TEXT, "id of the month's own time entry whose seconds another program claims too"),
            F("program", T.TEXT, "program that gets the seconds", choices=tuple(Program)),
            F("seconds", T.COUNT, "how many, from the first contested second on; absent: all", required=False),
        ),
        monthly=True,
    ),
    K.OTHER_PRACTICE_ENDED: AttestationSpec(
        "X1", "the other practice no longer furnishes care management", "patient", (F("day", T.DAY, "since"),)
    ),
    K.OTHER_SERVICE: AttestationSpec(
        "X0",
        "a service billed beside CCM, by somebody else or by us outside Careledger; it becomes an OtherService of the ledger",
        "patient",
        (
            F("code", T.TEXT, "code number"),
            F("day", T.DAY, "date of service"),
            F("npi", T.TEXT, "who billed it", required=False),
            F("tin", T.TEXT, "for which practice", required=False),
            F("status", T.TEXT, "what is known", required=False, choices=("paid", "claimed", "planned", "unknown")),
            F("window_start", T.DAY, "first day of the window that it covers", required=False),
            F("window_end", T.DAY, "last day of it", required=False),
            F("source", T.TEXT, "from where it is known: the patient, an eligibility answer, a claim", required=False),
        ),
        preview="other_services",
    ),
    K.FACILITY_PAYMENT: AttestationSpec(
        "T20",
        "whether the facility in which the patient lives is paid for care management",
        "patient",
        (F("paid", T.BOOLEAN, "it is paid"),),
    ),
    K.ABROAD: AttestationSpec(
        "T13",
        "the patient was outside the United States and its territories",
        "patient",
        (F("start", T.INSTANT, "left"), F("end", T.INSTANT, "came back", required=False)),
    ),
    K.MODEL_FLAG: AttestationSpec(
        "X25",
        "the patient is aligned to a payment model that pays care management otherwise",
        "patient",
        (
            F("model", T.TEXT, "access, guide or the name of another"),
            F("own_organization", T.BOOLEAN, "aligned to this organisation", required=False),
            _FROM,
            _TO,
        ),
    ),
    K.HOSPICE: AttestationSpec("X24", "the patient has elected hospice", "patient", (_FROM, _TO)),
    K.CLAIM_DIAGNOSES: AttestationSpec(
        "A4", "the diagnoses of the draft claim, in order", "patient", (F("codes", T.CODES, "ICD-10-CM codes"),), monthly=True
    ),
    K.INITIATION_PLANNING: AttestationSpec(
        "X19",
        "planning by the billing practitioner beyond the usual effort of the initiating visit, once at initiation",
        "patient",
        (F("visit_day", T.DAY, "day of the initiating visit"), F("practitioner", T.TEXT, "who did it")),
    ),
    K.INSTITUTIONAL_STAY: AttestationSpec(
        "T19",
        "a stay in an institution that the EHR does not show; an hour that is not stated is not known",
        "patient",
        (
            F("stay", T.TEXT, "what kind of stay", choices=STAYS),
            F("start_day", T.DAY, "day of admission"),
            F("end_day", T.DAY, "day of discharge, absent while it lasts", required=False),
            F("start", T.INSTANT, "hour of admission", required=False),
            F("end", T.INSTANT, "hour of discharge", required=False),
        ),
    ),
    K.DEATH: AttestationSpec(
        "T22",
        "the patient's death; where the chart says one too, the earlier day stands, and of one day whoever knows the hour",
        "patient",
        (F("day", T.DAY, "day of death"), F("at", T.INSTANT, "its hour", required=False)),
    ),
    K.DISCLOSURE: AttestationSpec(
        "C1",
        "what the patient was told that the consent does not record: from that instant on the consent is taken with it",
        "patient",
        (
            F("consent", T.TEXT, "Consent id"),
            F("codes", T.CODES, "what was told", choices=tuple(DisclosureCode)),
            F("told_at", T.INSTANT, "when it was told; not after consent was given: the consent had it from the start"),
        ),
    ),
    K.PLAN_RULES: AttestationSpec(
        "PAYER",
        "the rules of a plan or payer, once for all its patients: those of a known profile, and where its switches differ",
        "practice",
        (
            F("plan", T.TEXT, "the plan, else the payer, as coverages name it"),
            F("like", T.TEXT, "whose rules it follows", choices=PLAN_RULES_LIKE),
            F("evidence", T.TEXT, "the policy, letter or call that says so, with its date"),
            F("name", T.TEXT, "what people call it", required=False),
            F("covers", T.BOOLEAN, "it pays for care management", required=False),
            F("transitional_care", T.TEXT, "charged beside it", required=False, choices=tuple(PLAN_VERDICTS)),
            F("remote_monitoring", T.TEXT, "charged beside it", required=False, choices=tuple(PLAN_VERDICTS)),
            F("written_consent", T.BOOLEAN, "consent must be written", required=False),
            F("consent_renewal_months", T.COUNT, "months after which consent is renewed; 0: never", required=False),
            F("diagnoses_min", T.COUNT, "chronic diagnoses that the claim needs", required=False),
        ),
        preview="practice.plans",
    ),
    K.WITHDRAWAL: AttestationSpec(
        "P5",
        "an earlier attestation was a mistake: months are decided as if it had not been made",
        "either",
        (F("attestation", T.TEXT, "attestation id"), F("reason", T.TEXT, "why")),
    ),
}


def parse_value(kind: AttestationKind, raw: Mapping[str, object]) -> Mapping[str, object]:
    """Check the JSON value of an attestation against the table and return it typed (days, instants, tuples of codes).

    Raises Invalid naming each field that is missing, unknown or of the wrong kind.
    """
    spec = SPECS[kind]
    issues = [Issue(spec.rule, f"{kind} has no field {name!r}", f"value.{name}") for name in raw if name not in _names(spec)]
    value: dict[str, object] = {}
    for field in spec.fields:
        given = raw.get(field.name)
        if given is None:
            if field.required:
                issues.append(Issue(spec.rule, f"{kind} needs {field.name}: {field.meaning}", f"value.{field.name}"))
            continue
        try:
            value[field.name] = _typed(field, given)
        except (ValueError, TypeError) as error:
            issues.append(Issue(spec.rule, str(error), f"value.{field.name}"))
    for first, last in (("start", "end"), ("start_day", "end_day"), ("window_start", "window_end")):
        start, end = value.get(first), value.get(last)
        if start is not None and end is not None and end < start:  # type: ignore[operator]
            issues.append(Issue(spec.rule, "the end lies before the start", f"value.{last}"))
    if issues:
        raise Invalid(f"the value of {kind} is not valid", issues=tuple(issues))
    return value


def _names(spec: AttestationSpec) -> set[str]:
    return {field.name for field in spec.fields}


def _typed(field: ValueField, given: object) -> object:
    match field.type:
        case T.BOOLEAN if isinstance(given, bool):
            return given
        case T.COUNT if isinstance(given, int) and not isinstance(given, bool) and given >= 0:
            return given
        case T.DAY if isinstance(given, str):
            return date.fromisoformat(given)
        case T.INSTANT if isinstance(given, str):
            at = datetime.fromisoformat(given)
            if at.tzinfo is None:
                raise ValueError(f"{field.name} needs a zone")
            return at
        case T.CODES if isinstance(given, list | tuple) and all(isinstance(code, str) and code for code in given):
            unknown = [code for code in given if field.choices and code not in field.choices]
            if not unknown:
                return tuple(given)
        case T.TEXT if isinstance(given, str) and given and (not field.choices or given in field.choices):
            return given
    wanted = " or ".join(field.choices) or field.type.value
    raise ValueError(f"{field.name} must be {wanted}")
