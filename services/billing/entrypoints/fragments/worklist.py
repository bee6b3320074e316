"""The worklist: minutes near a code, consent that lacks, patients to whom the program may be offered, notes to improve."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import Depends, Request, Response

from services.billing.entrypoints.fragments.common import Desk, Row, answer, day_of, fragment_router, weekday_of
from services.billing.entrypoints.fragments.lines import csv_answer, line_row, page_number, pager
from services.billing.entrypoints.fragments.practice import practice_desk
from services.billing.entrypoints.fragments.record import PARTICIPATION
from services.billing.usecases.judge_suitability import judge_suitability
from services.billing.usecases.list_ports import PAGE, Want
from services.billing.usecases.note_participation import Participation
from services.billing.usecases.view_ports import NoteToImprove
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.errors import Invalid, NotFound
from shared.kernel.vocabulary import StaffRole
from shared.web.access_control import Principal, page
from shared.web.pages import days_left
from shared.web.typed import FieldError, form_of
from shared.web.words import activity_words

router = fragment_router("/worklist")

Worker = Annotated[
    Principal,
    Depends(page(StaffRole.CLINICAL_STAFF, StaffRole.BILLING_PRACTITIONER, StaffRole.PROGRAM_LEAD, chart=False)),
]
Clinician = Annotated[Principal, Depends(page(StaffRole.CLINICAL_STAFF, StaffRole.BILLING_PRACTITIONER, chart=False))]

NEAR_SECONDS = 12 * 60
"""How near to a code somebody is on the list of minutes short: a design choice, no payer's rule."""

QUIET = timedelta(days=14)
"""After which silence a contact is due: a design choice, no payer's rule."""

_LISTS = {
    "short": ("Minutes short", "12 minutes or less to the next code. Log only work the patient needed.", ("missing",)),
    "contact": (
        "Contact due",
        "No work this month, or none for 14 days; those without any stand first.",
        ("last_work_at",),
    ),
    "consent": ("Consent needed", "Enrolled, but no consent in force today. Capture it from the patient’s chart.", ("name",)),
    "renewal": (
        "Consent ending or due anew",
        "In force today, and soon not: stopped by the patient, or to be asked for again.",
        ("name",),
    ),
    "away": (
        "Paused, moved or left",
        "Not on the lists of minutes and contacts. Say in the chart who is back; revoke the consent of who stops the service.",
        ("name",),
    ),
    "eligible": ("Eligible, not enrolled", "Suggested from the problem list; a clinician decides.", ("name",)),
    "notes": ("Notes to improve", "By their authors, from the patient’s chart, before the month closes.", ("name",)),
}
_ALL = "all"
_MISSING = {"problem": "problem", "action": "action", "relevance": "why it matters"}


@router.get("")
async def worklist(request: Request, principal: Worker) -> Response:
    """Show all lists, each with its first page."""
    desk = await practice_desk(request, principal)
    who = _who(request, desk)
    month = CalendarMonth.of(desk.at, desk.zone)
    sections = [await _section(desk, month, name, 0, who) for name in _LISTS]
    async with desk.call.read() as uow:
        behind = await uow.lists.is_behind()
    left = days_left(desk.at, month.end(desk.zone))
    return answer(
        "worklist.html",
        base=desk.base,
        today=f"{desk.today:%A}, {desk.today:%B} {desk.today.day}, {desk.today.year}",
        left="The month ends today." if left <= 1 else f"The month ends in {left} days.",
        who=who,
        behind=behind,
        sections=sections,
    )


@router.get("/{name}.csv")
async def as_file(request: Request, name: str, principal: Worker) -> Response:
    """Answer with a whole list as a file."""
    desk = await practice_desk(request, principal)
    if name not in _LISTS:
        raise NotFound("no such list")
    month = CalendarMonth.of(desk.at, desk.zone)
    async with desk.call.read() as uow:
        lines = await uow.lists.rows(month, _want(desk, name, _who(request, desk)), order=_LISTS[name][2], count=100_000)
        standings = await uow.views.standings([line.patient for line in lines])
    head = ("name", "date of birth", "mrn", "practitioner", "lane", "counted seconds", "seconds to next code", "next code",
            "consent", "why", "seconds without consent", "last visit", "payer", "notes to improve", "taking part")  # fmt: skip
    rows = [
        (line.name, line.birth_date, line.mrn, line.practitioner_name, line.lane, line.counted, line.missing, line.next_code,
         line.consent, line.consent_why, line.without_consent, line.last_visit, line.payer, line.notes_due,
         _standing_words(standings.get(line.patient)))
        for line in lines
    ]  # fmt: skip
    return csv_answer(f"worklist-{name}-{month}.csv", head, rows)


