"""Half-open intervals of instants, `[start, end)`, and what one does with many of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, order=True)
class Interval:
    """The instants from `start` up to, not including, `end` (both aware UTC, start < end)."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError("an interval ends after it starts")

    @property
    def seconds(self) -> int:
        """Its length in whole seconds."""
        return int((self.end - self.start).total_seconds())

    def overlaps(self, other: "Interval") -> bool:
        """Tell whether both share an instant."""
        return self.start < other.end and other.start < self.end

    def intersection(self, other: "Interval") -> "Interval | None":
        """Return the shared instants, or None if there are none."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Interval(start, end) if start < end else None


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """Return the instants covered by any of `intervals`, as ordered intervals that neither touch nor overlap."""
    merged: list[Interval] = []
    for interval in sorted(intervals):
        if merged and interval.start <= merged[-1].end:
            if interval.end > merged[-1].end:
                merged[-1] = Interval(merged[-1].start, interval.end)
        else:
            merged.append(interval)
    return merged


def subtract(intervals: Iterable[Interval], holes: Iterable[Interval]) -> list[Interval]:
    """Return the instants of `intervals` that lie in none of `holes`, ordered."""
    left: list[Interval] = []
    gaps = union(holes)
    for interval in union(intervals):
        start = interval.start
        for gap in gaps:
            if gap.end <= start or gap.start >= interval.end:
                continue
            if gap.start > start:
                left.append(Interval(start, gap.start))
            start = max(start, gap.end)
        if start < interval.end:
            left.append(Interval(start, interval.end))
    return left
