"""What the fragments share: roles, the person behind a request, the words of an entry, answers after a write."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request, Response

from services.timetrack.domain.note_quality import ACTION, PROBLEM, Advice, advise, judge
from services.timetrack.domain.time_entry import NO_PROBLEM, Problem, TimeEntry
from services.timetrack.entrypoints.dependencies import Here, here
from services.timetrack.entrypoints.task_answers import task_from
from services.timetrack.fhir_mapping.inbound import read_task
from services.timetrack.fhir_mapping.outbound import compose_task
from services.timetrack.usecases.ports import StoredVersion
from shared.contracts.ehr_context import ChartProblem, EhrContextState
from shared.fhir.json_text import dump
from shared.kernel.errors import Forbidden
from shared.kernel.notes import told_once
from shared.kernel.vocabulary import Activity, StaffRole
from shared.web.access_control import Principal, page
from shared.web.pages import Pages, clock_words, day_words
from shared.web.typed import FieldError
from shared.web.words import ACTIVITIES, activity_words, person_words, program_words

WRITERS = (StaffRole.CLINICAL_STAFF, StaffRole.BILLING_PRACTITIONER)
READERS = (*WRITERS, StaffRole.BILLER, StaffRole.PROGRAM_LEAD, StaffRole.AUDITOR)

Writer = Annotated[Principal, Depends(page(*WRITERS))]
Reader = Annotated[Principal, Depends(page(*READERS))]

PAGES = Pages(Path(__file__).parent.parent / "templates")

Row = dict[str, Any]
Seen = tuple[UUID, int]
"""An entry and its version just written."""


@dataclass(frozen=True)
class Desk:
    """One request for a fragment: its place, and the person and the patient whom it concerns."""

    at: Here
    person: str
    patient: str
    writes: bool

    @property
    def base(self) -> str:
        """The address of the fragments."""
        return f"/t/{self.at.practice.tenant}/app/time"

    def clock(self, at: Any, *, seconds: bool = False) -> str:
        """Say a time of day in the practice's zone."""
        return clock_words(at, self.at.practice.zone, seconds=seconds)

    @property
    def today(self) -> date:
        """The day at the practice."""
        return self.at.now.astimezone(self.at.practice.zone).date()


async def desk_of(request: Request, principal: Principal) -> Desk:
    """Return the desk of a verified page request; Forbidden for somebody whom the EHR does not name as a Practitioner."""
    kind, _, person = principal.actor.rpartition("/")
    assert principal.patient is not None  # the route asks for a chart
    writes = bool(principal.roles & set(WRITERS))
    if writes and not (kind.rpartition("/")[2] == "Practitioner" and person):
        raise Forbidden("the EHR did not say which Practitioner you are")
    return Desk(await here(request, principal), person, principal.patient, writes)


def answer(template: str, *, status: int = 200, seen: Sequence[Seen] = (), **values: Any) -> Response:
    """Answer with a fragment; `seen` is what was just written, of which the shell tells the other fragments."""
    told = ",".join(f"{entry}@{version}" for entry, version in seen)
    headers = {"HX-Trigger": json.dumps({"careledger:written": {"seen": told}})} if seen else None
    return PAGES.answer(template, status=status, headers=headers, **values)


def compose(entry: TimeEntry) -> str:
    """Write an entry as a Task's text."""
    return dump(compose_task(entry)).decode()


def entry_of(desk: Desk, stored: StoredVersion) -> TimeEntry:
    """Return the entry that a stored version describes."""
    return read_task(task_from(desk.at, stored), ehr=desk.at.ehr, own_id=str(stored.id))


def problem_of(chart: EhrContextState | None, form: Mapping[str, str]) -> Problem:
    """Return the problem that was picked, as the chart has it; where the chart shows none, the words that were typed."""
    wanted = form.get("problem", "")
    found = next((problem for problem in _problems(chart) if problem.condition == wanted), None)
    if found is not None:
        return Problem(found.condition, found.codes, found.text)
    words = form.get("problem_text", "")
    return Problem(text=words) if words and not _problems(chart) else NO_PROBLEM


def problem_options(chart: EhrContextState | None, used: Sequence[str | None], chosen: str) -> list[Row]:
    """Return the problems of the chart, those used last first."""
    order = {condition: index for index, condition in reversed(list(enumerate(used))) if condition}
    problems = sorted(_problems(chart), key=lambda problem: order.get(problem.condition, len(order)))
    return [{"value": one.condition, "words": _problem_words(one), "chosen": one.condition == chosen} for one in problems]


