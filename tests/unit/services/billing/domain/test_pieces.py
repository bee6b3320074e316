"""Sums over pieces of time: exact, floored once, simultaneous seconds once, and when a threshold was reached."""

from datetime import UTC, datetime, timedelta

from services.billing.domain.pieces import Block, Cause, Effect, Piece, carve, raw_total, reached_at, sums, total
from tests.rules.world import World

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
ENTRY = World({"entries": [{"start": "10-05 08:00", "minutes": 1}]}).ledger().entries[0]


def piece(start: float, end: float, loose: int = 0) -> Piece:
    """Return a counted piece between two offsets from noon, in seconds."""
    return Piece(NOON + timedelta(seconds=start), NOON + timedelta(seconds=end), ENTRY, False, Effect.COUNT, (), loose)


def test_sums() -> None:
    """Overlap is lost once, a contained piece wholly; fractions add up before they are floored; loose time stands apart."""
    assert sums([]) == (0, 0)
    assert sums([piece(0, 10), piece(10, 20)]) == (20, 0)
    assert sums([piece(0, 10), piece(4, 12)]) == (12, 6)
    assert sums([piece(0, 10), piece(2, 5), piece(9, 12)]) == (12, 4)
    assert total([piece(0, 0.6), piece(1, 1.4)]) == 1
    assert total([piece(0, 0.6), piece(1, 1.399)]) == 0
    assert total([piece(0, 10), piece(5, 5, loose=60)]) == 70
    assert raw_total([piece(0, 10), piece(4, 12), piece(0, 0, loose=5)]) == 23


def test_reached_at() -> None:
    """The instant lies within the piece that reaches the amount; simultaneous time does not count twice; never is None."""
    pieces = [piece(0, 10), piece(4, 12), piece(20, 30)]
    assert reached_at(pieces, 10) == NOON + timedelta(seconds=10)
    assert reached_at(pieces, 12) == NOON + timedelta(seconds=12)
    assert reached_at(pieces, 13) == NOON + timedelta(seconds=21)
    assert reached_at(pieces, 23) is None
    assert reached_at([piece(0, 0, loose=60)], 60) == NOON + timedelta(seconds=1)


def test_carve() -> None:
    """A stretch is cut at the edges of what touches it; blocks of another performer and those that only meet it do not."""
    cause = Cause(Effect.REVIEW, "24", "T23", "s", "s", "text")
    start, end = NOON, NOON + timedelta(seconds=10)

    def block(left: int, right: int, performer: str | None = None) -> Block:
        return Block(NOON + timedelta(seconds=left), NOON + timedelta(seconds=right), cause, performer)

    assert carve(start, end, [block(-5, 0), block(10, 20), block(2, 4, "other")], "rn-1") == [(start, end, ())]
    parts = carve(start, end, [block(-5, 3), block(2, 6, "rn-1")], "rn-1")
    assert [((a - NOON).seconds, (b - NOON).seconds, len(causes)) for a, b, causes in parts] == [
        (0, 2, 1),
        (2, 3, 2),
        (3, 6, 1),
        (6, 10, 0),
    ]
