"""Refreshers: one's own lessons with the day by which each is due, a lesson with its questions, and who has done which."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request, Response

from services.billing.entrypoints.fragments.common import ROLES, Desk, Row, answer, counted, day_of, fragment_router, sentence
from services.billing.entrypoints.fragments.lines import csv_answer
from services.billing.entrypoints.fragments.practice import Everybody, Lead, practice_desk
from services.billing.entrypoints.fragments.rules import CERTAINTY, value_words
from services.billing.usecases.explain_rule import explain_rule
from services.billing.usecases.refreshers import (
    Due,
    Lesson,
    LessonCase,
    Member,
    Standing,
    complete_refresher,
    my_refreshers,
    staff_refreshers,
)
from shared.kernel.errors import Invalid
from shared.kernel.vocabulary import StaffRole
from shared.web.typed import FieldError, form_of

router = fragment_router("/refreshers")

_SOON_DAYS = 30
_NAMED = 3
_PROFILE = "medicare_ffs"


@router.get("")
async def refreshers(request: Request, principal: Everybody) -> Response:
    """Show one's own lessons, and to a lead or auditor everybody's."""
    return await _show(await practice_desk(request, principal))


@router.get(".csv")
async def as_file(request: Request, principal: Lead) -> Response:
    """Answer with every lesson of everybody as a file."""
    desk = await practice_desk(request, principal)
    rows = [
        (member.name, ", ".join(sorted(member.roles)), due.lesson.title, due.standing.value, due.due_on, due.completed_on)
        for member, dues in await _staff(desk)
        for due in dues
    ]
    head = ("name", "roles", "lesson", "state", "due", "completed")
    return csv_answer(f"refreshers-{desk.today}.csv", head, rows)


@router.get("/{lesson_id}")
async def lesson(request: Request, lesson_id: str, principal: Everybody) -> Response:
    """Show a lesson: the rules as they stand today, then its questions, nothing preselected."""
    desk = await practice_desk(request, principal)
    return _lesson(desk, desk.call.world.lessons.named(lesson_id), {}, [])


@router.post("/{lesson_id}")
async def complete(request: Request, lesson_id: str, principal: Everybody) -> Response:
    """Record that every question was answered right, in the person's name; else say which is not, and by which rule."""
    desk, typed = await practice_desk(request, principal, writes=True), await form_of(request)
    chosen = desk.call.world.lessons.named(lesson_id)
    try:
        await complete_refresher(
            lesson=chosen,
            answers=[_picked(case, typed.get(f"case-{number}", "")) for number, case in enumerate(chosen.cases, start=1)],
            person=desk.person,
            learn=desk.call.read,
            book=desk.call.world.rule_book,
            author=desk.call.author,
            clock=desk.call.world.clock,
        )
    except Invalid as refused:
        return _lesson(desk, chosen, typed, [_error(issue.expression or "", issue.text) for issue in refused.issues])
    return await _show(desk, done=chosen.title)


def _error(question: str, text: str) -> FieldError:
    number = question.rpartition("/")[2]
    words = "no answer yet" if text == "not answered" else "not right. Read the rules once more"
    return FieldError(f"bill-case-{number}", f"Question {number}: {words}.")


async def _show(desk: Desk, *, done: str = "") -> Response:
    mine = []
    if desk.person:
        mine = await my_refreshers(
            person=desk.person,
            roles=desk.roles,
            lessons=desk.call.world.lessons,
            learn=desk.call.read,
            book=desk.call.world.rule_book,
            at=desk.at,
        )
    leads = desk.has(StaffRole.PROGRAM_LEAD, StaffRole.AUDITOR)
    staff = [_member(desk, member, dues) for member, dues in (await _staff(desk) if leads else [])]
    rows = [_row(desk, due) for due in mine]
    return answer(
        "refreshers.html",
        base=desk.base,
        rows=rows,
        open=sum(row["open"] for row in rows),
        staff=sorted(staff, key=lambda row: -row["late"]),
        leads=leads,
        today=desk.today.isoformat(),
        done=done,
    )


