"""The timer's panel as it stands: nothing running, running, paused, left open, another chart's timer, no consent yet."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from fastapi import Response

from services.timetrack.domain.timer import TimerStatus, quiet_since, settle
from services.timetrack.entrypoints.fragments.common import (
    Desk,
    Row,
    Seen,
    answer,
    choices,
    entry_of,
    errors_by_field,
    last_note,
    note_fields,
)
from services.timetrack.usecases.ports import TimerRecord
from shared.contracts.ehr_context import EhrContextState
from shared.kernel.vocabulary import Activity
from shared.web.pages import date_words, day_words, duration_words
from shared.web.typed import FieldError
from shared.web.words import activity_words, program_words

_TYPED = ("choice", "longer_until", "longer_reason", "void_reason")
_RECENT = 10
_UNDO_SECONDS = 60

IDLE, QUESTION, SILENCE = (
    ("timer_idle_seconds", 600),
    ("timer_question_seconds", 3600),
    ("timer_silence_seconds", 120),
)


async def show_panel(
    desk: Desk,
    *,
    form: Mapping[str, str] = {},
    notice: Row | None = None,
    errors: Sequence[FieldError] = (),
    seen: Sequence[Seen] = (),
    anyway: bool = False,
) -> Response:
    """Render the panel as everything stands now, with what was typed; 422 with `errors`."""
    at = desk.at
    async with at.uow as uow:
        member = await uow.roster.find(desk.person) if desk.writes else None
        timers = list(await uow.timers.open_of(desk.person)) if desk.writes else []
        chart = await uow.charts.find(desk.patient)
        stored = await uow.entries.recent(desk.patient, count=_RECENT)
        program = form.get("program") or at.document.programs[0]
        consent = await uow.consent_in_force(desk.patient, program)
        others = [(t, await uow.charts.find(t.patient)) for t in timers if t.patient != desk.patient]
    on_roster = member is not None and member.member.may_run_timers(desk.today)
    recent = [(version, entry_of(desk, version)) for version in stored]
    mine = sorted((t for t in timers if t.patient == desk.patient), key=lambda t: _urgency(t, at.now))
    timer = _timer(desk, mine[0]) if mine else None
    seconds = timer["seconds"] if timer else 0
    picks = choices(desk, program=program, activity=form.get("activity", ""))
    if timer:
        picks = choices(
            desk,
            program=form.get("program") or mine[0].timer.work.program,
            activity=form.get("activity") or mine[0].timer.work.activity,
        )
    return answer(
        "panel.html",
        status=422 if errors else 200,
        seen=seen,
        base=desk.base,
        writes=desk.writes,
        on_roster=on_roster,
        timer=timer,
        others=[shown for record, chart in others if (shown := _other(desk, record, chart.identifier if chart else None))],
        key=form.get("key") or str(uuid4()),
        consent=bool(consent) or anyway or timer is not None,
        note=note_fields(form, chart, [entry for _, entry in recent], seconds=seconds),
        last=last_note(desk, recent),
        notice=notice,
        errors=errors_by_field(errors),
        form={name: form.get(name, "") for name in _TYPED},
        limits={"idle": _setting(desk, IDLE), "beat": 30},
        **picks,
    )


def _urgency(record: TimerRecord, now: datetime) -> int:
    settled = settle(record.timer, now=now)
    return 0 if settled.status is TimerStatus.RUNNING else 1 if settled.forgotten_at else 2


def seconds_of(record: TimerRecord, now: datetime) -> int:
    """Return what a timer has measured up to now."""
    timer = settle(record.timer, now=now)
    running = timer.status is TimerStatus.RUNNING
    return timer.seconds + (max(int((now - timer.heard_at).total_seconds()), 0) if running else 0)


def _timer(desk: Desk, record: TimerRecord) -> Row:
    now = desk.at.now
    timer = settle(record.timer, now=now)
    forgotten, running = timer.forgotten_at, timer.running_since
    started = record.started_at.astimezone(desk.at.practice.zone)
    left = forgotten.astimezone(desk.at.practice.zone) if forgotten else None
    return {
        "id": str(record.id),
        "status": "forgotten" if forgotten else timer.status.value,
        "seconds": seconds_of(record, now),
        "since": desk.clock(running, seconds=True) if running else "",
        "paused": desk.clock(timer.heard_at, seconds=True),
        "call": desk.clock(timer.call_since, seconds=True) if timer.call_since else "",
        "started": f"{started:%a %b} {started.day} at {desk.clock(record.started_at, seconds=True)}",
        "left": desk.clock(forgotten, seconds=True) if forgotten else "",
        "left_day": f"{left:%a %b} {left.day}" if left else "",
        "left_when": _when(desk, forgotten) if forgotten else "",
        "left_today": left is not None and left.date() == desk.today,
        "away": int((now - forgotten).total_seconds()) if forgotten else 0,
        "now": desk.clock(now),
        "fresh": running is not None and (now - record.started_at).total_seconds() < _UNDO_SECONDS and not timer.stints,
        "program": program_words(timer.work.program),
        "activity": activity_words(timer.work.activity),
        "attempt": timer.work.activity is Activity.OUTREACH_ATTEMPT,
    }


def _when(desk: Desk, at: datetime) -> str:
    days = (desk.today - at.astimezone(desk.at.practice.zone).date()).days
    return ("earlier today", "yesterday")[days] if days < 2 else f"on {day_words(at, desk.at.practice.zone)}"


def _other(desk: Desk, record: TimerRecord, mrn: str | None) -> Row | None:
    """Return what this chart says of another's timer: no name; nothing of one that has measured nothing and does not run."""
    timer = settle(record.timer, now=desk.at.now)
    running = timer.status is TimerStatus.RUNNING
    if not running and not timer.seconds:
        return None
    return {
        "id": str(record.id),
        "running": running,
        "since": desk.clock(timer.running_since or record.started_at),
        "seconds": seconds_of(record, desk.at.now),
        "mrn": mrn[-3:] if mrn else "",
        "forgotten": timer.forgotten_at is not None,
    }


def show_question(desk: Desk, record: TimerRecord, chart: EhrContextState | None, errors: Sequence[FieldError] = ()) -> Response:
    """Render the question whether the work goes on, or at hang-up when the call ended, each choice with its minutes."""
    now = desk.at.now
    timer = settle(record.timer, now=now)
    since = quiet_since(timer)
    assert since is not None
    total = seconds_of(record, now)
    quiet = int((now - since).total_seconds())
    return answer(
        "question.html",
        status=422 if errors else 200,
        base=desk.base,
        id=str(record.id),
        call=timer.call_since is not None,
        **_patient(chart),
        work=f"{program_words(timer.work.program)}, {activity_words(timer.work.activity).lower()}",
        since=desk.clock(since, seconds=True),
        quiet=duration_words(quiet),
        total=total,
        before=total - quiet,
        now=desk.clock(now),
        errors=errors_by_field(errors),
    )


def _patient(chart: EhrContextState | None) -> Row:
    born = chart.birth_date if chart else None
    return {
        "who": chart.name if chart else "this patient",
        "born": date_words(born) if born else "",
        "mrn": (chart.identifier or "") if chart else "",
    }


def _setting(desk: Desk, setting: tuple[str, int]) -> int:
    return int(desk.at.document.settings.get(*setting))


def patience_settings(desk: Desk) -> dict[str, Any]:
    """Return how long a timer of the pages may be silent, idle and asked about, by the practice's settings."""
    return {
        "silence_seconds": _setting(desk, SILENCE),
        "idle_seconds": _setting(desk, IDLE),
        "question_seconds": _setting(desk, QUESTION),
    }
