"""Log time by hand, known by its times or only by its day and length; an attempt that reached nobody, in two taps."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from fastapi import APIRouter, Request, Response

from services.timetrack.domain.activity import Work
from services.timetrack.domain.staff import NotOnRoster
from services.timetrack.domain.time_entry import DayOnly, InvalidEntry, OverlappingEntry, Stretch
from services.timetrack.entrypoints.fragments.common import (
    Desk,
    Row,
    Writer,
    activity_of,
    answer,
    choices,
    compose,
    desk_of,
    entry_of,
    errors_by_field,
    note_fields,
    problem_of,
)
from services.timetrack.entrypoints.fragments.panel import show_panel
from services.timetrack.usecases.log_by_hand import HandLog, log_by_hand
from services.timetrack.usecases.log_time import Logged
from services.timetrack.usecases.start_timer import NoCredential
from shared.kernel.interval import Interval
from shared.kernel.vocabulary import Activity, Program
from shared.web.fhir_route import RetryingRoute
from shared.web.pages import duration_words
from shared.web.typed import FieldError, day_of, form_of, instant_at, minutes_of, picked, time_of_day
from shared.web.words import activity_words

router = APIRouter(prefix="/t/{tenant}/app/time", route_class=RetryingRoute, include_in_schema=False)

_RECENT = 10
_TYPED = ("start", "end", "minutes", "reason", "reason_text")
_REASONS = {
    "away": "Call taken away from my desk",
    "forgot": "Forgot to start the timer",
    "paper": "Read records on paper",
    "other": "Other",
}
_ATTEMPTS = {"no-answer": "No answer.", "voicemail": "Left a voicemail."}
_ATTEMPT_SECONDS = 60


@router.get("/log")
async def log_form(request: Request, principal: Writer) -> Response:
    """Show the form."""
    desk = await desk_of(request, principal)
    return await _show(desk, {"day": desk.today.isoformat(), "key": str(uuid4())})


@router.post("/log")
async def log(request: Request, principal: Writer) -> Response:
    """Log what is typed; a clash with another entry shows by how much, and the fix as a button."""
    desk, form = await desk_of(request, principal), await form_of(request)
    if fixed := form.get("fix_start"):
        form["start"] = fixed
    if fixed := form.get("fix_end"):
        form["end"] = fixed
    stretch, errors = _stretch(desk, form)
    program, activity = picked(Program, form, "program"), activity_of(form)
    if program is None or program.value not in desk.at.document.programs or activity is None:
        errors.append(FieldError("time-log-program", "Choose the program and the activity."))
    if not _reason(form):
        errors.append(FieldError("time-log-reason", "Say why it was not measured."))
    if errors or stretch is None or program is None or activity is None:
        return await _show(desk, form, errors)
    async with desk.at.uow as uow:
        chart = await uow.charts.find(desk.patient)
    hand = HandLog(
        key=form.get("key", ""),
        patient=desk.patient,
        performer=desk.person,
        work=Work(program, activity),
        stretch=stretch,
        reason=_reason(form),
        problem=problem_of(chart, form),
        action_taken=form.get("did") or None,
        clinical_relevance=form.get("why") or None,
        encounter=principal.encounter,
    )
    try:
        logged = await _log(desk, hand)
    except OverlappingEntry:
        return await _show(desk, form, [], clash=await _clash(desk, stretch))
    except (InvalidEntry, NotOnRoster, NoCredential) as error:
        return await _show(desk, form, [_at_field(error)])
    return _logged(desk, logged, stretch.seconds)


@router.post("/attempt")
async def attempt(request: Request, principal: Writer) -> Response:
    """Log that nobody was reached: kept in the record, never counted."""
    desk, form = await desk_of(request, principal), await form_of(request)
    words = _ATTEMPTS.get(form.get("how", ""))
    if words is None:
        return await show_panel(desk, errors=[FieldError("", "Choose how the attempt ended.")])
    hand = HandLog(
        key=form.get("key", ""),
        patient=desk.patient,
        performer=desk.person,
        work=Work(Program(desk.at.document.programs[0]), Activity.OUTREACH_ATTEMPT),
        stretch=DayOnly(desk.today, _ATTEMPT_SECONDS),
        reason="An attempt, logged by tap.",
        action_taken=words,
        encounter=principal.encounter,
    )
    logged = await _log(desk, hand)
    seen = [(logged.new.id, logged.new.version)] if logged.new else ()
    notice = {"level": "ok", "head": "Attempt logged", "text": f"{words} It does not count."}
    return await show_panel(desk, notice=notice, seen=seen)


async def _log(desk: Desk, hand: HandLog) -> Logged:
    at = desk.at
    return await log_by_hand(
        uow=at.uow,
        patients=at.patients,
        months=at.months,
        practice=at.practice,
        author=at.author,
        log=hand,
        compose=compose,
        now=at.now,
    )


def _logged(desk: Desk, logged: Logged, seconds: int) -> Response:
    text = f"{duration_words(seconds)}, asserted."
    late = logged.new.late if logged.new else bool(logged.earlier and logged.earlier.late)
    if late:
        text += " The month is closed, so it is kept as a late entry for the lead to review."
    seen = [(logged.new.id, logged.new.version)] if logged.new else ()
    notice = {"level": "review" if late else "ok", "head": "Saved", "text": text}
    return answer("log_saved.html", seen=seen, base=desk.base, notice=notice)


async def _show(desk: Desk, form: Mapping[str, str], errors: Sequence[FieldError] = (), clash: Row | None = None) -> Response:
    async with desk.at.uow as uow:
        chart = await uow.charts.find(desk.patient)
        stored = await uow.entries.recent(desk.patient, count=_RECENT)
    recent = [entry_of(desk, version) for version in stored]
    reason = form.get("reason", "")
    return answer(
        "log.html",
        status=422 if errors or clash else 200,
        base=desk.base,
        key=form.get("key", ""),
        form={name: form.get(name, "") for name in _TYPED},
        day=form.get("day", ""),
        today=desk.today.isoformat(),
        reasons=[{"value": key, "words": words, "chosen": key == reason} for key, words in _REASONS.items()],
        note=note_fields(form, chart, recent, seconds=0),
        errors=errors_by_field(errors),
        clash=clash,
        **choices(desk, program=form.get("program", ""), activity=form.get("activity", "")),
    )


def _reason(form: Mapping[str, str]) -> str:
    picked_reason, words = form.get("reason", ""), form.get("reason_text", "")
    if picked_reason == "other":
        return words
    known = _REASONS.get(picked_reason, "")
    return f"{known}. {words}" if known and words else known


def _stretch(desk: Desk, form: Mapping[str, str]) -> tuple[Stretch | None, list[FieldError]]:
    """Return the stretch that is typed: start and end, or the minutes alone."""
    day, errors = day_of(form.get("day", "")), []
    if day is None:
        errors.append(FieldError("time-log-day", "Give the day."))
    elif day > desk.today:
        errors.append(FieldError("time-log-day", "That day has not come yet."))
    if not form.get("start") and not form.get("end"):
        seconds = minutes_of(form.get("minutes", ""))
        if seconds is None:
            errors.append(FieldError("time-log-start", "Give start and end, or the minutes if you know only how long."))
        return (DayOnly(day, seconds) if day and seconds and not errors else None), errors
    instants = []
    for name, example in (("start", "2:10 pm"), ("end", "2:25 pm")):
        at = time_of_day(form.get(name, ""))
        instant = instant_at(day, at, desk.at.practice.zone) if day and at else None
        if day and instant is None:
            errors.append(FieldError(f"time-log-{name}", f"Give a time of day, such as {example}."))
        instants.append(instant)
    start, end = instants
    if start is None or end is None or errors:
        return None, errors
    if end <= start:
        end += timedelta(days=1)  # past midnight
        if end > desk.at.now:
            return None, [FieldError("time-log-end", "The end is before the start.")]
    if end > desk.at.now:
        return None, [FieldError("time-log-end", "That time has not passed yet.")]
    return Interval(start, end), []


def _at_field(error: InvalidEntry | NotOnRoster | NoCredential) -> FieldError:
    if isinstance(error, NotOnRoster):
        return FieldError("time-log-day", "On that day you were not on the practice’s staff list in a role that records time.")
    if isinstance(error, NoCredential):
        return FieldError("", "The staff list has no credential of yours. Ask your program lead to add it.")
    return FieldError("time-log-start", f"{str(error)[:1].upper()}{str(error)[1:]}.")


async def _clash(desk: Desk, stretch: Stretch) -> Row:
    """Say what is in the way, by how much, and which change would do."""
    assert isinstance(stretch, Interval)  # a day without times never clashes
    async with desk.at.uow as uow:
        ident = await uow.entries.overlapping(desk.person, stretch)
        stored = await uow.entries.read(ident) if ident else None
        other = entry_of(desk, stored) if stored else None
        chart = await uow.charts.find(other.patient) if other else None
    if other is None or other.interval is None:
        text = "Another entry was in the way a moment ago. Save again."
        return {"text": text, "picture": None, "fix": None, "other": "", "until": "", "from_": ""}
    shared = stretch.intersection(other.interval)
    assert shared is not None
    whose = "for this patient" if other.patient == desk.patient else "for another patient"
    if other.patient != desk.patient and chart and chart.identifier:
        whose += f", MRN ending {chart.identifier[-3:]},"
    begins, ends = desk.clock(other.interval.start, seconds=True), desk.clock(other.interval.end, seconds=True)
    text = (
        f"Your {activity_words(other.activity).lower()} {whose} runs from {begins} to {ends}. One person cannot work two entries"
        f" at once, so {duration_words(shared.seconds)} would count twice."
    )
    return {
        "text": text,
        "picture": _picture(desk, stretch, other.interval, activity_words(other.activity)),
        "fix": _fix(desk, stretch, other.interval),
        "other": str(ident) if other.patient == desk.patient else "",
        "until": ends if other.interval.start <= stretch.start else "",
        "from_": begins if other.interval.end >= stretch.end > other.interval.start else "",
    }


def _fix(desk: Desk, stretch: Interval, other: Interval) -> Row | None:
    if other.start <= stretch.start < other.end < stretch.end:
        rest = replace(stretch, start=other.end)
        at = desk.clock(other.end, seconds=True)
        return {"name": "fix_start", "value": at, "words": f"Start at {at} and save {duration_words(rest.seconds)}"}
    if stretch.start < other.start < stretch.end <= other.end:
        rest = replace(stretch, end=other.start)
        at = desk.clock(other.start, seconds=True)
        return {"name": "fix_end", "value": at, "words": f"End at {at} and save {duration_words(rest.seconds)}"}
    return None


def _picture(desk: Desk, this: Interval, other: Interval, words: str) -> Row:
    """Return the bars of both entries in percent of the time that they span together."""
    start, end = min(this.start, other.start), max(this.end, other.end)
    whole = (end - start).total_seconds()

    def bar(one: Interval) -> Row:
        return {"x": round((one.start - start).total_seconds() / whole * 100, 2), "w": round(one.seconds / whole * 100, 2)}

    shared = this.intersection(other)
    assert shared is not None
    return {
        "old": bar(other),
        "new": bar(this),
        "clash": bar(shared),
        "old_words": f"{words}, {desk.clock(other.start)} to {desk.clock(other.end)}",
        "new_words": f"This entry, {desk.clock(this.start)} to {desk.clock(this.end)}",
    }
