"""The timer and its note: every press acts on the server's clock and answers with the panel as it then stands."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.timetrack.domain.activity import Work
from services.timetrack.domain.time_entry import InvalidEntry, OverlappingEntry
from services.timetrack.domain.timer import TimerStateError, TimerStatus, settle
from services.timetrack.entrypoints.fragments.common import (
    Desk,
    Reader,
    Writer,
    activity_of,
    advice_of,
    answer,
    compose,
    desk_of,
    problem_of,
)
from services.timetrack.entrypoints.fragments.panel import patience_settings, show_panel, show_question
from services.timetrack.entrypoints.fragments.saving import save_timer
from services.timetrack.usecases.change_timer import TimerAction, change_timer
from services.timetrack.usecases.discard_timer import discard_timer
from services.timetrack.usecases.log_by_hand import HandLog, log_by_hand
from services.timetrack.usecases.ports import NoSuchThing, TimerRecord, TimerRunning
from services.timetrack.usecases.read_timers import read_timers
from services.timetrack.usecases.start_timer import Patience, TimerRequest, start_timer
from shared.kernel.errors import Conflict
from shared.kernel.interval import Interval
from shared.kernel.vocabulary import Program
from shared.web.access_control import Principal
from shared.web.fhir_route import RetryingRoute
from shared.web.pages import duration_words
from shared.web.typed import FieldError, form_of, instant_at, picked, time_of_day

router = APIRouter(prefix="/t/{tenant}/app/time", route_class=RetryingRoute, include_in_schema=False)

_CHANGED = {"level": "review", "head": "The timer had changed meanwhile", "text": "Here is how it stands now. Nothing is lost."}


@router.get("/panel")
async def panel(request: Request, principal: Reader) -> Response:
    """Show the timer's panel."""
    return await show_panel(await desk_of(request, principal), anyway=request.query_params.get("anyway") == "1")


@router.post("/panel")
async def panel_again(request: Request, principal: Reader) -> Response:
    """Show the panel anew with what is typed in it."""
    return await show_panel(await desk_of(request, principal), form=await form_of(request))


@router.post("/timer")
async def start(request: Request, principal: Writer) -> Response:
    """Start the timer; with `instead`, pause the one that runs in another chart first."""
    desk, form = await desk_of(request, principal), await form_of(request)
    at = desk.at
    program, activity = picked(Program, form, "program"), activity_of(form)
    if program is None or program.value not in at.document.programs or activity is None:
        return await show_panel(desk, form=form, errors=[FieldError("time-activity", "Choose the program and the activity.")])
    if other := form.get("instead"):
        await _change(desk, UUID(other), TimerAction.PAUSE)
    try:
        await start_timer(
            uow=at.uow,
            patients=at.patients,
            practice=at.practice,
            author=at.author,
            request=TimerRequest(
                form.get("key", ""), desk.person, desk.patient, Work(program, activity), encounter=principal.encounter
            ),
            patience=Patience(**patience_settings(desk)),
            now=at.now,
        )
    except TimerRunning:
        return await show_panel(desk, form=form, notice=_other_runs())
    return await show_panel(desk, form={}, anyway=True)


@router.post("/timer/{timer_id}/pause")
async def pause(request: Request, timer_id: UUID, principal: Writer) -> Response:
    """Pause."""
    return await _press(request, timer_id, principal, TimerAction.PAUSE)


@router.post("/timer/{timer_id}/resume")
async def resume(request: Request, timer_id: UUID, principal: Writer) -> Response:
    """Go on."""
    return await _press(request, timer_id, principal, TimerAction.RESUME)


@router.post("/timer/{timer_id}/switch")
async def switch(request: Request, timer_id: UUID, principal: Writer) -> Response:
    """Work for the picked program from now on; what was measured stays with the old one."""
    return await _press(request, timer_id, principal, TimerAction.SWITCH)


@router.post("/timer/{timer_id}/call")
async def call(request: Request, timer_id: UUID, principal: Writer) -> Response:
    """Say that a call goes on: nobody asks about idleness until the end is told."""
    return await _press(request, timer_id, principal, TimerAction.CALL)


@router.post("/timer/{timer_id}/heartbeat")
async def heartbeat(request: Request, timer_id: UUID, principal: Writer) -> Response:
    """Say that the window is there and for how long without input; tells if the timer was paused meanwhile."""
    desk, form = await desk_of(request, principal), await form_of(request)
    record = await _change(desk, timer_id, TimerAction.HEARTBEAT, idle_seconds=_idle(form))
    if record.timer.status is TimerStatus.RUNNING:
        return Response(status_code=204)
    return Response(status_code=204, headers={"HX-Trigger": "careledger:timer-changed"})


