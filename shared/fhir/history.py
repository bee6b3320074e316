"""Instance history as a client asks for it: `_since`, `_count`, and the place where the page before ended."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from shared.fhir.bundle import Version
from shared.fhir.search import MOST_COUNT
from shared.fhir.times import instant
from shared.kernel.errors import Invalid, Malformed

BEFORE = "_before"
"""Ours: the page shows versions below this number."""

_KNOWN = ("_since", "_count", BEFORE)
_PRESENTATION = ("_format", "_pretty")


@dataclass(frozen=True)
class HistoryPage:
    """What is asked for; `used` holds the pairs for the links."""

    since: datetime | None = None
    count: int = MOST_COUNT
    before: int | None = None
    used: tuple[tuple[str, str], ...] = ()

    def of(self, versions: Sequence[Version], address: str) -> tuple[list[Version], int, dict[str, str]]:
        """Return the page of `versions` (newest first), how many match on all pages, and its links: self, next if more follow."""
        matching = [version for version in versions if self.since is None or version.recorded_at >= self.since]
        behind = [version for version in matching if self.before is None or version.number < self.before]
        page = behind[: self.count]
        links = {"self": f"{address}?{urlencode(self.used)}" if self.used else address}
        if page and len(behind) > len(page):
            pairs = [pair for pair in self.used if pair[0] != BEFORE]
            links["next"] = f"{address}?{urlencode([*pairs, (BEFORE, str(page[-1].number))])}"
        return page, len(matching), links


def parse_history(query: Iterable[tuple[str, str]]) -> HistoryPage:
    """Read the decoded pairs; Malformed (400) for any other parameter, one given twice, or a value that cannot be read."""
    pairs = [(name, text) for name, text in query if name not in _PRESENTATION]
    values = dict(pairs)
    for name, _ in pairs:
        if name not in _KNOWN:
            raise Malformed("is not offered by a history", rule="history-parameter", expression=name[:80])
    if len(values) != len(pairs):
        raise Malformed("a parameter is given twice", rule="history-parameter")
    try:
        since = instant(values["_since"], expression="_since") if "_since" in values else None
    except Invalid as error:
        raise Malformed("_since is an instant with its zone", rule="history-parameter", expression="_since") from error
    count = min(_whole(values["_count"], "_count"), MOST_COUNT) if "_count" in values else MOST_COUNT
    before = _whole(values[BEFORE], BEFORE) if BEFORE in values else None
    return HistoryPage(since, count, before, tuple(pairs))


def _whole(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise Malformed("is no whole number", rule="history-parameter", expression=name)
    return int(text)
