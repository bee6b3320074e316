"""Which version of a time entry stands for a month, once the month may have been closed (T23, L3)."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from services.billing.domain.ledger import TimeEntryFact


def standing_entries(versions: Iterable[TimeEntryFact], closed_at: datetime | None) -> tuple[TimeEntryFact, ...]:
    """Return one version of each entry: the highest, except that an amendment after the close waits for a reopening.

    A void always stands: a charge must never rest on time that was taken back. The version that stands names the program from
    which it was moved, if an earlier one had another (L3). Order of arrival and repeats do not matter.
    """
    by_entry: dict[str, dict[int, TimeEntryFact]] = {}
    for version in versions:
        by_entry.setdefault(version.entry_id, {})[version.version] = version
    return tuple(_standing([held[n] for n in sorted(held)], closed_at) for _, held in sorted(by_entry.items()))


def _standing(versions: list[TimeEntryFact], closed_at: datetime | None) -> TimeEntryFact:
    latest = versions[-1]
    if closed_at is not None and latest.status == "completed" and latest.written_at > closed_at:
        before = [version for version in versions if version.written_at <= closed_at]
        latest = before[-1] if before else latest
    moved = [v.program for v in versions if v.version < latest.version and v.program != latest.program]
    return replace(latest, retagged_from=moved[-1]) if moved else latest
