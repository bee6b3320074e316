"""The script in order of time: signs of life where a timer runs, none where it pauses or was refused."""

from datetime import UTC, datetime, timedelta

from deploy.demo.timeline import HEARTBEAT, measured_seconds, timeline

START = datetime(2026, 10, 1, 13, tzinfo=UTC)


def action(second: int, do: str, timer: str = "a", **fields: str) -> dict[str, str]:
    return {"at": (START + timedelta(seconds=second)).isoformat(), "do": do, "timer": timer, **fields}


def seconds_of(actions: list[dict[str, str]], do: str) -> list[int]:
    return [int((datetime.fromisoformat(one["at"]) - START).total_seconds()) for one in actions if one["do"] == do]


def test_a_running_timer_is_heard_of_before_two_minutes_of_silence_pass() -> None:
    found = timeline([action(0, "timer.start"), action(400, "timer.stop")])
    assert seconds_of(found, "timer.heartbeat") == [115, 230, 345]
    assert timedelta(minutes=2) > HEARTBEAT
    assert [one["do"] for one in found][-1] == "timer.stop"


def test_no_sign_of_life_comes_from_a_pause_or_at_its_very_end() -> None:
    found = timeline(
        [action(0, "timer.start"), action(115, "timer.pause"), action(400, "timer.resume"), action(520, "timer.stop")]
    )
    assert seconds_of(found, "timer.heartbeat") == [515]


def test_timers_beside_each_other_are_merged_in_order_of_time() -> None:
    found = timeline(
        [
            action(0, "timer.start", "a"),
            action(10, "timer.start", "b"),
            action(200, "timer.stop", "a"),
            action(210, "timer.stop", "b"),
        ]
    )
    assert seconds_of(found, "timer.heartbeat") == [115, 125]
    assert [one["at"] for one in found] == sorted(one["at"] for one in found)


def test_what_is_to_be_refused_runs_never() -> None:
    script = [action(0, "timer.start", "a", expect="refused"), action(300, "time.log", "a")]
    assert timeline(script) == script
    assert measured_seconds(script) == {}


def test_pauses_are_no_measured_time() -> None:
    script = [action(0, "timer.start"), action(60, "timer.pause"), action(90, "timer.resume"), action(150, "timer.stop")]
    assert measured_seconds(script) == {"a": 120}
