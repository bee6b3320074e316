"""A clock that stands still until it is told to move."""

from datetime import UTC, datetime, timedelta


class StillClock:
    """Tells one instant; `move` and `set` change it."""

    def __init__(self, at: datetime | None = None) -> None:
        self.at = at or datetime(2026, 10, 15, 14, 0, tzinfo=UTC)

    def now(self) -> datetime:
        """Return the instant."""
        return self.at

    def move(self, **by: float) -> None:
        """Go on by a timedelta's arguments."""
        self.at += timedelta(**by)
