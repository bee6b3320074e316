"""Stop and save: the timer and its note in one press; a clash with another entry says with which, and keeps all that is typed."""

from collections.abc import Mapping
from uuid import UUID

from fastapi import Response

from services.timetrack.domain.activity import Work
from services.timetrack.domain.time_entry import OverlappingEntry
from services.timetrack.domain.timer import TimerStateError
from services.timetrack.entrypoints.fragments.common import Desk, activity_of, compose, problem_of
from services.timetrack.entrypoints.fragments.panel import show_panel
from services.timetrack.usecases.ports import TimerNote
from services.timetrack.usecases.stop_timer import stop_timer
from shared.kernel.vocabulary import Program
from shared.web.pages import duration_words
from shared.web.typed import FieldError, picked


async def save_timer(desk: Desk, timer_id: UUID, form: Mapping[str, str], *, keep_silence: bool = False) -> Response:
    """Stop the timer, save its note, and answer with the panel and what was saved."""
    at, activity = desk.at, activity_of(form)
    async with at.uow as uow:
        chart = await uow.charts.find(desk.patient)
    program = picked(Program, form, "program")
    work = Work(program, activity) if activity and program and program.value in at.document.programs else None
    note = TimerNote(problem_of(chart, form), (), form.get("did") or None, form.get("why") or None, None)
    try:
        record, entries = await stop_timer(
            uow=at.uow,
            months=at.months,
            practice=at.practice,
            author=at.author,
            timer_id=timer_id,
            performer=desk.person,
            note=note,
            compose=compose,
            keep_silence=keep_silence,
            work=work,
            now=at.now,
        )
    except OverlappingEntry:
        text = "Not saved: you have another entry at some of the same time. The timer is as it was; amend the other entry first."
        return await show_panel(desk, form=form, errors=[FieldError("", text)])
    except TimerStateError:
        return await show_panel(desk, form=form, errors=[FieldError("", "The timer had ended already: see the entries.")])
    measured = sum(stint.interval.seconds for stint in record.timer.stints)
    kept = sum(stint.gap_seconds for stint in record.timer.stints)
    words = f"{duration_words(measured)}, measured" + (f", of it {duration_words(kept)} confirmed by you" if kept else "")
    notice = {"level": "ok", "head": "Saved", "text": f"{words}." if measured else "Nothing: no second had passed."}
    return await show_panel(desk, notice=notice, seen=[(entry, 1) for entry in entries], anyway=True)