@router.post("/timer/{timer_id}/question")
async def question(request: Request, timer_id: UUID, principal: Writer) -> Response:
    """Ask whether the work goes on, or at hang-up when the call ended. Nothing is cut before the answer."""
    desk, form = await desk_of(request, principal), await form_of(request)
    record = await _change(desk, timer_id, TimerAction.HEARTBEAT, idle_seconds=_idle(form))
    if record.timer.status is not TimerStatus.RUNNING:
        return Response(status_code=204, headers={"HX-Trigger": "careledger:timer-changed"})
    return await _question(desk, record)


@router.post("/timer/{timer_id}/answer")
async def answer_question(request: Request, timer_id: UUID, principal: Writer) -> Response:
    """Keep all, drop, or keep until a time; then go on, or stop counting and write the note."""
    desk, form = await desk_of(request, principal), await form_of(request)
    record = await _own(desk, timer_id)
    timer = settle(record.timer, now=desk.at.now)
    since = timer.call_since or timer.input_at
    choice, until = form.get("choice", ""), None
    if choice == "drop":
        until = max(since, timer.running_since) if since and timer.running_since else None
    elif choice == "part":
        until = _typed_instant(desk, form.get("until", ""), near=desk.at.now)
        if until is None or since is None or not since <= until <= desk.at.now:
            errors = [FieldError("time-until", "Give a time of day within that time, such as 2:10 pm.")]
            return await _question(desk, record, errors)
    elif choice != "keep":
        return await _question(desk, record, [FieldError("time-choice-keep", "Choose what to do with the time.")])
    try:
        await _change(desk, timer_id, TimerAction.CONFIRM, until=until)
        if form.get("then") == "stop":
            await _change(desk, timer_id, TimerAction.PAUSE)
    except TimerStateError:
        return await show_panel(desk, form=form, notice=_CHANGED)
    return await show_panel(desk, form=form)


@router.post("/timer/{timer_id}/save")
async def save(request: Request, timer_id: UUID, principal: Writer) -> Response:
    """Stop and save: timer and note are one save."""
    desk, form = await desk_of(request, principal), await form_of(request)
    record = await _own(desk, timer_id)
    if record.timer.forgotten_at is not None:  # the window was not heard of for too long: ask, never drop what was silent
        return await show_panel(desk, form=form, notice=_CHANGED)
    return await save_timer(desk, timer_id, form)


@router.post("/timer/{timer_id}/discard")
async def discard(request: Request, timer_id: UUID, principal: Writer) -> Response:
    """Undo a start."""
    desk = await desk_of(request, principal)
    await _discard(desk, timer_id, "The start was undone.")
    return await show_panel(desk, anyway=True)


@router.post("/timer/{timer_id}/left-open")
async def left_open(request: Request, timer_id: UUID, principal: Writer) -> Response:
    """Settle a timer that was left open: right as it ended, worked longer (asserted), all of it kept, or no work here."""
    desk, form = await desk_of(request, principal), await form_of(request)
    record, choice = await _own(desk, timer_id), form.get("choice", "")
    if choice == "void":
        reason = form.get("void_reason") or ""
        if not reason:
            return await show_panel(desk, form=form, errors=[FieldError("time-void-reason", "Say why it was not work here.")])
        await _discard(desk, timer_id, reason)
        return await show_panel(desk, notice={"level": "ok", "head": "Left out", "text": "No time was saved for it."})
    if choice == "longer":
        refusal = await _log_longer(desk, record, form, principal)
        if refusal is not None:
            return await show_panel(desk, form=form, errors=[refusal])
    elif choice not in ("right", "all"):
        return await show_panel(desk, form=form, errors=[FieldError("time-left-right", "Choose which is right.")])
    elif form.get("then") == "on":
        await _change(desk, timer_id, TimerAction.RESUME, keep_silence=choice == "all")
        return await show_panel(desk, form=form)
    return await save_timer(desk, timer_id, form, keep_silence=choice == "all")


@router.post("/advice")
async def advice(request: Request, principal: Writer) -> Response:
    """Read a note while it is typed; never in the way of saving."""
    desk, form = await desk_of(request, principal), await form_of(request)
    async with desk.at.uow as uow:
        chart = await uow.charts.find(desk.patient)
    found = advice_of(form, linked=bool(problem_of(chart, form)), seconds=0)
    return answer("advice.html", advice=found, id="time-log" if form.get("at") == "time-log" else "time")