@router.get("/{name}")
async def one_list(request: Request, name: str, principal: Worker) -> Response:
    """Show a page of one list."""
    desk = await practice_desk(request, principal)
    if name not in _LISTS:
        raise NotFound("no such list")
    month, number = CalendarMonth.of(desk.at, desk.zone), page_number(request.query_params.get("page", ""))
    section = await _section(desk, month, name, number, _who(request, desk))
    return answer("worklist_section.html", base=desk.base, section=section, who=_who(request, desk))


@router.get("/eligible/{patient}")
async def suitability_form(request: Request, patient: str, principal: Clinician) -> Response:
    """Open the question whether the program suits a patient."""
    desk = await practice_desk(request, principal, writes=True)
    return await _suitability(desk, patient, {}, [])


@router.post("/eligible/{patient}")
async def suitability(request: Request, patient: str, principal: Clinician) -> Response:
    """Record that the program does not suit a patient, with the reason; the next look at the list leaves them out."""
    desk, typed = await practice_desk(request, principal, writes=True), await form_of(request)
    try:
        await judge_suitability(
            patient=patient,
            suitable=False,
            reason=typed.get("reason", ""),
            by=desk.person,
            begin=desk.call.begin,
            author=desk.call.author,
            clock=desk.call.world.clock,
        )
    except Invalid:
        return await _suitability(desk, patient, typed, [FieldError("bill-unsuitable", "Say why, in a few words.")])
    return answer("worklist_unsuitable.html", done=True, base=desk.base, patient=patient, name="", errors=[], typed="")


async def _suitability(desk: Desk, patient: str, typed: dict[str, str], errors: list[FieldError]) -> Response:
    async with desk.call.read() as uow:
        face = await uow.views.face(patient)
    return answer(
        "worklist_unsuitable.html",
        status=422 if errors else 200,
        done=False,
        base=desk.base,
        patient=patient,
        name=face.name or f"Patient {patient}",
        errors=errors,
        typed=typed.get("reason", ""),
    )


def _who(request: Request, desk: Desk) -> str:
    who = request.query_params.get("who", "")
    return who if who in (_ALL, "mine") else "mine" if desk.has(StaffRole.CLINICAL_STAFF) and desk.person else _ALL


def _want(desk: Desk, name: str, who: str) -> Want:
    worker = desk.person if who == "mine" and name != "eligible" else ""
    if name == "contact":
        return Want(lists=("in-force",), quiet=desk.at - QUIET, worker=worker, taking_part=True)
    if name == "short":
        return Want(lists=("in-force",), short=NEAR_SECONDS, worker=worker, taking_part=True)
    if name == "away":
        return Want(lists=("enrolled",), worker=worker, taking_part=False)
    return Want(lists=(name,), worker=worker)


async def _section(desk: Desk, month: CalendarMonth, name: str, number: int, who: str) -> Row:
    head, sub, order = _LISTS[name]
    want = _want(desk, name, who)
    async with desk.call.read() as uow:
        count = await uow.lists.count(month, want)
        lines = await uow.lists.rows(month, want, order=order, skip=number * PAGE)
        patients = [line.patient for line in lines]
        notes = await uow.views.notes_to_improve(patients, month, desk.zone) if name == "notes" else []
        standings = await uow.views.standings(patients)
        problems = {one: await uow.views.problem_names(one) for one in patients} if name == "eligible" else {}
    rows = [line_row(line, desk, month) for line in lines]
    for row in rows:
        row["standing"] = _standing_words(standings.get(row["patient"]))
        row["problems"] = " · ".join(dict.fromkeys(problems.get(row["patient"], {}).values()))
        row["notes"] = [_note(desk, note) for note in notes if note.patient == row["patient"]]
    return {
        "name": name,
        "head": head,
        "sub": sub,
        "count": count,
        "rows": rows,
        "pager": pager(count, number),
        "month": str(month),
    }


def _standing_words(said: tuple[str, date, str] | None) -> str:
    """Say that somebody pauses, has moved or left; nothing of those who take part."""
    if said is None or said[0] == Participation.ACTIVE:
        return ""
    words, since, reason = PARTICIPATION[Participation(said[0])], day_of(said[1]), said[2]
    return f"{words} since {since}: {reason}"


def _note(desk: Desk, note: NoteToImprove) -> Row:
    return {
        "when": weekday_of(note.day),
        "what": activity_words(note.activity),
        "who": "You" if note.author == desk.person else note.author_name,
        "text": note.text,
        "missing": ", ".join(_MISSING.get(part, part) for part in note.missing).capitalize(),
        "seconds": note.seconds,
    }
