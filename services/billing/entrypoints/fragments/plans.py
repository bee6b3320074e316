"""The rules of plans: which are not set, and the one answer that sets them for all patients of a plan (findings.md 1, P1)."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import uuid4

from fastapi import Request, Response

from services.billing.domain.attestations import PLAN_RULES_LIKE, SPECS, AttestationKind, ValueField, ValueType
from services.billing.domain.charge import Identifier
from services.billing.domain.ledger import Attestation, Practice
from services.billing.entrypoints.fragments.attestations import PAGE_SYSTEM
from services.billing.entrypoints.fragments.common import (
    Desk,
    Row,
    age_of,
    answer,
    day_of,
    fragment_router,
    person_of,
    profile_words,
)
from services.billing.entrypoints.fragments.decisions import decide_again
from services.billing.entrypoints.fragments.lines import csv_answer, money
from services.billing.entrypoints.fragments.practice import DeskReader, Stater, month_of, month_title, practice_desk
from services.billing.usecases.list_ports import EVERY, Tally, Want
from services.billing.usecases.record_attestation import Statement, record_attestation
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.errors import Invalid, NotFound
from shared.kernel.vocabulary import StaffRole
from shared.web.typed import FieldError, form_of
from shared.web.typed import day_of as read_day

router = fragment_router("/plans")

_KIND = AttestationKind.PLAN_RULES
_LIKE = {
    "ffs_like": "As Medicare FFS: nothing differs but what you state below",
    "commercial_strict": "Strict commercial edits: transitional care excludes it, remote monitoring is held, consent is written"
    " and renewed each year",
}
_VERDICTS = {"allowed": "May be billed beside it", "review": "A person decides", "held": "Holds the charge"}
_LABELS = {
    "covers": "Does it pay for care management?",
    "transitional_care": "Transitional care in the same 30 days",
    "remote_monitoring": "Remote monitoring in the same month",
    "written_consent": "Must consent be written?",
    "consent_renewal_months": "Months after which consent is renewed (0: never)",
    "diagnoses_min": "Chronic diagnoses that a claim needs",
}
_NEVER_TYPED = ("plan", "like", "evidence", "name")
_AT_ONCE = 500
_SHORT_ID = 20
"""An id of the EHR tells nobody anything; a plan's number does."""


@router.get("")
async def plans(request: Request, principal: DeskReader) -> Response:
    """Show the plans whose rules are not set, with what waits for them, and those that are."""
    desk = await practice_desk(request, principal)
    return await _show(desk, await month_of(request, desk))


@router.get(".csv")
async def as_file(request: Request, principal: DeskReader) -> Response:
    """Answer with both lists as a file."""
    desk = await practice_desk(request, principal)
    month = await month_of(request, desk)
    waiting, answered = await _both(desk, month)
    rows = [(one["plan"], one["payer"], "not set", "", "", "", "", one["patients"], one["amount"]) for one in waiting]
    rows += [
        (one["plan"], one["payer"], one["rules"], one["differs"], one["evidence"], one["by"], one["on"], "", "")
        for one in answered
    ]
    head = ("plan", "payer", "rules", "what differs", "evidence", "answered by", "from", "patients on hold", "at risk")
    return csv_answer(f"plans-{month}.csv", head, rows)


@router.get("/answer")
async def form(request: Request, principal: Stater) -> Response:
    """Open the form for one plan, nothing preselected."""
    desk = await practice_desk(request, principal, writes=True)
    month = await month_of(request, desk)
    known = await _known(desk, month, request.query_params.get("plan", "")[:200])
    return await _form(desk, month, known, {"from": month.first_day.isoformat()})


