"""Fragments of pages: rendered on the server from primitives, for a principal with a role, inside a launch.

A template holds no logic beyond loops and ifs, no inline style or script, and nothing of htmx that needs eval (a lint says
so). What the browser sends is only what a person typed or picked: coded choices are read again on the server.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

_SHARED = Path(__file__).parent / "templates"
_DAY = re.compile(r"\b\d{4}-\d\d-\d\d\b")


class Pages:
    """The templates of one part: its own folder first, then the shared parts."""

    def __init__(self, folder: Path) -> None:
        self._environment = Environment(
            loader=ChoiceLoader([FileSystemLoader(folder), FileSystemLoader(_SHARED)]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {
            "duration": duration_words,
            "clock": clock_words,
            "day": day_words,
            "days": days_in_words,
            "minutes": minutes_figure,
        }

    def text(self, template: str, **values: Any) -> str:
        """Render `template` with `values`; a name that is missing is an error, never an empty place."""
        return self._environment.get_template(template).render(**values)

    def answer(self, template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any) -> Response:
        """Answer with the rendered fragment."""
        return Response(self.text(template, **values), status, headers, media_type="text/html; charset=utf-8")


def duration_words(seconds: int) -> str:
    """Say a duration in words: `6 min 20 s`, `1 h 5 min`, `40 s`."""
    hours, rest = divmod(abs(seconds), 3600)
    minutes, left = divmod(rest, 60)
    parts = [f"{number} {unit}" for number, unit in ((hours, "h"), (minutes, "min"), (left, "s")) if number]
    return " ".join(parts) or "0 s"


def minutes_figure(seconds: int) -> str:
    """Write a duration as `m:ss`, for a column headed min:s and for the running clock."""
    return f"{seconds // 60}:{seconds % 60:02d}"


def clock_words(at: datetime, zone: ZoneInfo, *, seconds: bool = False) -> str:
    """Say a time of day in `zone`: `9:40 am`, with seconds where evidence needs them."""
    local = at.astimezone(zone)
    text = local.strftime("%I:%M:%S %p" if seconds else "%I:%M %p").lstrip("0")
    return text[:-2] + text[-2:].lower()


def day_words(at: datetime, zone: ZoneInfo) -> str:
    """Say an instant's day in `zone`: `Nov 24, 2026`."""
    return date_words(at.astimezone(zone))


def date_words(day: date) -> str:
    """Say a day: `Nov 24, 2026`."""
    return f"{day:%b} {day.day}, {day.year}"


def days_in_words(text: str) -> str:
    """Say each day of a stored sentence as pages say days: `2026-11-24` becomes `Nov 24, 2026`.

    The sentence of a decision stays as it was decided; only what is shown is put into the reader's words.
    """
    return _DAY.sub(_say_day, text)


def _say_day(found: re.Match[str]) -> str:
    try:
        return date_words(date.fromisoformat(found[0]))
    except ValueError:
        return found[0]


def days_left(at: datetime, end: datetime) -> int:
    """Return how many days begin from `at` to before `end`."""
    return max(-((at - end) // timedelta(days=1)), 0)
