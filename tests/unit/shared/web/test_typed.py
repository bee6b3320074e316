"""What people type: times of day, days, minutes. Requirements: guide.md 5 (times with am and pm)."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from shared.kernel.vocabulary import Program
from shared.web.typed import day_of, instant_at, minutes_of, picked, time_of_day

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8:55 am", time(8, 55)), ("8:58:30 pm", time(20, 58, 30)), ("14:05", time(14, 5)), ("9 am", time(9)), ("9a", time(9)),
        ("12 am", time(0)), ("12:30 pm", time(12, 30)), ("8.55 a.m.", time(8, 55)), ("1405", time(14, 5)), ("0:00", time(0)),
        ("9", None), ("25:10", None), ("13 pm", None), ("0 am", None), ("8:60", None), ("", None), ("noon", None),
    ],
)  # fmt: skip
def test_a_time_of_day(text: str, expected: time | None) -> None:
    assert time_of_day(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("12", 720), ("12:30", 750), ("0", None), ("1:75", None), ("-3", None), ("", None)]
)
def test_minutes(text: str, expected: int | None) -> None:
    assert minutes_of(text) == expected


def test_a_day_is_as_a_date_field_sends_it() -> None:
    assert day_of("2026-11-24") == date(2026, 11, 24)
    assert day_of("11/24/2026") is None


def test_the_hour_that_is_leapt_over_is_none_and_the_one_that_comes_twice_is_the_first() -> None:
    assert instant_at(date(2026, 3, 8), time(2, 30), NEW_YORK) is None
    assert instant_at(date(2026, 11, 1), time(1, 30), NEW_YORK) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


def test_a_pick_is_one_of_ours_or_none() -> None:
    assert picked(Program, {"program": "ccm"}, "program") is Program.CCM
    assert picked(Program, {"program": "Care!"}, "program") is None
    assert picked(Program, {}, "program") is None