async def _press(request: Request, timer_id: UUID, principal: Principal, action: TimerAction) -> Response:
    desk, form = await desk_of(request, principal), await form_of(request)
    record, work = await _own(desk, timer_id), None
    if record.timer.forgotten_at is not None:
        return await show_panel(desk, form=form)
    if action is TimerAction.SWITCH:
        program = picked(Program, form, "program")
        if program is None or program.value not in desk.at.document.programs or program is record.timer.work.program:
            return await show_panel(desk, form=form, errors=[FieldError("time-program", "Choose the program to switch to.")])
        work = Work(program, activity_of(form) or record.timer.work.activity)
    try:
        await _change(desk, timer_id, action, work=work)
    except TimerRunning:
        return await show_panel(desk, form=form, notice=_other_runs())
    except Conflict:
        return await show_panel(desk, form=form, notice=_CHANGED)
    return await show_panel(desk, form=form)


def _other_runs() -> dict[str, str]:
    return {"level": "review", "head": "Your timer runs in another chart", "text": "Pause it there first: it keeps its time."}


async def _change(desk: Desk, timer_id: UUID, action: TimerAction, **options: Any) -> TimerRecord:
    at = desk.at
    return await change_timer(
        uow=at.uow,
        practice=at.practice,
        author=at.author,
        timer_id=timer_id,
        performer=desk.person,
        action=action,
        now=at.now,
        **options,
    )


async def _discard(desk: Desk, timer_id: UUID, reason: str) -> None:
    await _own(desk, timer_id)
    at = desk.at
    await discard_timer(
        uow=at.uow, practice=at.practice, author=at.author, timer_id=timer_id, performer=desk.person, reason=reason, now=at.now
    )


async def _own(desk: Desk, timer_id: UUID) -> TimerRecord:
    at = desk.at
    found = await read_timers(uow=at.uow, practice=at.practice, performer=desk.person, timer_id=timer_id, now=at.now)
    if found[0].patient != desk.patient:
        raise NoSuchThing("no such timer")
    return found[0]


async def _question(desk: Desk, record: TimerRecord, errors: list[FieldError] | None = None) -> Response:
    async with desk.at.uow as uow:
        chart = await uow.charts.find(desk.patient)
    return show_question(desk, record, chart, errors or ())


async def _log_longer(desk: Desk, record: TimerRecord, form: dict[str, str], principal: Principal) -> FieldError | None:
    """Log what was worked after the timer was left, as asserted; return what is wrong with it, if anything."""
    at, left = desk.at, settle(record.timer, now=desk.at.now).forgotten_at
    until = _typed_instant(desk, form.get("longer_until", ""), near=left) if left else None
    if left is None or until is None or not left < until <= at.now:
        return FieldError("time-longer-until", "Give a time of day after the timer was left, such as 4:56 pm.")
    reason = form.get("longer_reason") or ""
    if not reason:
        return FieldError("time-longer-reason", "Say why the timer did not see it.")
    async with at.uow as uow:
        chart = await uow.charts.find(desk.patient)
    log = HandLog(
        key=f"{record.id}-longer",
        patient=desk.patient,
        performer=desk.person,
        work=Work(record.timer.work.program, activity_of(form) or record.timer.work.activity),
        stretch=Interval(left, until),
        reason=reason,
        problem=problem_of(chart, form),
        action_taken=form.get("did") or None,
        clinical_relevance=form.get("why") or None,
        encounter=principal.encounter,
    )
    try:
        await log_by_hand(
            uow=at.uow,
            patients=at.patients,
            months=at.months,
            practice=at.practice,
            author=at.author,
            log=log,
            compose=compose,
            now=at.now,
        )
    except OverlappingEntry:
        return FieldError("time-longer-until", f"You were already on another entry within {duration_words(log.stretch.seconds)}.")
    except InvalidEntry as error:
        return FieldError("time-longer-until", str(error))
    return None


def _typed_instant(desk: Desk, text: str, *, near: datetime | None) -> datetime | None:
    """Return the instant of a typed time of day on the day of `near`, or the day before if that is still to come."""
    at, zone = time_of_day(text), desk.at.practice.zone
    if at is None or near is None:
        return None
    day = near.astimezone(zone).date()
    found = instant_at(day, at, zone)
    return instant_at(day - timedelta(days=1), at, zone) if found and found > desk.at.now else found


def _idle(form: dict[str, str]) -> int | None:
    text = form.get("idle", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else None
