"""Who is busy when: work is placed into shifts so that nobody does two things at once."""

import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

SHIFT = (8, 17)
MARGIN = timedelta(seconds=45)


@dataclass(frozen=True)
class Month:
    """The month of work in the practice's zone; `workdays` are Monday to Friday."""

    text: str
    zone: ZoneInfo

    @property
    def first(self) -> date:
        """The first day of the month."""
        return date.fromisoformat(self.text + "-01")

    @property
    def last(self) -> date:
        """The last day of the month."""
        return (self.first + timedelta(days=32)).replace(day=1) - timedelta(days=1)

    @property
    def workdays(self) -> tuple[date, ...]:
        """Monday to Friday of the month, in order."""
        days = (self.first + timedelta(days=number) for number in range(self.last.day))
        return tuple(day for day in days if day.weekday() < 5)

    def at(self, day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
        """Return a local instant of a day."""
        return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=self.zone)


class NoRoom(Exception):
    """Nobody has time for a stretch on the days given."""


@dataclass
class Diary:
    """Busy times of performers and patients."""

    month: Month
    _busy: dict[str, list[tuple[datetime, datetime]]] = field(default_factory=lambda: defaultdict(list))

    def place(self, rng: random.Random, who: tuple[str, ...], days: list[date], seconds: int) -> datetime:
        """Find and keep a free stretch within the shift for all of `who`; NoRoom if a thousand tries find none."""
        opening, closing = SHIFT
        for _ in range(1000):
            day = rng.choice(days)
            offset = rng.randrange((closing - opening) * 3600 - seconds)
            start = self.month.at(day, opening) + timedelta(seconds=offset)
            if self.block(who, start, start + timedelta(seconds=seconds)):
                return start
        raise NoRoom(f"no {seconds} seconds free on {len(days)} days")

    def block(self, who: tuple[str, ...], start: datetime, end: datetime) -> bool:
        """Keep a stretch for all of `who` if none of them is busy then; say whether it was kept."""
        for one in who:
            if any(start - MARGIN < until and since < end + MARGIN for since, until in self._busy[one]):
                return False
        for one in who:
            self._busy[one].append((start, end))
        return True

    def free_day(self, rng: random.Random, who: tuple[str, ...], days: list[date]) -> date:
        """Find a day on which none of `who` has anything, and keep it whole; NoRoom if there is none."""
        for day in rng.sample(days, len(days)):
            if self.block(who, self.month.at(day, 0), self.month.at(day, 23, 59)):
                return day
        raise NoRoom("no free day")