@router.post("/answer")
async def state(request: Request, principal: Stater) -> Response:
    """Record the answer in the person's name, and decide the month anew for all patients of the plan."""
    desk, typed = await practice_desk(request, principal, writes=True), await form_of(request)
    month, plan = await month_of(request, desk), typed.get("plan", "")[:200]
    value, since, errors = _read(plan, typed, desk.today)
    known = await _known(desk, month, plan)
    if errors:
        return await _form(desk, month, known, typed, errors)
    waiting = await _patients(desk, month, plan)
    try:
        await record_attestation(
            statement=Statement(
                identifier=Identifier(system=PAGE_SYSTEM, value=typed.get("key", "")[:200] or str(uuid4())),
                kind=_KIND,
                patient=None,
                value=value | {"name": known["payer"]},
                by=desk.person,
                role=StaffRole.PROGRAM_LEAD if desk.has(StaffRole.PROGRAM_LEAD) else StaffRole.BILLING_PRACTITIONER,
                signed_at=None,
                effective=since,
                until=None,
                month=None,
            ),
            tenant_id=desk.call.principal.tenant_id,
            begin=desk.call.begin,
            author=desk.call.author,
            clock=desk.call.world.clock,
        )
    except Invalid as refused:
        errors = [FieldError("", issue.text) for issue in refused.issues] or [FieldError("", str(refused))]
        return await _form(desk, month, known, typed, errors)
    for first in range(0, len(waiting), _AT_ONCE):
        await decide_again(desk, month, waiting[first : first + _AT_ONCE])
    left = len(await _patients(desk, month, plan))
    return await _show(desk, month, done={"plan": plan, "freed": len(waiting) - left, "left": left})


async def _patients(desk: Desk, month: CalendarMonth, plan: str) -> list[str]:
    async with desk.call.read() as uow:
        return [line.patient for line in await uow.lists.rows(month, Want(lists=("plan",), plan=plan), count=EVERY)]


def _read(plan: str, typed: Mapping[str, str], today: date) -> tuple[dict[str, object], date | None, list[FieldError]]:
    """Read the form: whose rules, where they differ, from which day on, by which evidence."""
    errors: list[FieldError] = []
    if typed.get("like") not in PLAN_RULES_LIKE:
        errors.append(FieldError("bill-like", "Choose whose rules the plan follows."))
    if not typed.get("evidence", "").strip():
        errors.append(FieldError("bill-evidence", "Name the policy, letter or call that says so."))
    since = read_day(typed.get("from", ""))
    if since is None or since > today:
        errors.append(FieldError("bill-from", "Give the day from which it holds, today at the latest."))
    value: dict[str, object] = {"plan": plan, "like": typed.get("like", ""), "evidence": typed.get("evidence", "").strip()}
    for field in _differing():
        text = typed.get(field.name, "").strip()
        if not text:
            continue
        if field.type is ValueType.COUNT and not (text.isdecimal() and len(text) < 4):
            errors.append(FieldError(f"bill-{field.name}", "Give a whole number."))
            continue
        value[field.name] = _typed(field, text)
    return value, since, errors


def _typed(field: ValueField, text: str) -> object:
    if field.type is ValueType.BOOLEAN:
        return {"yes": True, "no": False}.get(text, text)
    return int(text) if field.type is ValueType.COUNT else text


def _differing() -> list[ValueField]:
    return [field for field in SPECS[_KIND].fields if field.name not in _NEVER_TYPED]


async def _known(desk: Desk, month: CalendarMonth, plan: str) -> Row:
    waiting, answered = await _both(desk, month)
    known = next((one for one in (*waiting, *answered) if one["plan"] == plan), None)
    if known is None:
        raise NotFound("no coverage of a patient names this plan")
    return known


async def _form(
    desk: Desk, month: CalendarMonth, known: Row, typed: Mapping[str, str], errors: list[FieldError] | None = None
) -> Response:
    return answer(
        "plan_form.html",
        status=422 if errors else 200,
        base=desk.base,
        month=str(month),
        known=known,
        key=typed.get("key") or str(uuid4()),
        likes=[(name, _LIKE.get(name, profile_words(name))) for name in PLAN_RULES_LIKE],
        fields=[_field(field) for field in _differing()],
        typed=dict(typed),
        today=desk.today.isoformat(),
        who=person_of(await _practice(desk, month), desk.person),
        errors=errors or [],
    )


