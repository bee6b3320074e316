"""Refreshers: short lessons on the rules, due when somebody takes up a role, each year, and when a rule of theirs has changed."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol, Self
from zoneinfo import ZoneInfo

from services.billing.domain.case import add_months
from services.billing.domain.rule_book import RuleBook
from services.billing.usecases.explain_rule import explain_rule
from services.billing.usecases.ports import UnitOfWork
from services.billing.usecases.records import Author
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.clock import Clock
from shared.kernel.errors import Forbidden, Invalid, Issue, NotFound

_PROFILE = "medicare_ffs"


@dataclass(frozen=True, kw_only=True)
class LessonCase:
    """A question: `case` names the rules' own case (`file:id`), `bills` its answer, `instead` what is offered beside it."""

    case: str
    story: str
    bills: Mapping[str, int]
    instead: tuple[Mapping[str, int], ...]


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """A lesson for the holders of `roles` (`StaffRole`), on `rules` of the rule book."""

    id: str
    title: str
    roles: frozenset[str]
    rules: tuple[str, ...]
    cases: tuple[LessonCase, ...]


@dataclass(frozen=True, kw_only=True)
class Lessons:
    """All lessons; due `first_days` after a role was taken up, and again after `again_months`. Ours, no payer's rule."""

    first_days: int
    again_months: int
    lessons: tuple[Lesson, ...]

    def named(self, lesson_id: str) -> Lesson:
        """Return a lesson; NotFound for another name."""
        found = next((lesson for lesson in self.lessons if lesson.id == lesson_id), None)
        if found is None:
            raise NotFound("no such lesson")
        return found

    def of(self, roles: Iterable[str]) -> list[Lesson]:
        """Return the lessons of somebody with these roles."""
        held = frozenset(roles)
        return [lesson for lesson in self.lessons if lesson.roles & held]


@dataclass(frozen=True, kw_only=True)
class Member:
    """Somebody of the roster: since when each role is held."""

    practitioner: str
    name: str
    roles: Mapping[str, date]


@dataclass(frozen=True, kw_only=True)
class Completion:
    """Somebody answered a lesson right: `edition` is that of the rules that it was about."""

    person: str
    lesson: str
    edition: str
    completed_at: datetime


class RefresherStore(Protocol):
    """Who has done which lesson, of one tenant."""

    async def members(self, day: date) -> list[Member]:
        """Return the roster's people with a role on a day, by name."""

    async def completions(self, person: str | None = None) -> list[Completion]:
        """Return the last completion of each lesson by each person, or by one."""

    async def complete(self, completion: Completion, author: Author) -> None:
        """Record a completion with its journal row; the same instant again changes nothing."""


class Learning(UnitOfWork, Protocol):
    """A unit of work with the refreshers."""

    @property
    def refreshers(self) -> RefresherStore:
        """The refreshers."""

    async def __aenter__(self) -> Self:
        """Begin."""


Learn = Callable[[], Learning]
"""Makes one such unit of work after another for the same tenant."""


class Standing(StrEnum):
    """Why a lesson is, or is not, to be done."""

    NEW = "new"
    CHANGED = "changed"
    YEARLY = "yearly"
    DONE = "done"


@dataclass(frozen=True, kw_only=True)
class Due:
    """A lesson as it stands for somebody: `due_on` is the day by which it is to be done (again)."""

    lesson: Lesson
    standing: Standing
    due_on: date
    completed_on: date | None

    def is_late(self, today: date) -> bool:
        """Tell whether its day has passed."""
        return self.due_on < today


def edition_of(lesson: Lesson, book: RuleBook, day: date) -> str:
    """Return the hash of what the lesson's rules make people do on a day: words, values and severities (of Medicare FFS)."""
    content = []
    for rule_id in lesson.rules:
        shown = explain_rule(rule_book=book, rule_id=rule_id, profile=_PROFILE, day=day)
        values = [(each.parameter.path, each.value) for each in shown.parameters]
        content.append(
            (rule_id, shown.rule.says, values, [(row.situation.key, row.situation.severity) for row in shown.situations])
        )
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]


