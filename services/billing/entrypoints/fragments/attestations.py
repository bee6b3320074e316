"""What a person attests of one patient, with the facts on screen: risk, complexity and the evidence that the EHR cannot give."""

from collections.abc import Mapping
from datetime import datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

from fastapi import Request, Response

from services.billing.domain.attestations import SPECS, AttestationKind, ValueField, ValueType
from services.billing.domain.charge import Identifier
from services.billing.domain.eligibility import chronic_codes
from services.billing.domain.enrolment_record import PRACTICE_NAMES
from services.billing.domain.ledger import EncounterKind
from services.billing.domain.progress import progress_of
from services.billing.entrypoints.fragments.common import (
    LANES,
    ChartWriter,
    Desk,
    Row,
    answer,
    day_of,
    desk_of,
    fragment_router,
    person_of,
)
from services.billing.entrypoints.fragments.patient import month_named
from services.billing.usecases.look_at_month import PatientMonth, look_at_month
from services.billing.usecases.record_attestation import Statement, record_attestation
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.errors import Forbidden, Invalid, NotFound
from shared.kernel.vocabulary import CANONICAL, StaffRole
from shared.web.pages import duration_words
from shared.web.typed import FieldError, form_of

router = fragment_router("/attestations")

PAGE_SYSTEM = f"{CANONICAL}/sid/page-statement"
"""System of the identifiers of what was said on a page: a repeated press is the same statement."""

BY_STAFF = (
    AttestationKind.CARE_PLAN,
    AttestationKind.PLAN_COPY,
    AttestationKind.OTHER_SERVICE,
    AttestationKind.OTHER_PRACTICE_ENDED,
    AttestationKind.INSTITUTIONAL_STAY,
    AttestationKind.FACILITY_PAYMENT,
    AttestationKind.ABROAD,
    AttestationKind.HOSPICE,
    AttestationKind.DEATH,
    AttestationKind.DISCLOSURE,
)
"""What anybody who works with the patient may have been told; the rest is the billing practitioner's to state."""
HEADS = {
    AttestationKind.RISK: "Significant risk",
    AttestationKind.CONDITIONS: "Chronic conditions",
    AttestationKind.INITIATING_VISIT: "Initiating visit",
    AttestationKind.CARE_PLAN: "Comprehensive care plan",
    AttestationKind.PLAN_COPY: "Copy of the plan",
    AttestationKind.COMPLEXITY: "Complexity of your decisions this month",
    AttestationKind.LANE: "Whose time the month is charged for",
    AttestationKind.PRACTITIONER: "The practitioner who bills the month",
    AttestationKind.CLAIM_DIAGNOSES: "Diagnoses of the claim",
    AttestationKind.INITIATION_PLANNING: "Planning at the initiating visit",
    AttestationKind.OTHER_SERVICE: "Another service of the month",
    AttestationKind.OTHER_PRACTICE_ENDED: "Another practice has ended its service",
    AttestationKind.INSTITUTIONAL_STAY: "A stay that the chart does not show",
    AttestationKind.FACILITY_PAYMENT: "Whether the facility is paid for care management",
    AttestationKind.ABROAD: "Time outside the United States",
    AttestationKind.HOSPICE: "Hospice elected",
    AttestationKind.MODEL_FLAG: "A payment model that pays otherwise",
    AttestationKind.DEATH: "Death",
    AttestationKind.DISCLOSURE: "A point told apart from the consent",
    AttestationKind.TIME_ALLOCATION: "To which program time goes",
    AttestationKind.PLAN_RULES: "The rules of a plan",
    AttestationKind.WITHDRAWAL: "A statement taken back",
} | PRACTICE_NAMES
_SILENT = ("practitioner", "consent")
"""Fields that the page knows and nobody types: the person who bills, the latest consent."""


@router.get("/{kind}")
async def form(request: Request, kind: AttestationKind, principal: ChartWriter) -> Response:
    """Open the form of a statement, nothing preselected."""
    desk = await _writer(request, principal, kind)
    month = await _look(desk, month_named(request.query_params.get("month", "")))
    return _show(desk, kind, month, {})


@router.post("/{kind}")
async def state(request: Request, kind: AttestationKind, principal: ChartWriter) -> Response:
    """Record the statement in the person's name, or show what is missing with all that was typed."""
    desk, typed = await _writer(request, principal, kind), await form_of(request)
    month = await _look(desk, month_named(typed.get("month", "")))
    value, errors = _value(kind, typed, month, desk)
    if errors:
        return _show(desk, kind, month, typed, errors)
    spec = SPECS[kind]
    try:
        recorded = await record_attestation(
            statement=Statement(
                identifier=Identifier(system=PAGE_SYSTEM, value=typed.get("key", "")[:200] or str(uuid4())),
                kind=kind,
                patient=desk.patient,
                value=value,
                by=desk.person,
                role=StaffRole.BILLING_PRACTITIONER if desk.has(StaffRole.BILLING_PRACTITIONER) else StaffRole.CLINICAL_STAFF,
                signed_at=None,
                effective=None,
                until=None,
                month=month.month if spec.monthly else None,
            ),
            tenant_id=desk.call.principal.tenant_id,
            begin=desk.call.begin,
            author=desk.call.author,
            clock=desk.call.world.clock,
        )
    except Invalid as refused:
        return _show(desk, kind, month, typed, [FieldError("bill-value", issue.text) for issue in refused.issues])
    return answer("attested.html", seen=f"attestation/{recorded.id}@1", head=HEADS[kind])


