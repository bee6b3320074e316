"""One stretch cut into parts: nothing added, nothing lost, measured as it was. Requirements: findings.md 5; issue 10 item 4."""

import itertools
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.timetrack.domain.division import Part, divide
from services.timetrack.domain.time_entry import DayOnly, InvalidEntry, Performer, Problem, TimeEntry
from shared.kernel.interval import Interval
from shared.kernel.vocabulary import Activity, PerformerRole, Program, TimeBasis
from tests.unit.services.timetrack.domain.test_timer import T0, at

ENTRY = TimeEntry(
    patient="p1",
    performer=Performer("n1"),
    role=PerformerRole.REGISTERED_NURSE,
    program=Program.CCM,
    activity=Activity.CARE_COORDINATION,
    stretch=Interval(T0, at(600)),
    basis=TimeBasis.MEASURED,
    problem=Problem("c1"),
    encounter="e1",
    external_ids=("s|1",),
    note="of p1",
)


@given(st.lists(st.integers(1, 900), min_size=1, max_size=6), st.integers(0, 900))
def test_the_parts_are_the_whole(lengths: list[int], gap: int) -> None:
    total = sum(lengths)
    gap = min(gap, total)
    basis = TimeBasis.MEASURED_WITH_GAP if gap else TimeBasis.MEASURED
    entry = replace(ENTRY, stretch=Interval(T0, at(total)), gap_seconds=gap, basis=basis)
    made = divide(entry, [Part(f"p{index}", seconds) for index, seconds in enumerate(lengths)], group="g", reason="r")

    intervals = [one.interval for one in made if one.interval]
    assert [one.seconds for one in made] == lengths
    assert (intervals[0].start, intervals[-1].end) == (T0, at(total))
    assert all(one.end == other.start for one, other in itertools.pairwise(intervals))
    assert sum(one.gap_seconds for one in made) == gap
    assert all((one.basis is TimeBasis.MEASURED_WITH_GAP) == (one.gap_seconds > 0) for one in made)


def test_what_belongs_to_one_chart_is_not_carried_to_another() -> None:
    own, other = divide(ENTRY, [Part("p1", 200, problem=Problem("c1")), Part("p2", 400, "urn:mrn|7")], group="g", reason="Split")
    assert (own.encounter, own.problem, other.encounter, other.problem) == ("e1", Problem("c1"), None, Problem())
    assert (other.patient, other.patient_identifier, other.note, other.external_ids) == ("p2", "urn:mrn|7", None, ())
    assert {own.group, other.group} == {"g"} and {own.reason, other.reason} == {"Split"}


def test_time_known_by_its_day_stays_so() -> None:
    entry = replace(ENTRY, stretch=DayOnly(date(2026, 10, 15), 600), basis=TimeBasis.ASSERTED, asserted_reason="paper")
    made = divide(entry, [Part("p1", 100), Part("p2", 500)], group="g", reason="r")
    assert [(one.day, one.seconds, one.basis) for one in made] == [
        (date(2026, 10, 15), 100, TimeBasis.ASSERTED),
        (date(2026, 10, 15), 500, TimeBasis.ASSERTED),
    ]


@pytest.mark.parametrize("lengths", [[], [599], [601], [700, -100], [600, 0]])
def test_parts_that_do_not_add_up_are_refused(lengths: list[int]) -> None:
    with pytest.raises(InvalidEntry):
        divide(ENTRY, [Part("p1", seconds) for seconds in lengths], group=None, reason="r")