def dues_of(
    lessons: Lessons, roles: Mapping[str, date], done: Mapping[str, tuple[str, date]], book: RuleBook, today: date
) -> list[Due]:
    """Return how each lesson of somebody stands, the most urgent first.

    `roles` say since when each is held here, `done` is (edition, day) by lesson.
    """
    found = []
    for lesson in lessons.of(roles):
        before = done.get(lesson.id)
        if before is None:
            taken_up = min(since for role, since in roles.items() if role in lesson.roles)
            found.append(_due(lesson, Standing.NEW, taken_up + timedelta(days=lessons.first_days), None))
            continue
        edition, day = before
        again = add_months(day, lessons.again_months)
        if edition != edition_of(lesson, book, today):
            found.append(_due(lesson, Standing.CHANGED, min(today, again), day))
        else:
            found.append(_due(lesson, Standing.YEARLY if again <= today else Standing.DONE, again, day))
    return sorted(found, key=lambda due: (due.standing is Standing.DONE, due.due_on, due.lesson.id))


def _due(lesson: Lesson, standing: Standing, due_on: date, completed_on: date | None) -> Due:
    return Due(lesson=lesson, standing=standing, due_on=due_on, completed_on=completed_on)


async def my_refreshers(
    *, person: str, roles: Iterable[str], lessons: Lessons, learn: Learn, book: RuleBook, at: datetime
) -> list[Due]:
    """Return the lessons of one person; a role that the roster does not date counts from today."""
    async with learn() as uow:
        zone, begun = await _practice(uow, at)
        today = at.astimezone(zone).date()
        member = next((one for one in await uow.refreshers.members(today) if one.practitioner == person), None)
        held = dict.fromkeys(roles, today) | (_held_here(member, begun) if member else {})
        done = {
            one.lesson: (one.edition, one.completed_at.astimezone(zone).date())
            for one in await uow.refreshers.completions(person)
        }
    return dues_of(lessons, held, done, book, today)


async def staff_refreshers(*, lessons: Lessons, learn: Learn, book: RuleBook, at: datetime) -> list[tuple[Member, list[Due]]]:
    """Return everybody of the roster with their lessons."""
    async with learn() as uow:
        zone, begun = await _practice(uow, at)
        today = at.astimezone(zone).date()
        members = await uow.refreshers.members(today)
        done: dict[str, dict[str, tuple[str, date]]] = {}
        for one in await uow.refreshers.completions():
            done.setdefault(one.person, {})[one.lesson] = (one.edition, one.completed_at.astimezone(zone).date())
    return [
        (member, dues_of(lessons, _held_here(member, begun), done.get(member.practitioner, {}), book, today))
        for member in members
    ]


async def _practice(uow: Learning, at: datetime) -> tuple[ZoneInfo, date]:
    """Return the practice's zone, and the day from which it works with Careledger: no lesson was due before."""
    zone = await uow.ledger.zone()
    practice = await uow.ledger.practice(CalendarMonth.of(at, zone))
    return zone, practice.tenants[0].effective_from


def _held_here(member: Member, begun: date) -> dict[str, date]:
    return {role: max(since, begun) for role, since in member.roles.items()}


async def complete_refresher(
    *,
    lesson: Lesson,
    answers: Sequence[Mapping[str, int] | None],
    person: str,
    learn: Learn,
    book: RuleBook,
    author: Author,
    clock: Clock,
) -> None:
    """Record that `person` answered every question of the lesson right.

    Invalid naming the questions (`case/1` …) that are open or answered wrong, Forbidden for somebody who is not on the roster.
    """
    wrong = [
        Issue("refresher", "not answered" if given is None else "not right", f"case/{number}")
        for number, (case, given) in enumerate(zip(lesson.cases, answers, strict=True), start=1)
        if given is None or dict(given) != dict(case.bills)
    ]
    if wrong:
        raise Invalid("not every answer is right", rule="refresher", issues=tuple(wrong))
    async with learn() as uow:
        now = clock.now()
        today = now.astimezone(await uow.ledger.zone()).date()
        if person not in {member.practitioner for member in await uow.refreshers.members(today)}:
            raise Forbidden("the practice's staff list does not have you")
        edition = edition_of(lesson, book, today)
        done = Completion(person=person, lesson=lesson.id, edition=edition, completed_at=now)
        await uow.refreshers.complete(done, author)
