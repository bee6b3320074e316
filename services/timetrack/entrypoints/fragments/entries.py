"""One entry: its row, and what its author may do to it in the row. Nothing is edited: each change is a version with a reason."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.timetrack.domain.time_entry import DayOnly, InvalidEntry, OverlappingEntry, Status, TimeEntry
from services.timetrack.entrypoints.fragments.common import (
    Desk,
    Reader,
    Writer,
    activity_of,
    answer,
    compose,
    desk_of,
    problem_of,
)
from services.timetrack.entrypoints.fragments.entry_forms import (
    VOID_REASONS,
    find_entry,
    own_entry,
    row_values,
    said,
    seen_version,
    show_form,
)
from services.timetrack.usecases.amend_time import amend_time
from services.timetrack.usecases.ports import NoSuchThing, StoredVersion
from shared.fhir.json_text import dump, parse
from shared.kernel.errors import PreconditionFailed
from shared.kernel.interval import Interval
from shared.kernel.vocabulary import TimeBasis
from shared.web.fhir_route import RetryingRoute
from shared.web.pages import clock_words, day_words
from shared.web.typed import FieldError, form_of, instant_at, minutes_of, time_of_day

router = APIRouter(prefix="/t/{tenant}/app/time/entries", route_class=RetryingRoute, include_in_schema=False)

_KEPT = ("meta", "focus", "basedOn", "language", "text")
"""Elements of a sender's Task that an entry does not hold; a change on a page keeps them."""

_ACTIONS = ("amend", "void", "addendum", "move", "split")


@router.get("/{entry_id}")
async def row(request: Request, entry_id: UUID, principal: Reader) -> Response:
    """Show the entry's row, or with `alone` its facts without a table."""
    desk = await desk_of(request, principal)
    stored, entry = await find_entry(desk, entry_id)
    template = "entry_alone.html" if "alone" in request.query_params else "entry_row.html"
    return answer(template, **await row_values(desk, stored, entry))


@router.get("/{entry_id}/{action}")
async def form(request: Request, entry_id: UUID, action: str, principal: Writer) -> Response:
    """Open what is to be done in the row."""
    desk = await desk_of(request, principal)
    stored, entry = await own_entry(desk, entry_id)
    if action not in _ACTIONS:
        raise NoSuchThing("no such page")
    return await show_form(desk, action, stored, entry, {})


@router.post("/{entry_id}/amend")
async def amend(request: Request, entry_id: UUID, principal: Writer) -> Response:
    """Amend: other times are asserted from then on, since no clock measured them."""
    desk, typed = await desk_of(request, principal), await form_of(request)
    stored, entry = await own_entry(desk, entry_id)
    try:
        changed = await _amended(desk, entry, typed)
    except InvalidEntry as error:
        return await show_form(desk, "amend", stored, entry, typed, [FieldError(error.issues[0].expression or "", str(error))])
    return await _change(desk, "amend", stored, entry, changed, typed)


@router.post("/{entry_id}/void")
async def void(request: Request, entry_id: UUID, principal: Writer) -> Response:
    """Void: it stays in the history with the reason."""
    desk, typed = await desk_of(request, principal), await form_of(request)
    stored, entry = await own_entry(desk, entry_id)
    reason = _void_reason(typed)
    if not reason:
        errors = [FieldError("time-void-words", "Choose a reason; for “Other” say it in your words.")]
        return await show_form(desk, "void", stored, entry, typed, errors)
    return await _change(desk, "void", stored, entry, replace(entry, status=Status.ENTERED_IN_ERROR, reason=reason), typed)


