"""Each question of a refresher is a case of the rules, with the same answer; each lesson names rules of the rule book.

Requirements: issue 10.8 (short lessons generated from the rule book and its cases).
"""

from typing import Any

import pytest
import yaml

from services.billing.adapters.lesson_files import load_lessons
from services.billing.adapters.rule_book_files import load_rule_book
from services.billing.usecases.refreshers import Lesson, LessonCase
from shared.kernel.vocabulary import StaffRole
from tests.rules.test_rules import FOLDER, decide

LESSONS = load_lessons()


def case_named(name: str) -> dict[str, Any]:
    """Return a case by `file:id`; AssertionError if there is none."""
    file, _, ident = name.partition(":")
    rows = yaml.safe_load((FOLDER / f"{file}.yaml").read_text("utf-8"))
    found: list[dict[str, Any]] = [row for row in rows if str(row["id"]) == ident]
    assert len(found) == 1, name
    return found[0]


@pytest.mark.requirement("issue-10.8")
@pytest.mark.parametrize("case", [case for lesson in LESSONS.lessons for case in lesson.cases], ids=lambda case: str(case.case))
def test_the_engine_gives_the_answer_of_the_question(case: LessonCase) -> None:
    charges = {charge.code: charge.units for charge in decide(case_named(case.case)["facts"]).charges}
    assert charges == dict(case.bills)
    assert case.instead
    assert all(dict(wrong) != dict(case.bills) for wrong in case.instead)


@pytest.mark.parametrize("lesson", LESSONS.lessons, ids=lambda lesson: str(lesson.id))
def test_a_lesson_is_about_rules_of_the_book_and_for_roles_that_there_are(lesson: Lesson) -> None:
    assert set(lesson.rules) <= set(load_rule_book().rules)
    assert lesson.roles <= set(StaffRole)


def test_every_role_that_works_has_lessons() -> None:
    assert all(LESSONS.of([role]) for role in StaffRole if role is not StaffRole.AUDITOR)


def rules_that_stop() -> set[str]:
    """Return each rule of the engine with a situation that holds, asks or denies, for any payer, and that the staff can mend."""
    book = load_rule_book()
    rows = {
        key
        for key, row in book.severities.items()
        if row["who"] not in ("nobody", "administrator") and set(row["severity"].values()) & set("RHD")
    }
    return {rule.id for rule in book.rules.values() if rows & set(rule.situations) and not rule.elsewhere}


@pytest.mark.requirement("issue-10.8")
def test_each_rule_that_stops_a_charge_is_in_a_lesson_of_somebody() -> None:
    taught = {rule for lesson in LESSONS.lessons for rule in lesson.rules}
    assert len(rules_that_stop()) > 20
    assert rules_that_stop() - taught == set()
