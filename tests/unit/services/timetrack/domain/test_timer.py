"""A timer against a second, naive account of the same hours: which seconds belong to which work."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.timetrack.domain.activity import Work
from services.timetrack.domain.timer import (
    Stint,
    Timer,
    TimerStateError,
    TimerStatus,
    discard_timer,
    heartbeat,
    pause_timer,
    resume_timer,
    settle,
    start_timer,
    stop_timer,
    switch_timer,
)
from shared.kernel.interval import Interval
from shared.kernel.vocabulary import Activity, Program

T0 = datetime(2026, 10, 15, 14, tzinfo=UTC)
CCM, RPM = Work(Program.CCM, Activity.CARE_PLAN), Work(Program.RPM, Activity.RESULT_REVIEW)
SILENCE = 120


def at(seconds: float) -> datetime:
    """Return the instant so many seconds after the start."""
    return T0 + timedelta(seconds=seconds)


def begun(silence: int = SILENCE) -> Timer:
    """Return a timer that started at T0."""
    return start_timer(CCM, silence_seconds=silence, now=T0)


class Naive:
    """Keeps a list of single seconds and who they belong to; it knows only seconds since T0."""

    def __init__(self) -> None:
        self.work: Work = CCM
        self.running = True
        self.over = False
        self.last = 0
        self.silent_from: int | None = None
        self.worked: dict[int, tuple[Work, bool]] = {}

    def do(self, action: str, now: int, keep: bool) -> None:
        now = max(now, self.last)
        if self.running and now - self.last > SILENCE:
            self.running, self.silent_from = False, self.last
        elif self.running:
            self.fill(self.last, now, gap=False)
            self.last = now
        if action == "heartbeat":
            return
        if keep and self.silent_from is not None:
            self.fill(self.silent_from, now, gap=True)
            self.running, self.silent_from, self.last = True, None, now
        if action == "pause":
            self.running = False
        elif action == "resume":
            self.running, self.silent_from, self.last = True, None, now
        elif action == "switch":
            other = RPM if self.work == CCM else CCM
            self.work, self.silent_from = other, None

    def fill(self, start: int, end: int, *, gap: bool) -> None:
        for second in range(start, end):
            self.worked[second] = (self.work, gap)


ACTIONS = st.sampled_from(["heartbeat", "pause", "resume", "switch"])
STEPS = st.lists(st.tuples(ACTIONS, st.integers(-300, 300), st.booleans()), max_size=25)


@given(STEPS, st.booleans(), st.integers(-300, 300), st.floats(0, 0.999))
def test_every_second_is_accounted_for_once(
    steps: list[tuple[str, int, bool]], keep_last: bool, last: int, fraction: float
) -> None:
    timer, naive, now = begun(), Naive(), 0
    for action, by, keep in [*steps, ("pause", last, keep_last)]:
        now += by
        instant = at(now + fraction)
        if action == "heartbeat":
            timer = heartbeat(timer, now=instant)
        elif action == "pause":
            timer = pause_timer(timer, now=instant, keep_silence=keep)
        elif action == "resume":
            timer = resume_timer(timer, now=instant, keep_silence=keep)
        else:
            timer = switch_timer(timer, RPM if timer.work == CCM else CCM, now=instant, keep_silence=keep)
        naive.do(action, now, keep)
    stopped = stop_timer(timer, now=at(now))
    account = Counter(naive.worked.values())
    found = Counter[tuple[Work, bool]]()
    for stint in stopped.stints:
        found[(stint.work, True)] += stint.gap_seconds
        found[(stint.work, False)] += stint.interval.seconds - stint.gap_seconds
    assert +found == account
    ends = [instant for stint in stopped.stints for instant in (stint.interval.start, stint.interval.end)]
    assert ends == sorted(ends), "stints follow each other and never overlap"
    assert all(instant.microsecond == 0 for instant in ends)
    assert stopped.seconds == len(naive.worked)


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 1000)), max_size=20))
def test_pauses_are_never_counted(laps: list[tuple[int, int]]) -> None:
    timer, now, worked = begun(), 0, 0
    for work, rest in laps:
        now += work
        worked += work
        timer = pause_timer(timer, now=at(now))
        now += rest
        timer = resume_timer(timer, now=at(now))
    assert stop_timer(timer, now=at(now)).seconds == worked


@pytest.mark.parametrize(("silent", "forgotten"), [(SILENCE, False), (SILENCE + 1, True)])
def test_silence_longer_than_agreed_pauses_where_it_began(silent: int, forgotten: bool) -> None:
    timer = heartbeat(begun(), now=at(100))
    seen = settle(timer, now=at(100 + silent))
    assert (seen.status is TimerStatus.PAUSED) is forgotten
    assert seen.forgotten_at == (at(100) if forgotten else None)
    assert stop_timer(timer, now=at(100 + silent)).seconds == (100 if forgotten else 100 + silent)


def test_a_late_heartbeat_revives_nothing() -> None:
    timer = heartbeat(begun(), now=at(1000))
    assert (timer.status, timer.forgotten_at, timer.seconds) == (TimerStatus.PAUSED, T0, 0)


def test_kept_silence_is_one_stint_with_its_gap() -> None:
    timer = heartbeat(begun(), now=at(100))
    stopped = stop_timer(timer, now=at(700), keep_silence=True)
    assert stopped.stints == (Stint(CCM, Interval(T0, at(700)), gap_seconds=600),)


def test_silence_is_not_kept_twice_nor_after_going_on() -> None:
    timer = heartbeat(begun(), now=at(100))
    gone_on = resume_timer(timer, now=at(700))
    assert stop_timer(gone_on, now=at(710), keep_silence=True).seconds == 110
    kept = pause_timer(timer, now=at(700), keep_silence=True)
    assert stop_timer(kept, now=at(900), keep_silence=True).seconds == 700


def test_a_clock_that_jumps_back_takes_nothing_and_gives_nothing() -> None:
    timer = heartbeat(begun(), now=at(60))
    timer = heartbeat(timer, now=at(-5000))
    assert timer.heard_at == at(60)
    assert stop_timer(timer, now=at(-1)).seconds == 60


def test_the_same_again_changes_nothing() -> None:
    paused = pause_timer(begun(), now=at(10))
    assert pause_timer(paused, now=at(20)) == paused
    assert switch_timer(paused, CCM, now=at(20)) == paused


@pytest.mark.parametrize("end", [stop_timer, discard_timer])
def test_what_is_over_stays_over(end: Any) -> None:
    over = end(begun(), now=at(10))
    assert over.over
    for action in (pause_timer, resume_timer, stop_timer, discard_timer):
        with pytest.raises(TimerStateError):
            action(over, now=at(20))
    assert heartbeat(over, now=at(20)) == over
