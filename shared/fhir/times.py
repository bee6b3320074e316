"""FHIR date, dateTime and instant: text in, aware UTC out (standards.md 3.1: partial dates, times need a zone)."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from shared.kernel.errors import Invalid

_TEXT = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<time>\d\d:\d\d:\d\d)(?P<fraction>\.\d+)?(?P<zone>Z|[+-](?:0\d|1[0-4]):[0-5]\d))?)?)?",
    re.ASCII,
)
_ZONE_LIMIT = ("+14:00", "-14:00")
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class FhirTime:
    """A FHIR date or dateTime: the instants `[start, end)` that its text may mean, in UTC.

    `precision` is year, month, day or instant; for the first three the zone is the reader's.
    """

    text: str
    precision: str
    start: datetime
    end: datetime


def fhir_time(text: object, *, expression: str | None, zone: tzinfo = UTC) -> FhirTime:
    """Read a FHIR date or dateTime of any precision; days, months and years are those of `zone`.

    Invalid (422) for any other text, for a time without a zone and for an instant outside the years 1 to 9999 UTC.
    A leap second is the instant after it; digits beyond the microsecond are dropped from `start`.
    """
    try:
        found = _read(text, zone) if isinstance(text, str) else None
    except (ValueError, OverflowError) as error:
        raise Invalid("is no date that exists", rule="date-time", expression=expression) from error
    if found is None:
        raise Invalid("is no FHIR date or dateTime (a time needs seconds and a zone)", rule="date-time", expression=expression)
    return found


def instant(text: object, *, expression: str) -> datetime:
    """Read a dateTime that has time and zone as aware UTC; Invalid (422) for everything less exact."""
    found = fhir_time(text, expression=expression)
    if found.precision != "instant":
        raise Invalid("needs date, time and zone", rule="date-time-precision", expression=expression)
    return found.start


def day(text: object, *, expression: str) -> date:
    """Read a date written as a whole day; Invalid (422) for everything less or more exact."""
    found = fhir_time(text, expression=expression)
    if found.precision != "day":
        raise Invalid("needs a day (YYYY-MM-DD)", rule="date-time-precision", expression=expression)
    return found.start.date()


def instant_text(at: datetime) -> str:
    """Write the aware instant `at` as a FHIR instant in UTC, with a fraction only if there is one."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def local_text(at: datetime, zone: ZoneInfo) -> str:
    """Write the aware instant `at` as a FHIR dateTime with the offset of `zone` then."""
    return at.astimezone(zone).isoformat()


@lru_cache(maxsize=256)  # the check of a resource and its mapping read the same ones
def _read(text: str, zone: tzinfo) -> FhirTime | None:
    match = _TEXT.fullmatch(text)
    if match is None:
        return None
    return _instant(match) if match["time"] else _days(match, zone)


def _instant(match: re.Match[str]) -> FhirTime:
    clock, fraction, zone = match["time"], match["fraction"] or "", match["zone"]
    if zone[1:3] == "14" and zone not in _ZONE_LIMIT:
        raise ValueError("no zone lies further than 14 hours")
    if not fraction and not clock.endswith(":60"):
        at = datetime.fromisoformat(match.string).astimezone(UTC)
        return FhirTime(match.string, "instant", at, at + _SECOND)
    leap = clock.endswith(":60")
    if leap:
        clock = clock[:-2] + "59"
    whole = datetime.fromisoformat(f"{match['year']}-{match['month']}-{match['day']}T{clock}{zone}").astimezone(UTC)
    if leap:
        second = whole + _SECOND
        return FhirTime(match.string, "instant", second, second + _SECOND)
    start = whole + timedelta(microseconds=int(fraction[1:7].ljust(6, "0")))
    return FhirTime(match.string, "instant", start, start + timedelta(microseconds=10 ** max(0, 7 - len(fraction))))


def _days(match: re.Match[str], zone: tzinfo) -> FhirTime:
    year, month = int(match["year"]), int(match["month"] or 1)
    first = date(year, month, int(match["day"] or 1))
    if match["day"]:
        precision, after = "day", (first + timedelta(days=1) if first != date.max else None)
    elif match["month"]:
        precision, after = "month", _next_month(year, month)
    else:
        precision, after = "year", _next_month(year, 12)
    return FhirTime(match.string, precision, _midnight(first, zone), _midnight(after, zone) if after else _LAST)


def _next_month(year: int, month: int) -> date | None:
    if (year, month) == (9999, 12):
        return None
    return date(year + month // 12, month % 12 + 1, 1)


def _midnight(first: date, zone: tzinfo) -> datetime:
    return datetime(first.year, first.month, first.day, tzinfo=zone).astimezone(UTC)


_LAST = datetime.max.replace(tzinfo=UTC)
