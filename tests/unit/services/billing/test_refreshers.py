"""When a lesson is due: at hire, each year, and when its rules change."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from services.billing.adapters.lesson_files import load_lessons
from services.billing.adapters.rule_book_files import load_rule_book
from services.billing.usecases.refreshers import Standing, dues_of, edition_of

BOOK = load_rule_book()
LESSONS = load_lessons()
TODAY = date(2026, 11, 3)
HIRED = {"biller": date(2026, 10, 20)}
PAYERS = LESSONS.named("payers")


def due(
    done: dict[str, tuple[str, date]], roles: dict[str, date] | None = None, book: object = BOOK
) -> dict[str, tuple[Standing, date]]:
    return {one.lesson.id: (one.standing, one.due_on) for one in dues_of(LESSONS, roles or HIRED, done, book, TODAY)}  # type: ignore[arg-type]


@pytest.mark.requirement("issue-10.8")
def test_a_lesson_is_due_some_days_after_a_role_is_taken_up() -> None:
    assert due({})["payers"] == (Standing.NEW, date(2026, 11, 19))
    older = due({}, HIRED | {"program-lead": date(2020, 1, 1)})
    assert older["payers"] == (Standing.NEW, date(2020, 1, 31))
    assert "consent-first" not in due({})


def test_it_comes_again_after_a_year() -> None:
    edition = edition_of(PAYERS, BOOK, TODAY)
    assert due({"payers": (edition, TODAY)})["payers"] == (Standing.DONE, date(2027, 11, 3))
    assert due({"payers": (edition, date(2025, 11, 4))})["payers"] == (Standing.DONE, date(2026, 11, 4))
    assert due({"payers": (edition, date(2025, 11, 3))})["payers"] == (Standing.YEARLY, TODAY)


def test_it_comes_again_when_what_a_rule_makes_people_do_has_changed() -> None:
    edition = edition_of(PAYERS, BOOK, TODAY)
    rule = replace(BOOK.rules["P4"], says="Something else")
    changed = replace(BOOK, rules={**BOOK.rules, "P4": rule})
    done = {
        "payers": (edition, TODAY - timedelta(days=1)),
        "full-minutes": (edition_of(LESSONS.named("full-minutes"), BOOK, TODAY), TODAY),
    }
    assert due(done, book=changed)["payers"] == (Standing.CHANGED, TODAY)
    assert due(done, book=changed)["full-minutes"][0] is Standing.DONE


def test_the_most_urgent_is_first_and_what_is_done_last() -> None:
    done = {"lanes": (edition_of(LESSONS.named("lanes"), BOOK, TODAY), TODAY)}
    found = dues_of(LESSONS, HIRED, done, BOOK, TODAY)
    assert found[-1].lesson.id == "lanes"
    assert [one.due_on for one in found[:-1]] == sorted(one.due_on for one in found[:-1])
