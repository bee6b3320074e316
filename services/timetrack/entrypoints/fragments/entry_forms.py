"""What every form in an entry's row needs: whose entry it is, the row itself, the form with what was typed."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from fastapi import Response

from services.timetrack.domain.time_entry import TimeEntry
from services.timetrack.entrypoints.fragments.common import (
    Desk,
    answer,
    choices,
    entry_of,
    entry_row,
    errors_by_field,
    problem_options,
)
from services.timetrack.usecases.ports import NoSuchThing, StoredVersion
from shared.kernel.errors import CareledgerError, Forbidden, PreconditionFailed
from shared.web.pages import clock_words, day_words, duration_words
from shared.web.typed import FieldError

PARTS = 4
PART_FIELDS = ("mrn", "minutes", "did", "why")
VOID_REASONS = {"twice": "Logged twice", "not-care": "Not care management", "other": "Other"}


async def find_entry(desk: Desk, entry_id: UUID) -> tuple[StoredVersion, TimeEntry]:
    """Return an entry of this chart; NoSuchThing."""
    async with desk.at.uow as uow:
        stored = await uow.entries.read(entry_id, patient=desk.patient)
    if stored is None:
        raise NoSuchThing("no such entry")
    return stored, entry_of(desk, stored)


async def own_entry(desk: Desk, entry_id: UUID) -> tuple[StoredVersion, TimeEntry]:
    """Return an entry of this chart that the person at the desk worked; NoSuchThing, Forbidden."""
    stored, entry = await find_entry(desk, entry_id)
    if entry.performer.id != desk.person:
        raise Forbidden("an entry is changed by the one who worked", rule="entry-of-another")
    return stored, entry


async def show_form(
    desk: Desk,
    action: str,
    stored: StoredVersion,
    entry: TimeEntry,
    typed: Mapping[str, str],
    errors: Sequence[FieldError] = (),
) -> Response:
    """Open a form in the row, with what was typed; 422 with `errors`."""
    async with desk.at.uow as uow:
        chart = await uow.charts.find(desk.patient)
    interval, zone = entry.interval, desk.at.practice.zone
    fresh = {
        "start": clock_words(interval.start, zone, seconds=True) if interval else "",
        "end": clock_words(interval.end, zone, seconds=True) if interval else "",
        "minutes": "" if interval else f"{entry.seconds // 60}:{entry.seconds % 60:02d}",
        "minutes0": f"{entry.seconds // 60}:{entry.seconds % 60:02d}",
        "activity": entry.activity.value,
    }
    names = ("start", "end", "minutes", "reason", "words", "mrn", *(f"{n}{i}" for i in range(PARTS) for n in PART_FIELDS))
    return answer(
        "entry_form.html",
        status=422 if errors else 200,
        base=desk.base,
        action=action,
        entry=entry_row(desk, stored, entry),
        form={name: typed.get(name, fresh.get(name, "")) for name in names},
        reasons=[{"value": k, "words": w, "chosen": k == typed.get("reason")} for k, w in VOID_REASONS.items()],
        parts=list(range(PARTS)),
        problems=problem_options(chart, [entry.problem.condition], typed.get("problem", "")),
        errors=errors_by_field(errors),
        **choices(desk, program=entry.program, activity=typed.get("activity") or entry.activity),
    )


async def row_values(desk: Desk, stored: StoredVersion, entry: TimeEntry) -> dict[str, Any]:
    """Return what an entry's row shows."""
    async with desk.at.uow as uow:
        history = await uow.entries.history(stored.id, patient=desk.patient)
    return {"base": desk.base, "entry": entry_row(desk, stored, entry), "history": _history(desk, history)}


def _history(desk: Desk, versions: Sequence[StoredVersion]) -> list[str]:
    """Say what became of the entry, the newest first; nothing for one that was only logged."""
    found = []
    for version, before in itertools.pairwise(versions):
        entry = entry_of(desk, version)
        what = (
            "voided"
            if version.change == "voided"
            else f"{duration_words(before.seconds)} became {duration_words(version.seconds)}"
        )
        if version.change != "voided" and version.seconds == before.seconds:
            what = "amended"
        when = f"{day_words(version.written_at, desk.at.practice.zone)}, {desk.clock(version.written_at)}"
        found.append(f"{when}, {entry.performer.name or version.author}: {what}. “{entry.reason or ''}”")
    if found:
        first = versions[-1]
        when = f"{day_words(first.written_at, desk.at.practice.zone)}, {desk.clock(first.written_at)}"
        found.append(f"{when}: first saved, {duration_words(first.seconds)}.")
    return found


def seen_version(typed: Mapping[str, str], stored: StoredVersion) -> int:
    """Return the version that the form showed."""
    text = typed.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else stored.version


def said(error: CareledgerError) -> FieldError:
    """Say a refusal at the top of the form."""
    if isinstance(error, PreconditionFailed):
        return FieldError("", "Somebody changed the entry meanwhile. Keep it, and look again.")
    text = str(error)
    return FieldError("", f"{text[:1].upper()}{text[1:]}.")
