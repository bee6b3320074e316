"""Note texts: specific ones drawn from the tables of a condition, and the vague, outreach and clerical ones."""

import random
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from deploy.sandbox.clinic.tables import table


@dataclass(frozen=True)
class Note:
    """What somebody writes about a stretch of work: the activity, the words, and the two fields where they filled them in."""

    activity: str
    text: str
    action_taken: str | None = None
    clinical_relevance: str | None = None


def write(rng: random.Random, kind: str, condition: str, day: date, seconds: int) -> Note:
    """Write a note of a kind: `good` (two actions from ten minutes on), `rpm`, `tcm`, `vague`, `outreach` or `desk`."""
    words = table("notes")
    slots = _Slots(rng, words["slots"], day)
    if kind == "vague":
        return Note(rng.choice(["patient-contact", "chart-review", "care-coordination"]), rng.choice(words["vague"]))
    if kind == "outreach":
        return Note("outreach-attempt", rng.choice(words["outreach"]))
    if kind == "desk":
        return Note("scheduling", rng.choice(words["desk"]))
    if kind in ("rpm", "tcm"):
        text = rng.choice(words[kind]).format_map(slots)
        finding, _, action = text.partition(";" if ";" in text else ":")
        return Note("care-transition" if kind == "tcm" else "patient-contact", text, action.strip(), finding.strip())
    own = words["good"][condition]
    finding = rng.choice(own["findings"]).format_map(slots)
    actions = rng.sample(own["actions"], 2 if seconds >= 600 else 1)
    done = " ".join(text.format_map(slots) for _, text in actions)
    then = rng.choice(own["next"]).format_map(slots)
    finding = finding[0].upper() + finding[1:]
    return Note(actions[0][0], f"{finding} {done} {then}", done, f"{finding} {then}")


class _Slots(dict[str, str]):
    """Values of the slots of one note: drawn at first mention, the same at the next."""

    def __init__(self, rng: random.Random, specs: dict[str, list[Any]], day: date) -> None:
        super().__init__()
        self._rng, self._specs, self._day = rng, specs, day

    def __missing__(self, name: str) -> str:
        self[name] = self._draw(name)
        return self[name]

    def _draw(self, name: str) -> str:
        if name == "next_date":
            day = self._day + timedelta(days=self._rng.randrange(2, 21))
            return _short(day + timedelta(days=7 - day.weekday() if day.weekday() > 4 else 0))
        if name == "last_date":
            return _short(self._day - timedelta(days=self._rng.randrange(3, 28)))
        kind, *values = self._specs[name]
        if kind == "one":
            return str(self._rng.choice(values))
        number = self._rng.randint(*values)
        return str(number) if kind == "range" else f"{number // 10}.{number % 10}"


def _short(day: date) -> str:
    return f"{day.month}/{day.day}"