def _field(field: ValueField) -> Row:
    choices = {ValueType.BOOLEAN: {"yes": "Yes", "no": "No"}, ValueType.TEXT: {k: _VERDICTS[k] for k in field.choices}}
    return {
        "id": f"bill-{field.name}",
        "name": field.name,
        "label": _LABELS.get(field.name, field.meaning[:1].upper() + field.meaning[1:]),
        "choices": list(choices.get(field.type, {}).items()),
    }


async def _show(desk: Desk, month: CalendarMonth, *, done: Row | None = None) -> Response:
    waiting, answered = await _both(desk, month)
    return answer(
        "plans.html",
        base=desk.base,
        month=str(month),
        title=month_title(month),
        waiting=waiting,
        answered=answered,
        states=desk.has(StaffRole.PROGRAM_LEAD, StaffRole.BILLING_PRACTITIONER) and bool(desk.person),
        done=done,
    )


async def _practice(desk: Desk, month: CalendarMonth) -> Practice:
    async with desk.call.read() as uow:
        return await uow.ledger.practice(month)


async def _both(desk: Desk, month: CalendarMonth) -> tuple[list[Row], list[Row]]:
    """Return the plans that hold something, and those that somebody answered or the practice's settings name."""
    async with desk.call.read() as uow:
        held = await uow.lists.tally([month], Want(lists=("plan",)), by="plan")
        practice = await uow.ledger.practice(month)
    waiting = [plan_row(one) for one in held]
    answered = [_answered(desk, practice, said) for said in _standing(practice, month)]
    stated = {row["plan"] for row in answered}
    settings = practice.tenant_in(month).plans
    answered += [_of_settings(plan, profile) for plan, profile in sorted(settings.items()) if plan not in stated]
    return waiting, answered


def plan_row(tally: Tally) -> Row:
    """Return a plan whose rules are not set, with what waits for them."""
    return {
        "plan": tally.key,
        "payer": tally.name or tally.key,
        "number": tally.key if tally.key != tally.name and len(tally.key) <= _SHORT_ID else "",
        "patients": tally.patients,
        "amount": money(tally.at_risk),
    }


def _standing(practice: Practice, month: CalendarMonth) -> list[Attestation]:
    """Return the latest answer of each plan that holds at the month's end."""
    latest: dict[str, Attestation] = {}
    holding = [a for a in practice.attestations if a.kind is _KIND and a.effective <= month.last_day]
    for said in sorted(holding, key=lambda one: (one.effective, one.signed_at)):
        if said.until is None or month.last_day <= said.until:
            latest[str(said.value["plan"])] = said
    return [latest[plan] for plan in sorted(latest)]


def _answered(desk: Desk, practice: Practice, said: Attestation) -> Row:
    plan, value = str(said.value["plan"]), said.value
    return {
        "plan": plan,
        "payer": str(value.get("name", plan)),
        "rules": profile_words(str(value["like"])),
        "differs": "; ".join(f"{_LABELS[f.name].rstrip('?')}: {_said(value[f.name])}" for f in _differing() if f.name in value),
        "evidence": str(value["evidence"]),
        "by": person_of(practice, said.by),
        "on": day_of(said.effective),
        "age": age_of(said.effective, desk.today),
        "patients": 0,
        "amount": "",
        "settings": False,
    }


def _of_settings(plan: str, profile: str) -> Row:
    return {
        "plan": plan,
        "payer": plan,
        "rules": profile_words(profile),
        "differs": "",
        "evidence": "The practice’s settings",
        "by": "",
        "on": "",
        "age": "",
        "patients": 0,
        "amount": "",
        "settings": True,
    }


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _VERDICTS.get(str(value), str(value)).lower()
