"""Reads the refreshers' lessons from `services/billing/parameters/lessons.yaml`."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from services.billing.adapters.rule_book_files import PARAMETERS, read_yaml
from services.billing.usecases.refreshers import Lesson, LessonCase, Lessons


@lru_cache(maxsize=1)
def load_lessons() -> Lessons:
    """Return all lessons."""
    data = read_yaml(PARAMETERS / "lessons.yaml")
    lessons = tuple(
        Lesson(
            id=row["id"],
            title=row["title"],
            roles=frozenset(row["roles"]),
            rules=tuple(row["rules"]),
            cases=tuple(_case(case) for case in row["cases"]),
        )
        for row in data["lessons"]
    )
    return Lessons(first_days=data["due"]["first_days"], again_months=data["due"]["again_months"], lessons=lessons)


def _case(row: Mapping[str, Any]) -> LessonCase:
    return LessonCase(
        case=row["case"],
        story=row["story"],
        bills=_lines(row["bills"]),
        instead=tuple(_lines(lines) for lines in row["instead"]),
    )


def _lines(lines: Mapping[Any, int]) -> dict[str, int]:
    return {str(code): units for code, units in lines.items()}
