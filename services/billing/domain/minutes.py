"""What became of each entry of a month: how many of its seconds count, and what keeps the rest from counting."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from services.billing.domain.case import Grid
from services.billing.domain.judgement import Judgement
from services.billing.domain.ledger import TimeEntryFact
from services.billing.domain.pieces import Cause, Effect, Piece

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class EntryMinutes:
    """One entry: `counted` seconds in the month's lane, the causes that keep others, and those that count with another entry.

    `same` is the entry under which `twice` seconds count already (T5); `elsewhere` the program that an entry belongs to if
    that is another one. A voided entry has nothing but itself.
    """

    entry: TimeEntryFact
    counted: int = 0
    causes: tuple[Cause, ...] = ()
    twice: int = 0
    same: TimeEntryFact | None = None
    elsewhere: str = ""
    duplicate: bool = False


def minutes_of(judgement: Judgement) -> list[EntryMinutes]:
    """Return every entry of the judgement's month, void ones too, newest first.

    Each length is floored by itself, so the lines may add up to a few seconds less than the month, which is floored once (T2).
    """
    case = judgement.case
    shares = _shares(judgement.counted)
    causes: dict[str, dict[Cause, None]] = {}
    for piece in judgement.pieces:
        if piece.effect is not Effect.COUNT:
            causes.setdefault(piece.entry.entry_id, {}).update(dict.fromkeys(piece.causes))
    judged = {piece.entry.entry_id for piece in judgement.pieces}
    lines = [
        _line(entry, case.rules.program, judged, shares, tuple(causes.get(entry.entry_id, ())))
        for entry in case.ledger.entries
        if _touches(entry, case.grid)
    ]
    return sorted(lines, key=lambda line: _began(line.entry, case.grid), reverse=True)


def _line(
    entry: TimeEntryFact,
    program: str,
    judged: set[str],
    shares: dict[str, tuple[int, int, TimeEntryFact | None]],
    causes: tuple[Cause, ...],
) -> EntryMinutes:
    if entry.status != "completed":
        return EntryMinutes(entry)
    if entry.program != program and program not in entry.other_programs:
        return EntryMinutes(entry, elsewhere=entry.program)
    if entry.entry_id not in judged:
        return EntryMinutes(entry, duplicate=True)
    counted, twice, same = shares.get(entry.entry_id, (0, 0, None))
    return EntryMinutes(entry, counted, causes, twice, same)


def _shares(counted: Sequence[Piece]) -> dict[str, tuple[int, int, TimeEntryFact | None]]:
    """Return by entry the seconds that count under it, and those that count under an earlier one and which that is."""
    own: dict[str, timedelta] = {}
    lost: dict[str, timedelta] = {}
    under: dict[str, TimeEntryFact] = {}
    reached: datetime | None = None
    holder: TimeEntryFact | None = None
    for piece in counted:
        key, begins = piece.entry.entry_id, piece.start
        if reached is not None and reached > piece.start and holder is not None:
            begins = min(reached, piece.end)
            lost[key] = lost.get(key, timedelta()) + (begins - piece.start)
            under[key] = holder
        own[key] = own.get(key, timedelta()) + (piece.end - begins) + piece.loose * _SECOND
        if reached is None or piece.end > reached:
            reached, holder = piece.end, piece.entry
    return {key: (length // _SECOND, lost.get(key, timedelta()) // _SECOND, under.get(key)) for key, length in own.items()}


def _touches(entry: TimeEntryFact, grid: Grid) -> bool:
    if entry.start is not None and entry.end is not None:
        return entry.start < grid.end and entry.end > grid.start
    return entry.day is not None and grid.first_day <= entry.day <= grid.last_day


def _began(entry: TimeEntryFact, grid: Grid) -> tuple[date, datetime, str]:
    if entry.start is not None:
        return grid.day_of(entry.start), entry.start, entry.entry_id
    day = entry.day or grid.first_day
    return day, grid.bounds(day)[0], entry.entry_id
