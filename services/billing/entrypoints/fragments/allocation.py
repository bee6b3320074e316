"""A minute that two programs claim: say to which it goes (T6). From the chart's entries, and from a patient-month at the desk."""

from collections.abc import Mapping
from uuid import uuid4

from fastapi import Request, Response

from services.billing.domain.attestations import AttestationKind
from services.billing.domain.charge import Identifier
from services.billing.entrypoints.fragments.attestations import PAGE_SYSTEM
from services.billing.entrypoints.fragments.charge import read_month_name, show_charge
from services.billing.entrypoints.fragments.common import (
    ChartWriter,
    Desk,
    answer,
    desk_of,
    fragment_router,
    performer_words,
    weekday_of,
)
from services.billing.entrypoints.fragments.decisions import decide_again
from services.billing.entrypoints.fragments.patient import contested_seconds, month_named
from services.billing.entrypoints.fragments.practice import DeskActor, practice_desk
from services.billing.usecases.look_at_month import PatientMonth, look_at_month
from services.billing.usecases.record_attestation import Statement, record_attestation
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.errors import NotFound
from shared.kernel.vocabulary import StaffRole
from shared.web.typed import FieldError, form_of, minutes_of
from shared.web.words import activity_words, program_words

router = fragment_router()

_ROLES = (StaffRole.BILLING_PRACTITIONER, StaffRole.PROGRAM_LEAD, StaffRole.BILLER, StaffRole.CLINICAL_STAFF)
_DESK = "/months/{month}/patients/{patient}/allocations/{entry}"


@router.get("/allocations/{entry}")
async def form(request: Request, entry: str, principal: ChartWriter) -> Response:
    """Open the form in the chart, below the entry."""
    desk = await desk_of(request, principal, writes=True)
    shown = await _look(desk, desk.patient, month_named(request.query_params.get("month", "")))
    return _form(shown, entry, f"{desk.base}/allocations/{entry}", {})


@router.post("/allocations/{entry}")
async def allocate(request: Request, entry: str, principal: ChartWriter) -> Response:
    """Record it in the person's name; the month is asked for anew."""
    desk, typed = await desk_of(request, principal, writes=True), await form_of(request)
    shown = await _look(desk, desk.patient, month_named(typed.get("month", "")))
    errors = _errors(shown, entry, typed)
    if errors:
        return _form(shown, entry, f"{desk.base}/allocations/{entry}", typed, errors)
    recorded = await _record(desk, shown, desk.patient, entry, typed)
    return answer("allocated.html", seen=f"attestation/{recorded}@1", program=program_words(typed["program"]))


@router.get(_DESK)
async def desk_form(request: Request, month: str, patient: str, entry: str, principal: DeskActor) -> Response:
    """Open the form at the desk, below the entry."""
    desk = await practice_desk(request, principal, writes=True)
    shown = await _look(desk, patient, read_month_name(month))
    return _form(shown, entry, _address(desk, month, patient, entry), {}, at_desk=True)


@router.post(_DESK)
async def desk_allocate(request: Request, month: str, patient: str, entry: str, principal: DeskActor) -> Response:
    """Record it in the person's name and decide the month anew."""
    desk, typed = await practice_desk(request, principal, writes=True), await form_of(request)
    of_month = read_month_name(month)
    shown = await _look(desk, patient, of_month)
    errors = _errors(shown, entry, typed)
    if errors:
        return _form(shown, entry, _address(desk, month, patient, entry), typed, errors, at_desk=True)
    await _record(desk, shown, patient, entry, typed)
    await decide_again(desk, of_month, [patient])
    return await show_charge(desk, of_month, patient)


def _address(desk: Desk, month: str, patient: str, entry: str) -> str:
    return f"{desk.base}/months/{month}/patients/{patient}/allocations/{entry}"


async def _look(desk: Desk, patient: str, month: CalendarMonth | None) -> PatientMonth:
    return await look_at_month(patient=patient, month=month, look=desk.call.read, rule_book=desk.call.world.rule_book, at=desk.at)


def _programs(shown: PatientMonth, entry_id: str) -> list[str]:
    """Return the month's own program and those that claim the same seconds; NotFound for an entry that nobody contests."""
    case = shown.judgement.case
    entry = next((line.entry for line in shown.lines if line.entry.entry_id == entry_id), None)
    if entry is None or not contested_seconds(shown, entry_id):
        raise NotFound("no two programs claim this entry")
    meeting = [
        other.program
        for other in case.ledger.entries
        if other.status == "completed" and entry.start and entry.end and other.start and other.end
        if other.start < entry.end and entry.start < other.end
    ]
    claimed = {entry.program, *entry.other_programs, *meeting} - {case.rules.program}
    return [case.rules.program, *sorted(claimed)]


def _errors(shown: PatientMonth, entry: str, typed: Mapping[str, str]) -> list[FieldError]:
    errors = []
    if typed.get("program") not in _programs(shown, entry):
        errors.append(FieldError("bill-allocate", "Choose the program."))
    text = typed.get("minutes", "").strip()
    if text and (minutes_of(text) is None or (minutes_of(text) or 0) > contested_seconds(shown, entry)):
        errors.append(FieldError("bill-allocate-minutes", "Give minutes, not more than are contested; leave it empty for all."))
    return errors


async def _record(desk: Desk, shown: PatientMonth, patient: str, entry: str, typed: Mapping[str, str]) -> str:
    value: dict[str, object] = {"entry": entry, "program": typed["program"]}
    seconds = minutes_of(typed.get("minutes", ""))
    recorded = await record_attestation(
        statement=Statement(
            identifier=Identifier(system=PAGE_SYSTEM, value=typed.get("key", "")[:200] or str(uuid4())),
            kind=AttestationKind.TIME_ALLOCATION,
            patient=patient,
            value=value | ({"seconds": seconds} if seconds else {}),
            by=desk.person,
            role=next(role for role in _ROLES if desk.has(role)),
            signed_at=None,
            effective=None,
            until=None,
            month=shown.month,
        ),
        tenant_id=desk.call.principal.tenant_id,
        begin=desk.call.begin,
        author=desk.call.author,
        clock=desk.call.world.clock,
    )
    return str(recorded.id)


def _form(
    shown: PatientMonth,
    entry_id: str,
    address: str,
    typed: Mapping[str, str],
    errors: list[FieldError] | None = None,
    *,
    at_desk: bool = False,
) -> Response:
    programs = _programs(shown, entry_id)
    entry = next(line.entry for line in shown.lines if line.entry.entry_id == entry_id)
    began = entry.start.astimezone(shown.zone).date() if entry.start else entry.day
    who = performer_words(shown.practice, entry.performer, entry.performer_name, entry.role)
    return answer(
        "allocate.html",
        status=422 if errors else 200,
        address=address,
        at_desk=at_desk,
        month=str(shown.month),
        key=typed.get("key") or str(uuid4()),
        what=f"{activity_words(entry.activity)}, {weekday_of(began)}, {who}" if began else activity_words(entry.activity),
        contested=contested_seconds(shown, entry_id),
        programs=[(program, program_words(program)) for program in programs],
        typed=dict(typed),
        errors=errors or [],
    )
