"""A timer whose client watches for input: idle time and calls are kept or dropped by a person only, never by us.

Requirements: issue 10 item 4; findings.md 5.
"""

import itertools
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.timetrack.domain.timer import (
    Stint,
    Timer,
    TimerStateError,
    TimerStatus,
    begin_call,
    confirm_time,
    heartbeat,
    pause_timer,
    quiet_since,
    resume_timer,
    settle,
    start_timer,
    stop_timer,
    switch_timer,
)
from shared.kernel.interval import Interval
from tests.unit.services.timetrack.domain.test_timer import CCM, RPM, T0, at

IDLE, QUESTION = 600, 3600


def begun() -> Timer:
    """Return a watched timer that started at T0."""
    return start_timer(CCM, silence_seconds=120, idle_seconds=IDLE, question_seconds=QUESTION, now=T0)


def kept_open(timer: Timer, until: int, last_input: int, since: int = 0) -> Timer:
    """Send a heartbeat each half minute, the last input being at `last_input`."""
    for second in range(since + 30, until + 1, 30):
        timer = heartbeat(timer, now=at(second), idle_seconds=max(second - last_input, 0))
    return timer


def stints(timer: Timer, now: datetime) -> list[tuple[int, int]]:
    """Stop and return seconds and gap of each stint."""
    return [(stint.interval.seconds, stint.gap_seconds) for stint in stop_timer(timer, now=now).stints]


def test_idle_time_kept_is_a_gap_in_one_stint() -> None:
    timer = confirm_time(kept_open(begun(), 900, 180), now=at(900))
    assert stints(timer, at(960)) == [(960, 720)]


def test_idle_time_dropped_ends_the_stint_at_the_last_input() -> None:
    timer = confirm_time(kept_open(begun(), 900, 180), until=at(180), now=at(900))
    assert (timer.status, timer.running_since) == (TimerStatus.RUNNING, at(900))
    assert stints(timer, at(960)) == [(180, 0), (60, 0)]


def test_idle_time_kept_in_part_ends_where_the_person_says() -> None:
    timer = confirm_time(kept_open(begun(), 900, 180), until=at(400), now=at(900))
    assert stints(timer, at(960)) == [(400, 220), (60, 0)]


def test_a_second_confirmation_asks_about_the_time_since_the_first() -> None:
    timer = confirm_time(kept_open(begun(), 900, 0), now=at(900))
    timer = confirm_time(kept_open(timer, 1800, 900, since=900), now=at(1800))
    assert stints(timer, at(1800)) == [(1800, 1800)]


@pytest.mark.parametrize("until", [-1, 179, 901])
def test_what_lies_outside_the_quiet_time_is_no_answer(until: int) -> None:
    timer = kept_open(begun(), 900, 180)
    with pytest.raises(TimerStateError):
        confirm_time(timer, until=at(until), now=at(900))


def test_an_answer_to_a_paused_timer_is_refused() -> None:
    with pytest.raises(TimerStateError):
        confirm_time(pause_timer(begun(), now=at(60)), now=at(90))


def test_input_never_runs_backwards_with_two_windows() -> None:
    timer = heartbeat(begun(), now=at(60), idle_seconds=0)
    timer = heartbeat(timer, now=at(90), idle_seconds=90)
    assert timer.input_at == at(60)


@pytest.mark.parametrize(("silent_from", "broken"), [(570, 570), (720, 60)])
def test_a_closed_window_ends_where_somebody_was_last_there(silent_from: int, broken: int) -> None:
    """Before the question: at the last heartbeat; with the question open: at the last input."""
    timer = settle(kept_open(begun(), silent_from, 60), now=at(5000))
    assert (timer.status, timer.forgotten_at) == (TimerStatus.PAUSED, at(broken))


def test_a_question_stays_open_for_its_time_and_not_longer() -> None:
    timer = kept_open(begun(), 60 + IDLE + QUESTION, 60)
    assert timer.status is TimerStatus.RUNNING
    later = heartbeat(timer, now=at(60 + IDLE + QUESTION + 30), idle_seconds=IDLE + QUESTION + 30)
    assert (later.status, later.forgotten_at, later.seconds) == (TimerStatus.PAUSED, at(60), 60)


