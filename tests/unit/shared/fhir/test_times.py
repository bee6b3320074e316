"""FHIR dates and times: the instants that a text may mean."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared.fhir.times import day, fhir_time, instant, instant_text, local_text
from shared.kernel.errors import Invalid

CHICAGO = ZoneInfo("America/Chicago")


@pytest.mark.parametrize(
    ("text", "precision", "start", "end"),
    [
        ("2026", "year", datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        ("2026-12", "month", datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        ("2026-03-08", "day", datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC)),
        ("2026-03-01T10:00:00Z", "instant", datetime(2026, 3, 1, 10, tzinfo=UTC), datetime(2026, 3, 1, 10, 0, 1, tzinfo=UTC)),
        (
            "2026-03-01T10:00:00.50-05:00",
            "instant",
            datetime(2026, 3, 1, 15, 0, 0, 500000, tzinfo=UTC),
            datetime(2026, 3, 1, 15, 0, 0, 510000, tzinfo=UTC),
        ),
        (
            "2026-03-01T10:00:00.123456789+14:00",
            "instant",
            datetime(2026, 2, 28, 20, 0, 0, 123456, tzinfo=UTC),
            datetime(2026, 2, 28, 20, 0, 0, 123457, tzinfo=UTC),
        ),
        ("2016-12-31T23:59:60Z", "instant", datetime(2017, 1, 1, tzinfo=UTC), datetime(2017, 1, 1, 0, 0, 1, tzinfo=UTC)),
        (
            "2026-03-01T10:00:00-00:00",
            "instant",
            datetime(2026, 3, 1, 10, tzinfo=UTC),
            datetime(2026, 3, 1, 10, 0, 1, tzinfo=UTC),
        ),
    ],
)
def test_reads_its_range(text: str, precision: str, start: datetime, end: datetime) -> None:
    found = fhir_time(text, expression="x")
    assert (found.text, found.precision, found.start, found.end) == (text, precision, start, end)


def test_days_are_those_of_the_zone() -> None:
    found = fhir_time("2026-03-08", expression="x", zone=CHICAGO)
    assert found.start == datetime(2026, 3, 8, 6, tzinfo=UTC)
    assert found.end - found.start == timedelta(hours=23)


def test_the_last_day_ends_with_time_itself() -> None:
    assert fhir_time("9999-12-31", expression="x").end == datetime.max.replace(tzinfo=UTC)
    assert fhir_time("9999", expression="x").end == datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        None,
        2026,
        "",
        "26",
        "2026-13",
        "2026-02-30",
        "2026-03-01T10:00:00",
        "2026-03-01T24:00:00Z",
        "2026-03-01T10:00Z",
        "0000",
        "2026-03-01T10:00:00z",
        "2026-03-01 10:00:00Z",
        "20260301",
        "1700000000",
        "2026-03-01T10:00:00+15:00",
        "2026\n",
        "2026-03-01T10:00:00+14:30",
        "9999-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00+14:00",
        "２０２６",
    ],
)
def test_refuses_what_is_no_instant(text: object) -> None:
    with pytest.raises(Invalid) as refused:
        fhir_time(text, expression="Task.authoredOn")
    assert refused.value.issues[0].expression == "Task.authoredOn"


def test_an_instant_is_exact_and_a_day_is_a_day() -> None:
    assert instant("2026-03-01T10:00:00+01:00", expression="x") == datetime(2026, 3, 1, 9, tzinfo=UTC)
    assert day("2026-03-01", expression="x") == date(2026, 3, 1)
    with pytest.raises(Invalid):
        instant("2026-03-01", expression="x")
    with pytest.raises(Invalid):
        day("2026-03", expression="x")


def test_writes_instants() -> None:
    at = datetime(2026, 3, 1, 10, 0, 0, 500, tzinfo=UTC)
    assert instant_text(at) == "2026-03-01T10:00:00.000500Z"
    assert instant_text(datetime(2026, 3, 1, 4, tzinfo=CHICAGO)) == "2026-03-01T10:00:00Z"
    assert local_text(datetime(2026, 7, 1, 10, tzinfo=UTC), CHICAGO) == "2026-07-01T05:00:00-05:00"
