"""Pieces of time: what each stretch of an entry is worth, and sums over them that count no second twice."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple

from services.billing.domain.findings import Severity
from services.billing.domain.ledger import TimeEntryFact

_ZERO = timedelta(0)
_SECOND = timedelta(seconds=1)


class Effect(IntEnum):
    """What a cause does to a stretch of time; the strongest wins."""

    COUNT = 0
    REVIEW = 1
    HOLD = 2
    EXCLUDE = 3


EFFECT_OF = {
    Severity.INFO: Effect.COUNT,
    Severity.REVIEW: Effect.REVIEW,
    Severity.HOLD: Effect.HOLD,
    Severity.DENY: Effect.EXCLUDE,
}
"""What a severity does to the time that its situation concerns."""


class Cause(NamedTuple):
    """Why a stretch does not simply count: severity row, rule, what a decision or a remedy is about, and its source."""

    effect: Effect
    row: str
    rule: str
    subject: str
    source: str
    text: str


class Block(NamedTuple):
    """Instants to which a cause applies, for one performer or (None) for everybody."""

    start: datetime
    end: datetime
    cause: Cause
    performer: str | None = None


class Piece(NamedTuple):
    """A stretch of an entry with the causes that apply to it; `loose` is the length of an entry known by its day only."""

    start: datetime
    end: datetime
    entry: TimeEntryFact
    own: bool
    effect: Effect
    causes: tuple[Cause, ...]
    loose: int = 0


def plain_piece(start: datetime, end: datetime, entry: TimeEntryFact, own: bool) -> Piece:
    """Return the piece of an entry that simply counts, without the detour of a named tuple's own constructor."""
    return tuple.__new__(Piece, (start, end, entry, own, Effect.COUNT, (), 0))


def carve(
    start: datetime, end: datetime, blocks: Iterable[Block], performer: str
) -> list[tuple[datetime, datetime, tuple[Cause, ...]]]:
    """Cut `[start, end)` at the edges of the blocks that touch it; each part comes with its causes."""
    touching = [b for b in blocks if b.start < end and b.end > start and (b.performer is None or b.performer == performer)]
    if not touching:
        return [(start, end, ())]
    cuts = sorted({start, end, *(b.start for b in touching if b.start > start), *(b.end for b in touching if b.end < end)})
    return [(left, right, tuple(b.cause for b in touching if b.start < right and b.end > left)) for left, right in pairwise(cuts)]


def sums(pieces: Iterable[Piece]) -> tuple[int, int]:
    """Return the whole seconds of pieces ordered by start, simultaneous ones once, and the seconds that this lost (T2, T5).

    Lengths are added exactly and floored once.
    """
    length, lost, loose = _ZERO, _ZERO, 0
    reached: datetime | None = None
    for piece in pieces:
        start, end, extra = piece.start, piece.end, piece.loose
        if extra:
            loose += extra
        if reached is None or start >= reached:
            length += end - start
            reached = end
            continue
        if end > reached:
            length += end - reached
            lost += reached - start
            reached = end
        else:
            lost += end - start
    return length // _SECOND + loose, lost // _SECOND


def total(pieces: Iterable[Piece]) -> int:
    """Return the whole seconds of pieces ordered by start, simultaneous ones once."""
    return sums(pieces)[0]


def raw_total(pieces: Iterable[Piece]) -> int:
    """Return the whole seconds of pieces with simultaneous seconds counted for each."""
    length, loose = _ZERO, 0
    for piece in pieces:
        length += piece.end - piece.start
        loose += piece.loose
    return length // _SECOND + loose


def reached_at(pieces: Iterable[Piece], seconds: int) -> datetime | None:
    """Return the instant at which pieces ordered by start amount to `seconds`; None if they never do."""
    missing = seconds * _SECOND
    reached: datetime | None = None
    for piece in pieces:
        start = piece.start if reached is None or piece.start > reached else reached
        gained = max(piece.end - start, _ZERO) + piece.loose * _SECOND
        if gained >= missing:
            return piece.start + _SECOND if piece.loose else start + missing
        missing -= gained
        reached = piece.end if reached is None or piece.end > reached else reached
    return None