def test_all_of_a_question_left_open_can_still_be_kept() -> None:
    timer = kept_open(begun(), 60 + IDLE + QUESTION + 60, 60)
    end = at(60 + IDLE + QUESTION + 120)
    kept = stop_timer(timer, now=end, keep_silence=True)
    assert kept.stints == (Stint(CCM, Interval(T0, end), IDLE + QUESTION + 120),)


def test_a_call_is_kept_as_a_gap_however_it_ends() -> None:
    timer = begin_call(heartbeat(begun(), now=at(60), idle_seconds=0), now=at(60))
    assert quiet_since(timer) == at(60)
    assert stints(timer, at(2000)) == [(2000, 1940)]
    assert stints(confirm_time(timer, until=at(1000), now=at(2000)), at(2030)) == [(1000, 940), (30, 0)]
    assert stints(pause_timer(timer, now=at(500)), at(900)) == [(500, 440)]
    switched = switch_timer(timer, RPM, now=at(500))
    assert (switched.call_since, switched.stints[0].gap_seconds) == (None, 440)


def test_a_call_is_not_asked_about_and_may_be_silent_for_an_hour() -> None:
    timer = begin_call(begun(), now=at(30))
    assert settle(timer, now=at(30 + 3600)).status is TimerStatus.RUNNING
    forgotten = settle(timer, now=at(30 + 3601))
    assert (forgotten.status, forgotten.forgotten_at, forgotten.call_since) == (TimerStatus.PAUSED, at(30), None)
    assert begin_call(timer, now=at(60)) == timer


def test_a_resumed_timer_counts_its_input_from_then() -> None:
    timer = resume_timer(pause_timer(kept_open(begun(), 300, 0), now=at(300)), now=at(5000))
    assert (timer.input_at, timer.running_since) == (at(5000), at(5000))
    assert settle(timer, now=at(5100)).status is TimerStatus.RUNNING


def test_clients_that_do_not_watch_are_never_asked_about() -> None:
    timer = start_timer(CCM, silence_seconds=120, now=T0)
    for second in range(60, 9001, 60):
        timer = heartbeat(timer, now=at(second), idle_seconds=second)
    assert (timer.status, timer.input_at, timer.seconds) == (TimerStatus.RUNNING, None, 9000)


@given(
    st.lists(st.tuples(st.sampled_from(["beat", "input", "call", "keep", "drop", "pause", "resume"]), st.integers(0, 700))),
)
@pytest.mark.requirement("standards-17")
def test_no_second_counts_twice_and_gaps_stay_within_their_stints(steps: list[tuple[str, int]]) -> None:
    timer, now, last_input = begun(), 0, 0
    for what, wait in steps:
        now += wait
        if what in ("input", "call", "keep", "drop", "resume"):
            last_input = now
        try:
            timer = _step(timer, what, now, last_input)
        except TimerStateError:
            continue
    done = stop_timer(timer, now=at(now)).stints
    assert all(one.interval.end <= other.interval.start for one, other in itertools.pairwise(done))
    assert all(0 <= stint.gap_seconds <= stint.interval.seconds for stint in done)
    assert sum(stint.interval.seconds for stint in done) <= now


def _step(timer: Timer, what: str, now: int, last_input: int) -> Timer:
    if what in ("beat", "input"):
        return heartbeat(timer, now=at(now), idle_seconds=now - last_input)
    if what == "call":
        return begin_call(timer, now=at(now))
    if what == "keep":
        return confirm_time(timer, now=at(now))
    if what == "drop":
        return confirm_time(timer, until=quiet_since(settle(timer, now=at(now))), now=at(now))
    return pause_timer(timer, now=at(now)) if what == "pause" else resume_timer(timer, now=at(now))


def test_a_state_stored_before_calls_were_known_still_reads() -> None:
    assert replace(begun(), idle_seconds=None, question_seconds=0, input_at=None) == start_timer(CCM, silence_seconds=120, now=T0)
