"""The calendar month in the billing location's zone: the unit in which Medicare pays CCM (ccm-rules T3, T21)."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_TEXT = re.compile(r"(\d{4})-(0[1-9]|1[0-2])\Z")


@dataclass(frozen=True, order=True)
class CalendarMonth:
    """A month of a year; its instants depend on the zone in which it is read."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> "CalendarMonth":
        """Read `YYYY-MM`; ValueError for anything else."""
        match = _TEXT.match(text)
        if match is None or match[1] == "0000":
            raise ValueError(f"a month is written YYYY-MM, not {text!r}")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, at: datetime, zone: ZoneInfo) -> "CalendarMonth":
        """Return the month in which the instant `at` (aware) lies in `zone`."""
        local = at.astimezone(zone)
        return cls(local.year, local.month)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"

    @property
    def first_day(self) -> date:
        """The first day of the month."""
        return date(self.year, self.month, 1)

    @property
    def last_day(self) -> date:
        """The last day of the month."""
        return self.next.first_day - timedelta(days=1)

    @property
    def next(self) -> "CalendarMonth":
        """The month after this one."""
        return CalendarMonth(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def previous(self) -> "CalendarMonth":
        """The month before this one."""
        return CalendarMonth(self.year - (self.month == 1), 12 if self.month == 1 else self.month - 1)

    def start(self, zone: ZoneInfo) -> datetime:
        """Return the first instant of the month in `zone`, in UTC."""
        return day_start(self.first_day, zone)

    def end(self, zone: ZoneInfo) -> datetime:
        """Return the instant at which the month is over in `zone` (exclusive), in UTC."""
        return day_start(self.next.first_day, zone)


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant of the local day `day` in `zone`, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
