"""Patterns over many notes and totals, just below and at each limit (row 17)."""

from datetime import UTC, date, datetime, timedelta

import pytest

from services.billing.adapters.rule_book_files import load_rule_book
from services.billing.domain.patterns import Note, Total, copies, pattern_limits, templates, uniform_totals
from shared.kernel.calendar_month import CalendarMonth

LIMITS = pattern_limits(load_rule_book(), CalendarMonth(2026, 10))
TEN = tuple(f"{n:06x}" for n in range(16, 26))


def note(
    entry: str,
    facts: tuple[str, ...] = TEN,
    *,
    patient: str = "p1",
    day: int = 5,
    written: int = 0,
    words: str = "",
    earlier: bool = False,
) -> Note:
    """Return a note of October, written so many hours after another."""
    at = datetime(2026, 10, 5, 12, tzinfo=UTC) + timedelta(hours=written)
    return Note(entry, patient, date(2026, 10, day), at, "".join(sorted(facts)), words, earlier)


@pytest.mark.requirement("issue-9.5")
def test_a_copy_is_found_whatever_the_order_and_the_first_note_is_none() -> None:
    """For another patient, and for the same one on another day."""
    other, again = note("b", patient="p2", written=1), note("c", day=12, written=2)
    for order in ((note("a"), other, again), (again, other, note("a"))):
        found = copies(order, LIMITS)
        assert [(pattern.entry, pattern.patient, pattern.kind) for pattern in found] == [("b", "p2", "copy"), ("c", "p1", "copy")]
        assert "for another patient" in found[0].text
        assert "of 2026-10-05 for the same patient" in found[1].text


@pytest.mark.requirement("issue-9.5")
@pytest.mark.parametrize(
    ("other", "found"),
    [
        (note("b", (*TEN[:8], "fffff0"), patient="p2", written=1), False),  # 8 of 11: 72 %
        (note("b", (*TEN[:9], "fffff0"), patient="p2", written=1), True),  # 9 of 11: 81 %
        (note("b", TEN[:8], patient="p2", written=1), True),  # 8 of 10: 80 %
        (note("b", TEN[:7], patient="p2", written=1), False),  # 7 of 10
        (note("b", TEN[2:], patient="p2", written=1), True),  # like at the other end
        (note("b", written=1), False),  # parts of one stretch
        (note("b", (), patient="p2", written=1), False),  # nothing to compare
    ],
)
def test_near_enough(other: Note, found: bool) -> None:
    """Four fifths of the facts of both, but not of one patient and day."""
    assert bool(copies([note("a"), other], LIMITS)) is found


@pytest.mark.requirement("issue-9.5")
def test_a_note_of_the_month_before_is_compared_with_and_says_nothing_itself() -> None:
    """Copied forward from September; two copies of September are September's."""
    old = note("old", day=1, written=-700, earlier=True)
    assert [pattern.entry for pattern in copies([note("a"), old], LIMITS)] == ["a"]
    assert copies([old, note("older", patient="p3", written=-800, earlier=True)], LIMITS) == []


@pytest.mark.requirement("issue-9.5")
@pytest.mark.parametrize(("many", "found"), [(4, 0), (5, 5)])
def test_a_template_is_the_same_words_often_enough(many: int, found: int) -> None:
    """Four are chance, five a template; a month before does not count."""
    notes = [note(f"e{n}", (), words="w", patient=f"p{n}") for n in range(many)]
    patterns = templates([*notes, note("x", (), words="v"), note("y", (), words="w", earlier=True)], LIMITS)
    assert len(patterns) == found
    assert {pattern.kind for pattern in patterns} <= {"template"}


@pytest.mark.requirement("issue-9.5")
@pytest.mark.parametrize(
    ("just", "last", "long", "found"),
    [(5, 1289, 3, 5), (4, 1289, 4, 0), (5, 1289, 2, 0), (5, 1290, 3, 0), (8, 1200, 0, 8)],
)
def test_uniform_totals(just: int, last: int, long: int, found: int) -> None:
    """More than half of eight or more within 90 s after the threshold; those below it do not count."""
    totals = [Total(f"j{n}", last if n == 0 else 1200, 1200) for n in range(just)]
    totals += [Total(f"l{n}", 1800, 1200) for n in range(long)] + [Total("below", 1199, 1200)]
    patterns = uniform_totals(totals, LIMITS)
    assert len(patterns) == found
    assert all(pattern.entry is None and pattern.kind == "uniform" for pattern in patterns)
