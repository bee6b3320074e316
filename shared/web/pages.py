"""Fragments of pages: rendered on the server from primitives, for a principal with a role, inside a launch.

A template holds no logic beyond loops and ifs, no inline style or script, and nothing of htmx that needs eval (a lint says
so). What the browser sends is only what a person typed or picked: coded choices are read again on the server.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

_SHARED = Path(__file__).parent / "templates"


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
    """Say a day in `zone`: `Nov 24, 2026`."""
    local = at.astimezone(zone)
    return f"{local:%b} {local.day}, {local.year}"


def days_left(at: datetime, end: datetime) -> int:
    """Return how many days begin from `at` to before `end`."""
    return max(-((at - end) // timedelta(days=1)), 0)
