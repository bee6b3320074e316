"""What an entry must say, and how it may change."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.timetrack.domain.time_entry import (
    DayOnly,
    EntryFixed,
    InvalidEntry,
    Performer,
    Status,
    StoredEntry,
    TimeEntry,
    amend_entry,
    interval_of,
    log_entry,
    log_measured,
)
from shared.kernel.interval import Interval
from shared.kernel.vocabulary import Activity, PerformerRole, Program, TimeBasis

ZONE = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 1, 3, 30, tzinfo=UTC)  # 23:30 of 31 October in New York
START = datetime(2026, 10, 31, 14, tzinfo=UTC)
ENTRY = TimeEntry(
    patient="p1",
    performer=Performer("n1"),
    role=PerformerRole.REGISTERED_NURSE,
    program=Program.CCM,
    activity=Activity.CARE_PLAN,
    stretch=Interval(START, START + timedelta(minutes=20)),
    basis=TimeBasis.ASSERTED,
    asserted_reason="paper",
    external_ids=("a|1",),
)
STORED = StoredEntry(
    version=1,
    status=Status.COMPLETED,
    patient="p1",
    performer="n1",
    program=Program.CCM,
    stretch=ENTRY.stretch,
    basis=TimeBasis.ASSERTED,
    gap_seconds=0,
    external_ids=("a|1",),
)
MEASURED = replace(STORED, basis=TimeBasis.MEASURED_WITH_GAP, gap_seconds=60)


def log(**changes: Any) -> TimeEntry:
    """Log the entry with changes."""
    return log_entry(replace(ENTRY, **changes), now=NOW, zone=ZONE)


def amend(stored: StoredEntry = STORED, **changes: Any) -> TimeEntry:
    """Amend the stored entry."""
    return amend_entry(stored, replace(ENTRY, **{"reason": "typo", **changes}), now=NOW, zone=ZONE)


def fields(error: pytest.ExceptionInfo[Any]) -> list[tuple[str, str | None]]:
    """Return rule and field of each issue."""
    return [(issue.rule, issue.expression) for issue in error.value.issues]


@pytest.mark.parametrize(
    "stretch",
    [
        Interval(NOW - timedelta(seconds=1), NOW),
        Interval(NOW - timedelta(hours=24), NOW),
        DayOnly(date(2026, 10, 31), 1),
        DayOnly(date(2026, 10, 31), 86400),
    ],
)
def test_at_the_border_it_goes_in(stretch: Any) -> None:
    assert log(stretch=stretch).stretch == stretch


@pytest.mark.parametrize(
    ("stretch", "wanted"),
    [
        (Interval(NOW, NOW + timedelta(microseconds=1)), [("time-entry-positive", "end"), ("time-entry-future", "end")]),
        (Interval(NOW - timedelta(seconds=1), NOW + timedelta(microseconds=1)), [("time-entry-future", "end")]),
        (Interval(NOW - timedelta(hours=24, seconds=1), NOW), [("time-entry-24-hours", "end")]),
        (DayOnly(date(2026, 11, 1), 60), [("time-entry-future", "start")]),
        (DayOnly(date(2026, 10, 31), 0), [("time-entry-positive", "seconds")]),
        (DayOnly(date(2026, 10, 31), 86401), [("time-entry-24-hours", "seconds")]),
    ],
)
def test_beyond_the_border_every_wrong_field_is_named(stretch: Any, wanted: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidEntry) as error:
        log(stretch=stretch)
    assert fields(error) == wanted


def test_an_empty_interval_is_none() -> None:
    with pytest.raises(InvalidEntry) as error:
        interval_of(NOW, NOW)
    assert fields(error) == [("time-entry-order", "end")]
    assert interval_of(NOW, NOW + timedelta(seconds=1)).seconds == 1


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"basis": TimeBasis.MEASURED}, "basis"),
        ({"basis": TimeBasis.MEASURED_WITH_GAP, "gap_seconds": 9}, "basis"),
        ({"asserted_reason": None}, "asserted_reason"),
        ({"asserted_reason": ""}, "asserted_reason"),
        ({"gap_seconds": 9}, "gap_seconds"),
        ({"status": Status.ENTERED_IN_ERROR}, "status"),
    ],
)
def test_what_comes_from_outside_is_asserted_with_its_reason(changes: dict[str, Any], wanted: str) -> None:
    with pytest.raises(InvalidEntry) as error:
        log(**changes)
    assert [place for _, place in fields(error)] == [wanted]


def test_what_our_clock_measured_needs_no_reason_and_may_not_last_too_long() -> None:
    measured = replace(ENTRY, basis=TimeBasis.MEASURED, asserted_reason=None)
    assert log_measured(measured) is measured
    with pytest.raises(InvalidEntry):
        log_measured(replace(measured, stretch=Interval(START, START + timedelta(hours=24, seconds=1))))


def test_an_amendment_may_change_all_but_whose_time_it_is() -> None:
    assert amend(stretch=DayOnly(date(2026, 10, 30), 60), program=Program.PCM).program is Program.PCM
    changes: list[tuple[dict[str, Any], str]] = [
        ({"patient": "p2"}, "patient"),
        ({"performer": Performer("n2")}, "performer"),
        ({"external_ids": ()}, "identifier"),
        ({"external_ids": ("a|1", "b|2")}, "identifier"),
    ]
    for change, place in changes:
        with pytest.raises(EntryFixed) as error:
            amend(**change)
        assert error.value.issues[0].expression == place


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("reason", [None, ""])
def test_every_change_says_why(status: Status, reason: str | None) -> None:
    with pytest.raises(InvalidEntry) as error:
        amend(status=status, reason=reason)
    assert fields(error) == [("time-entry-reason", "reason")]


def test_a_void_entry_stays_void_and_voiding_moves_nothing() -> None:
    assert amend(status=Status.ENTERED_IN_ERROR).status is Status.ENTERED_IN_ERROR
    with pytest.raises(EntryFixed):
        amend(replace(STORED, status=Status.ENTERED_IN_ERROR))
    with pytest.raises(EntryFixed):
        amend(status=Status.ENTERED_IN_ERROR, stretch=Interval(START, START + timedelta(minutes=21)))


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({"basis": TimeBasis.MEASURED_WITH_GAP, "gap_seconds": 60}, True),
        ({"basis": TimeBasis.MEASURED_WITH_GAP, "gap_seconds": 61}, False),
        ({"basis": TimeBasis.MEASURED}, False),
        ({"basis": TimeBasis.MEASURED_WITH_GAP, "gap_seconds": 60, "stretch": DayOnly(date(2026, 10, 31), 60)}, False),
        ({"basis": TimeBasis.ASSERTED, "asserted_reason": "the clock ran on"}, True),
    ],
)
def test_measured_time_stays_measured_only_while_it_is_unchanged(changes: dict[str, Any], allowed: bool) -> None:
    if allowed:
        assert amend(MEASURED, **changes).basis is changes["basis"]
    else:
        with pytest.raises(InvalidEntry) as error:
            amend(MEASURED, **changes)
        assert fields(error)[0] == ("time-entry-basis", "basis")


def test_the_month_of_a_day_is_decided_in_the_practices_zone() -> None:
    assert log(stretch=DayOnly(date(2026, 10, 31), 60)).begins(ZONE) == datetime(2026, 10, 31, 4, tzinfo=UTC)
    assert ENTRY.begins(ZONE) == START
    assert (ENTRY.seconds, ENTRY.day, ENTRY.interval) == (1200, None, ENTRY.stretch)
