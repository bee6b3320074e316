"""Timers: `/t/{tenant}/time/timers`. Each call names the person, recorded as the client's statement (integration.md 10)."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from services.timetrack.entrypoints.dependencies import Here, here
from services.timetrack.entrypoints.timer_models import (
    EhrId,
    StoppedTimer,
    TimerCall,
    TimerChange,
    TimerDiscard,
    TimerList,
    TimerStart,
    TimerStop,
    TimerSwitch,
    TimerView,
)
from services.timetrack.fhir_mapping.outbound import compose_task
from services.timetrack.usecases.change_timer import TimerAction, change_timer
from services.timetrack.usecases.discard_timer import discard_timer
from services.timetrack.usecases.ports import TimerRecord
from services.timetrack.usecases.read_timers import read_timers
from services.timetrack.usecases.start_timer import Patience, start_timer
from services.timetrack.usecases.stop_timer import stop_timer
from shared.db.asked import discloses
from shared.fhir.json_text import dump
from shared.web.access_control import Principal, needs
from shared.web.fhir_route import RetryingRoute

router = APIRouter(prefix="/t/{tenant}/time/timers", route_class=RetryingRoute, tags=["Timers"])

Caller = Annotated[Principal, Depends(needs("careledger/timers"))]
Performer = Annotated[EhrId, Query(description="Practitioner id of the person whose timers are meant.")]

_CONFLICTS: dict[int | str, dict[str, Any]] = {409: {"description": "The timer is over, or another of the person's runs"}}
_SILENCE = ("timer_silence_seconds", 120)
_SILENCE_WITHOUT_HEARTBEATS = ("timer_silence_without_heartbeats_seconds", 3600)


@router.post(
    "",
    status_code=201,
    response_model=TimerView,
    summary="Start a timer",
    operation_id="start_timer",
    responses={
        200: {"model": TimerView, "description": "It was started before by this identifier"},
        409: {"description": "Another timer of the person runs, or the identifier started a timer for something else"},
    },
)
async def start(request: Request, response: Response, body: TimerStart, principal: Caller) -> TimerView:
    """Start a timer; 200 with the same timer if this identifier started it before, 409 while another runs."""
    at = await here(request, principal)
    record, new = await start_timer(
        uow=at.uow,
        patients=at.patients,
        practice=at.practice,
        author=at.author,
        request=body.to_request(),
        patience=Patience(_silence_seconds(at, body.heartbeats)),
        now=at.now,
    )
    if not new:
        response.status_code = 200
    response.headers["Location"] = f"{at.base.removesuffix('/fhir/R4')}/time/timers/{record.id}"
    return _view(record)


@router.get("", response_model=TimerList, summary="A person's timers")
async def list_timers(request: Request, performer: Performer, principal: Caller) -> TimerList:
    """Return the person's timers that are not over."""
    at = await here(request, principal)
    found = await read_timers(uow=at.uow, practice=at.practice, performer=performer, now=at.now)
    return TimerList(timers=[_view(record) for record in found])


@router.get("/{timer_id}", response_model=TimerView, summary="Read a timer")
async def read_timer(request: Request, timer_id: UUID, performer: Performer, principal: Caller) -> TimerView:
    """Return one timer of the person's."""
    at = await here(request, principal)
    (record,) = await read_timers(uow=at.uow, practice=at.practice, performer=performer, timer_id=timer_id, now=at.now)
    return _view(record)


@router.post(
    "/{timer_id}/pause", response_model=TimerView, summary="Pause a timer", operation_id="pause_timer", responses=_CONFLICTS
)
async def pause(request: Request, timer_id: UUID, body: TimerChange, principal: Caller) -> TimerView:
    """Pause; again: nothing changes."""
    return await _change(request, principal, timer_id, body, TimerAction.PAUSE)


@router.post(
    "/{timer_id}/resume",
    response_model=TimerView,
    summary="Go on with a timer",
    operation_id="resume_timer",
    responses=_CONFLICTS,
)
async def resume(request: Request, timer_id: UUID, body: TimerChange, principal: Caller) -> TimerView:
    """Go on; 409 while another timer of the person runs."""
    return await _change(request, principal, timer_id, body, TimerAction.RESUME)


@router.post(
    "/{timer_id}/heartbeat",
    response_model=TimerView,
    summary="Say that somebody is there",
    operation_id="heartbeat_timer",
    responses=_CONFLICTS,
)
async def heartbeat(request: Request, timer_id: UUID, body: TimerCall, principal: Caller) -> TimerView:
    """Say that somebody is there; the answer tells if the timer was paused meanwhile."""
    change = TimerChange(performer=body.performer)
    return await _change(request, principal, timer_id, change, TimerAction.HEARTBEAT)


@router.post(
    "/{timer_id}/switch",
    response_model=TimerView,
    summary="Do other work from now on",
    operation_id="switch_timer",
    responses=_CONFLICTS,
)
async def switch(request: Request, timer_id: UUID, body: TimerSwitch, principal: Caller) -> TimerView:
    """Do other work from now on; what was measured stays with the old, and becomes an entry of its own."""
    return await _change(request, principal, timer_id, body, TimerAction.SWITCH)


@router.post(
    "/{timer_id}/stop",
    response_model=StoppedTimer,
    summary="Stop a timer and log its time",
    operation_id="stop_timer",
    responses=_CONFLICTS,
)
async def stop(request: Request, timer_id: UUID, body: TimerStop, principal: Caller) -> StoppedTimer:
    """Stop and log: one time entry for each uninterrupted stretch, under one group; again: the same answer."""
    at = await here(request, principal)
    record, entries = await stop_timer(
        uow=at.uow,
        months=at.months,
        practice=at.practice,
        author=at.author,
        timer_id=timer_id,
        performer=body.performer,
        note=body.to_note(),
        compose=lambda entry: dump(compose_task(entry)).decode(),
        keep_silence=body.keep_silence,
        now=at.now,
    )
    return StoppedTimer(timer=_view(record), entries=[f"{at.base}/Task/{entry}" for entry in entries])


@router.post(
    "/{timer_id}/discard",
    response_model=TimerView,
    summary="End a timer that leaves no time behind",
    operation_id="discard_timer",
    responses=_CONFLICTS,
)
async def discard(request: Request, timer_id: UUID, body: TimerDiscard, principal: Caller) -> TimerView:
    """End a timer that leaves no time behind; the journal keeps the reason."""
    at = await here(request, principal)
    record = await discard_timer(
        uow=at.uow,
        practice=at.practice,
        author=at.author,
        timer_id=timer_id,
        performer=body.performer,
        reason=body.reason,
        now=at.now,
    )
    return _view(record)


async def _change(request: Request, principal: Principal, timer_id: UUID, body: TimerChange, action: TimerAction) -> TimerView:
    at = await here(request, principal)
    record = await change_timer(
        uow=at.uow,
        practice=at.practice,
        author=at.author,
        timer_id=timer_id,
        performer=body.performer,
        action=action,
        work=body.to_work() if isinstance(body, TimerSwitch) else None,
        keep_silence=body.keep_silence,
        now=at.now,
    )
    return _view(record)


def _silence_seconds(at: Here, heartbeats: bool) -> int:
    name, default = _SILENCE if heartbeats else _SILENCE_WITHOUT_HEARTBEATS
    return int(at.document.settings.get(name, default))


def _view(record: TimerRecord) -> TimerView:
    discloses(record.patient)
    return TimerView.of(record)
