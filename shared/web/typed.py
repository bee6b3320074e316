"""What people type into forms: times of day, days, minutes; and the choices that they pick by a key."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import TypeVar
from zoneinfo import ZoneInfo

from starlette.requests import Request

_TIME = re.compile(r"(\d{1,2})(?:[:.]?(\d{2}))?(?::(\d{2}))?\s*([ap])?\.?\s*(?:m\.?)?\Z", re.IGNORECASE)
_Member = TypeVar("_Member", bound=StrEnum)


@dataclass(frozen=True)
class FieldError:
    """What is wrong with what was typed: `field` is the id of the field on the page."""

    field: str
    text: str


def time_of_day(text: str) -> time | None:
    """Read `8:55 am`, `8:58:30 pm`, `14:05` or `9 am`; None if it is no time of day."""
    match = _TIME.match(text.strip())
    if match is None:
        return None
    hour, minute, second = int(match[1]), int(match[2] or 0), int(match[3] or 0)
    if match[4]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match[4].lower() == "p" else 0)
    elif match[2] is None:
        return None
    return time(hour, minute, second) if hour < 24 and minute < 60 and second < 60 else None


def day_of(text: str) -> date | None:
    """Read `2026-11-24` as a date field sends it; None if it is no day."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def minutes_of(text: str) -> int | None:
    """Read minutes, `12` or `12:30`, as seconds; None if that is no length or none at all."""
    match = re.fullmatch(r"(\d{1,4})(?::([0-5]\d))?", text.strip())
    seconds = int(match[1]) * 60 + int(match[2] or 0) if match else 0
    return seconds or None


def instant_at(day: date, at: time, zone: ZoneInfo) -> datetime | None:
    """Return the instant of a local time, the earlier where clocks are put back; None for one that clocks leap over."""
    local = datetime.combine(day, at, zone)
    instant = local.astimezone(UTC)
    return instant if instant.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None) else None


def picked(kind: type[_Member], form: Mapping[str, str], name: str) -> _Member | None:
    """Return the member that the form names by its key; None if it names none of ours."""
    try:
        return kind(form.get(name, ""))
    except ValueError:
        return None


async def form_of(request: Request) -> dict[str, str]:
    """Return the text fields of a posted form, trimmed; the last one of a name."""
    async with request.form() as form:
        return {name: value.strip() for name, value in form.multi_items() if isinstance(value, str)}