async def _writer(request: Request, principal: ChartWriter, kind: AttestationKind) -> Desk:
    desk = await desk_of(request, principal, writes=True)
    if SPECS[kind].scope == "practice":
        raise NotFound("no such statement of a patient")
    if kind not in BY_STAFF and not desk.has(StaffRole.BILLING_PRACTITIONER):
        raise Forbidden("only the billing practitioner attests this")
    return desk


async def _look(desk: Desk, month: CalendarMonth | None) -> PatientMonth:
    return await look_at_month(
        patient=desk.patient, month=month, look=desk.call.read, rule_book=desk.call.world.rule_book, at=desk.at
    )


def _value(
    kind: AttestationKind, typed: Mapping[str, str], month: PatientMonth, desk: Desk
) -> tuple[dict[str, object], list[FieldError]]:
    """Read the typed fields by the table of statements; one error for each that is missing or unreadable."""
    value: dict[str, object] = {}
    errors: list[FieldError] = []
    for field in SPECS[kind].fields:
        text = typed.get(field.name, "")
        picked = [choice for choice in field.choices if typed.get(f"{field.name}-{choice}") == "yes"]
        if field.name == "consent":
            latest = month.judgement.consent.latest
            value[field.name] = latest.consent_id if latest else ""
        elif field.name in _SILENT:
            value[field.name] = desk.person if desk.has(StaffRole.BILLING_PRACTITIONER) else month.judgement.case.practitioner
        elif field.type is ValueType.CODES and picked:
            value[field.name] = picked
        elif text:
            value[field.name] = _read(field, text, month.zone)
        elif field.required:
            errors.append(FieldError(f"bill-{field.name}", f"Say this: {field.meaning}."))
    return value, errors


def _read(field: ValueField, text: str, zone: ZoneInfo) -> object:
    match field.type:
        case ValueType.BOOLEAN:
            return {"yes": True, "no": False}.get(text, text)
        case ValueType.COUNT:
            return int(text) if text.isdecimal() else text
        case ValueType.INSTANT:
            return _instant(text, zone)
        case ValueType.CODES:
            return [code.strip().upper() for code in text.replace(",", " ").split() if code.strip()]
        case _:
            return text


def _instant(text: str, zone: ZoneInfo) -> str:
    """Read day and time as a field of the browser sends them, in the practice's zone; what is none is left for the check."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone).isoformat()
    except ValueError:
        return text


def _show(
    desk: Desk, kind: AttestationKind, month: PatientMonth, typed: Mapping[str, str], errors: list[FieldError] | None = None
) -> Response:
    spec = SPECS[kind]
    return answer(
        "attest_form.html",
        status=422 if errors else 200,
        base=desk.base,
        kind=kind.value,
        head=HEADS[kind],
        meaning=spec.meaning,
        rule=spec.rule,
        month=str(month.month),
        monthly=spec.monthly,
        title=f"{month.month.first_day:%B %Y}",
        who=person_of(month.practice, desk.person),
        key=typed.get("key") or str(uuid4()),
        fields=[_field(field, typed) for field in spec.fields if field.name not in _SILENT],
        facts=_facts(month),
        errors=errors or [],
        today=desk.today.isoformat(),
    )


_INPUTS = {ValueType.DAY: "date", ValueType.INSTANT: "datetime-local"}


def _field(field: ValueField, typed: Mapping[str, str]) -> Row:
    words = {choice: _choice(choice) for choice in field.choices}
    if field.type is ValueType.BOOLEAN:
        words = {"yes": "Yes", "no": "No"}
    return {
        "id": f"bill-{field.name}",
        "name": field.name,
        "meaning": field.meaning[:1].upper() + field.meaning[1:],
        "required": field.required,
        "type": _INPUTS.get(field.type, "text"),
        "many": field.type is ValueType.CODES,
        "choices": list(words.items()),
        "typed": typed.get(field.name, ""),
        "picked": [choice for choice in field.choices if typed.get(f"{field.name}-{choice}") == "yes"],
    }


def _choice(choice: str) -> str:
    words = {lane.value: words for lane, words in LANES.items()} | {"snf-part-a": "Skilled nursing, Part A"}
    return words.get(choice, choice.replace("-", " ").capitalize())


def _facts(month: PatientMonth) -> list[tuple[str, str]]:
    """Return what the person should have before their eyes when they attest."""
    case = month.judgement.case
    day = month.judgement.day or min(case.grid.last_day, case.grid.day_of(month.at))
    seen = [visit for visit in case.ledger.encounters if visit.kind is EncounterKind.VISIT]
    visits = [visit.start_day for visit in seen if visit.start_day <= day]
    plans = [plan.dated for plan in case.ledger.care_plans if plan.active]
    return [
        ("Chronic conditions", ", ".join(code for code in chronic_codes(case, day) if code) or "none documented"),
        ("Counted this month", duration_words(progress_of(month.judgement).seconds)),
        ("Last visit", day_of(max(visits)) if visits else "not known"),
        ("Care plan", day_of(max(plans)) if plans else "none in the EHR"),
    ]