async def _staff(desk: Desk) -> list[tuple[Member, list[Due]]]:
    world = desk.call.world
    return await staff_refreshers(lessons=world.lessons, learn=desk.call.read, book=world.rule_book, at=desk.at)


def _titles(titles: Sequence[str]) -> str:
    """Name the most urgent, and say how many more; the file has them all."""
    more = len(titles) - _NAMED
    return ", ".join(titles[:_NAMED]) + (f", and {more} more" if more > 0 else "")


_WHY = {
    Standing.NEW: "For your role",
    Standing.CHANGED: "A rule has changed since you did it",
    Standing.YEARLY: "Once a year",
    Standing.DONE: "",
}


def _row(desk: Desk, due: Due) -> Row:
    opened = due.standing is not Standing.DONE
    late = opened and due.is_late(desk.today)
    soon = not opened and (due.due_on - desk.today).days <= _SOON_DAYS
    words = "Overdue" if late else "To do" if opened else "Again soon" if soon else "Done"
    return {
        "id": due.lesson.id,
        "title": due.lesson.title,
        "rules": due.lesson.rules,
        "open": opened,
        "level": "review" if opened else "info" if soon else "ok",
        "words": words,
        "why": _WHY[due.standing],
        "due": day_of(due.due_on),
        "done": day_of(due.completed_on),
    }


def _member(desk: Desk, member: Member, dues: Sequence[Due]) -> Row:
    left = [due for due in dues if due.standing is not Standing.DONE]
    late = [due for due in left if due.is_late(desk.today)]
    last = max((due.completed_on for due in dues if due.completed_on), default=None)
    return {
        "name": member.name,
        "roles": ", ".join(ROLES.get(role, role.replace("-", " ").capitalize()) for role in sorted(member.roles)),
        "done": f"{len(dues) - len(left)} of {len(dues)}",
        "late": len(late),
        "level": "review" if late else "info" if left else "ok",
        "words": counted(len(late), "lesson") + " overdue" if late else f"{len(left)} to do" if left else "All done",
        "next": day_of(min((due.due_on for due in left), default=None)) or "nothing to do",
        "open": _titles([due.lesson.title for due in left]),
        "last": day_of(last) or "never",
    }


def _lesson(desk: Desk, chosen: Lesson, typed: Mapping[str, str], errors: list[FieldError]) -> Response:
    return answer(
        "refresher.html",
        status=422 if errors else 200,
        base=desk.base,
        id=chosen.id,
        title=chosen.title,
        rules=[_rule(desk, rule_id) for rule_id in chosen.rules],
        cases=[_case(number, case, typed) for number, case in enumerate(chosen.cases, start=1)],
        answers=bool(desk.person),
        errors=errors,
    )


def _rule(desk: Desk, rule_id: str) -> Row:
    shown = explain_rule(rule_book=desk.call.world.rule_book, rule_id=rule_id, profile=_PROFILE, day=desk.today)
    plain = [each for each in shown.parameters if isinstance(each.value, int | str)]
    return {
        "id": rule_id,
        "says": sentence(shown.rule.says),
        "certainty": CERTAINTY[shown.rule.certainty],
        "values": [f"{each.parameter.description}: {value_words(each.value, each.parameter.unit)}" for each in plain],
    }


def _case(number: int, case: LessonCase, typed: Mapping[str, str]) -> Row:
    choices = [(_key(lines), _words(lines)) for lines in _choices(case)]
    return {"number": number, "story": case.story, "choices": choices, "typed": typed.get(f"case-{number}", "")}


def _choices(case: LessonCase) -> list[Mapping[str, int]]:
    """Return all answers in an order that tells nothing: from the least to the most."""
    return sorted((case.bills, *case.instead), key=lambda lines: (sum(lines.values()), _key(lines)))


def _picked(case: LessonCase, key: str) -> Mapping[str, int] | None:
    return next((lines for lines in _choices(case) if _key(lines) == key), None)


def _key(lines: Mapping[str, Any]) -> str:
    return json.dumps(lines, sort_keys=True, separators=(",", ":"))


def _words(lines: Mapping[str, int]) -> str:
    return " + ".join(code if units == 1 else f"{code} ×{units}" for code, units in lines.items()) or "Nothing"