def advice_of(form: Mapping[str, str], *, linked: bool, seconds: int) -> dict[str, list[Row]]:
    """Return what to read beside the two fields of a note; nothing while nothing is typed."""
    did, why = form.get("did", ""), form.get("why", "")
    if not did and not why:
        return {"did": [], "why": []}
    activity = next((known for known in ACTIVITIES if known == form.get("activity")), None)
    found = advise(judge(None, did, why, linked=linked, activity=activity, seconds=seconds))
    return {
        "did": [_advice(one) for one in found if one.about in (PROBLEM, ACTION)],
        "why": [_advice(one) for one in found if one.about not in (PROBLEM, ACTION)],
    }


def note_fields(form: Mapping[str, str], chart: EhrContextState | None, recent: Sequence[TimeEntry], *, seconds: int) -> Row:
    """Return what the note's fields show: what was typed, the problems to pick from, the advice."""
    problem = problem_of(chart, form)
    return {
        "problems": problem_options(chart, [entry.problem.condition for entry in recent], form.get("problem", "")),
        "problem_text": form.get("problem_text", ""),
        "did": form.get("did", ""),
        "why": form.get("why", ""),
        "advice": advice_of(form, linked=bool(problem), seconds=seconds),
    }


def choices(desk: Desk, *, program: str, activity: str) -> Row:
    """Return the programs of the practice and the activities, the chosen ones marked."""
    return {
        "programs": [{"value": one, "words": program_words(one), "chosen": one == program} for one in desk.at.document.programs],
        "activities": [{"value": one.value, "words": words, "chosen": one == activity} for one, words in ACTIVITIES.items()],
    }


def entry_row(desk: Desk, stored: StoredVersion, entry: TimeEntry) -> Row:
    """Return an entry as its row shows it."""
    interval, zone = entry.interval, desk.at.practice.zone
    day = f"{entry.day:%a %b} {entry.day.day}" if entry.day else ""
    if interval:
        start = interval.start.astimezone(zone)
        day = f"{start:%a %b} {start.day}"
    return {
        "id": str(stored.id),
        "version": stored.version,
        "day": day,
        "times": f"{desk.clock(interval.start)} to {desk.clock(interval.end)}" if interval else "time of day not known",
        "activity": activity_words(entry.activity),
        "program": program_words(entry.program),
        "problem": entry.problem.text or "",
        "note": told_once(entry.action_taken, entry.clinical_relevance, entry.note),
        "because": entry.asserted_reason or "",
        "who": person_words(entry.performer.name, entry.role),
        "basis": entry.basis.value,
        "seconds": entry.seconds,
        "void": entry.status.value == "entered-in-error",
        "reason": entry.reason or "",
        "mine": desk.writes and entry.performer.id == desk.person,
        "late": stored.late,
    }


def last_note(desk: Desk, recent: Sequence[tuple[StoredVersion, TimeEntry]]) -> Row | None:
    """Return the newest note of the chart, where the next one will be written."""
    for stored, entry in recent:
        if entry.action_taken or entry.clinical_relevance or entry.note:
            written = stored.written_at.astimezone(desk.at.practice.zone)
            day = "today" if written.date() == desk.today else day_words(stored.written_at, desk.at.practice.zone)
            return {
                "when": f"{day}, {desk.clock(stored.written_at)}",
                "who": person_words(entry.performer.name, entry.role),
                "problem": entry.problem.text or "none chosen",
                "did": entry.action_taken or entry.note or "",
                "why": entry.clinical_relevance or "",
            }
    return None


def uuid_or_none(text: str) -> UUID | None:
    """Return the id that `text` is, or None."""
    try:
        return UUID(text)
    except ValueError:
        return None


def activity_of(form: Mapping[str, str]) -> Activity | None:
    """Return the activity that was picked."""
    return next((known for known in ACTIVITIES if known == form.get("activity")), None)


def errors_by_field(errors: Sequence[FieldError]) -> list[Row]:
    """Return the errors as templates take them."""
    return [{"field": error.field, "text": error.text} for error in errors]


def _problems(chart: EhrContextState | None) -> list[ChartProblem]:
    return [problem for problem in (chart.problems or ()) if problem.active] if chart else []


def _problem_words(problem: ChartProblem) -> str:
    codes = [code.partition("|")[2] for code in problem.codes if "icd-10" in code]
    return " · ".join([problem.text, *codes[:1]])


def _advice(advice: Advice) -> Row:
    return {"level": "do" if advice.to_do else "ok", "text": advice.text}