@router.post("/{entry_id}/addendum")
async def addendum(request: Request, entry_id: UUID, principal: Writer) -> Response:
    """Add to the note, dated; what was written stays."""
    desk, typed = await desk_of(request, principal), await form_of(request)
    stored, entry = await own_entry(desk, entry_id)
    words = typed.get("words", "")
    async with desk.at.uow as uow:
        chart = await uow.charts.find(desk.patient)
    problem = problem_of(chart, typed)
    if not words and not problem:
        return await show_form(
            desk, "addendum", stored, entry, typed, [FieldError("time-add-words", "Write what is to be added.")]
        )
    when = f"{day_words(desk.at.now, desk.at.practice.zone)}, {desk.clock(desk.at.now)}"
    note = f"Addendum {when}: {words}" if words else None
    changed = replace(
        entry,
        note="\n".join(part for part in (entry.note, note) if part) or None,
        problem=entry.problem or problem,
        reason="Addendum",
    )
    return await _change(desk, "addendum", stored, entry, changed, typed)


async def _change(
    desk: Desk, action: str, stored: StoredVersion, entry: TimeEntry, changed: TimeEntry, typed: Mapping[str, str]
) -> Response:
    """Store `changed` as the next version and show the row; a refusal opens the form again with what was typed."""
    at = desk.at
    try:
        version = await amend_time(
            uow=at.uow,
            months=at.months,
            practice=at.practice,
            author=at.author,
            entry_id=stored.id,
            seen_version=seen_version(typed, stored),
            patient=desk.patient,
            entry=changed,
            body=_body(stored, changed),
            may_read=True,
            now=at.now,
        )
    except OverlappingEntry:
        errors = [FieldError("time-amend-start", "You were already on another entry at some of that time.")]
        return await show_form(desk, action, stored, entry, typed, errors)
    except (InvalidEntry, PreconditionFailed) as error:
        return await show_form(desk, action, stored, entry, typed, [said(error)])
    fresh, now_is = await find_entry(desk, stored.id)
    return answer("entry_row.html", seen=[(version.id, version.version)], **await row_values(desk, fresh, now_is))


async def _amended(desk: Desk, entry: TimeEntry, typed: Mapping[str, str]) -> TimeEntry:
    reason = typed.get("words", "")
    if not reason:
        raise InvalidEntry("Say why.", expression="time-amend-words")
    changed = replace(entry, activity=activity_of(typed) or entry.activity, reason=reason)
    stretch = _typed_stretch(desk, entry, typed)
    if stretch == entry.stretch:
        return changed
    return replace(
        changed,
        stretch=stretch,
        basis=TimeBasis.ASSERTED,
        gap_seconds=0,
        asserted_reason=entry.asserted_reason or reason,
    )


def _typed_stretch(desk: Desk, entry: TimeEntry, typed: Mapping[str, str]) -> Interval | DayOnly:
    interval, zone = entry.interval, desk.at.practice.zone
    if interval is None:
        seconds = minutes_of(typed.get("minutes", ""))
        if seconds is None or entry.day is None:
            raise InvalidEntry("Give the minutes, such as 12 or 12:30.", expression="time-amend-minutes")
        return DayOnly(entry.day, seconds)
    day, found = interval.start.astimezone(zone).date(), []
    for name, was in (("start", interval.start), ("end", interval.end)):
        text = typed.get(name, "")
        if text == clock_words(was, zone, seconds=True):
            found.append(was)
            continue
        at = time_of_day(text)
        instant = instant_at(day, at, zone) if at else None
        if instant is None:
            raise InvalidEntry("Give a time of day, such as 2:10 pm.", expression=f"time-amend-{name}")
        found.append(instant)
    start, end = found
    if end <= start and interval.end.astimezone(zone).date() > day:
        end += timedelta(days=1)
    if end <= start:
        raise InvalidEntry("The end is before the start.", expression="time-amend-end")
    return Interval(start, end)


def _void_reason(typed: Mapping[str, str]) -> str:
    chosen, words = typed.get("reason", ""), typed.get("words", "")
    if chosen == "other":
        return words
    known = VOID_REASONS.get(chosen, "")
    return f"{known}. {words}" if known and words else known


def _body(stored: StoredVersion, changed: TimeEntry) -> str:
    before = parse(stored.body.encode())
    return dump({**{name: before[name] for name in _KEPT if name in before}, **parse(compose(changed).encode())}).decode()
