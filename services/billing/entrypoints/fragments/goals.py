"""What the practice wants of its numbers, and who cares for each: from its settings, `goal_<number>` and `owner_<number>`.

Goals are the program's, never a person's. Without a setting the design's two lines stand, and denials at 5 % (findings.md 4).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from services.billing.domain.ledger import Practice
from services.billing.entrypoints.fragments.common import Row

Settings = Mapping[str, int | str | bool]


@dataclass(frozen=True)
class _Wanted:
    """A number's goal without a setting, its unit, and whether less is better."""

    goal: int | None
    words: str
    at_most: bool = False


_WANTED = {
    "enrollment": _Wanted(None, "{} patients"),
    "consent": _Wanted(100, "{} %"),
    "time": _Wanted(None, "{} h"),
    "documentation": _Wanted(95, "{} %"),
    "denials": _Wanted(5, "{} %", at_most=True),
    "revenue": _Wanted(None, "${:,}"),
    "billed": _Wanted(None, "{} %"),
    "speed": _Wanted(None, "{} days", at_most=True),
}


def goals_of(settings: Settings) -> dict[str, int]:
    """Return the goal of each number that has one; what is set as no whole number is none."""
    found: dict[str, int] = {}
    for key, wanted in _WANTED.items():
        goal = settings.get(f"goal_{key}", wanted.goal)
        if isinstance(goal, int) and not isinstance(goal, bool):
            found[key] = goal
    return found


def goal_row(key: str, value: float | None, settings: Settings, practice: Practice) -> Row:
    """Return what stands under a number: its goal, whether it is met, and who cares for it (a person of the roster, or words)."""
    wanted, goal = _WANTED[key], goals_of(settings).get(key)
    named = str(settings.get(f"owner_{key}", ""))
    owner = practice.staff[named].name if named in practice.staff else named
    words = "No goal set."
    if goal is not None:
        words = f"Goal: at {'most' if wanted.at_most else 'least'} {wanted.words.format(goal)}."
    met = None if goal is None or value is None else (value <= goal if wanted.at_most else value >= goal)
    said = {None: "", True: "Met", False: "Above the goal" if wanted.at_most else "Below the goal"}[met]
    return {
        "goal": words,
        "level": "ok" if met else "review",
        "met": said,
        "owner": f"Owner: {owner}." if owner else "No owner set.",
    }
