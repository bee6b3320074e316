"""A timer on the server's clock: start, pause, resume, switch, stop; what it leaves behind are stretches of time.

Instants are whole seconds, so that the seconds of its stretches are exact. The present never runs backwards for a timer: an
instant before the last one that it saw counts as that one. A timer whose client falls silent is forgotten: it ran until it was
last heard of, and the silence is kept only if a person says that it was work (findings.md 5).

A client that watches for input says with each heartbeat how long there was none. From `idle_seconds` on it asks whether the work
goes on; whoever leaves the question open for `question_seconds` has forgotten the timer since the last input. During a call there
is nothing to ask: its end is asked at hang-up, and the call is kept as a gap.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.timetrack.domain.activity import Work
from shared.kernel.errors import Conflict
from shared.kernel.interval import Interval

_CALL_SILENCE_SECONDS = 3600
"""During a call the window may be covered, and its heartbeats slowed down by the browser."""


class TimerStateError(Conflict):
    """The timer is not in a state in which this can be done."""

    rule = "timer-state"


class TimerStatus(StrEnum):
    """What a timer does."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True)
class Stint:
    """Time measured without interruption; `gap_seconds` of it were silence that a person chose to keep."""

    work: Work
    interval: Interval
    gap_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Timer:
    """The state of a timer.

    `running_since` is set while it runs, `heard_at` is the last instant at which its client was heard of, `gap_seconds` what of
    the running stint was silence that was kept, and `forgotten_at` the instant at which silence paused it, until it goes on.
    `input_at` is the last input that a client reported and `call_since` set during a call, both only where `idle_seconds` is.
    """

    work: Work
    silence_seconds: int
    status: TimerStatus
    heard_at: datetime
    running_since: datetime | None = None
    gap_seconds: int = 0
    forgotten_at: datetime | None = None
    stints: tuple[Stint, ...] = ()
    idle_seconds: int | None = None
    question_seconds: int = 0
    input_at: datetime | None = None
    call_since: datetime | None = None

    @property
    def seconds(self) -> int:
        """What it has measured so far, up to when it was last heard of."""
        running = int((self.heard_at - self.running_since).total_seconds()) if self.running_since else 0
        return sum(stint.interval.seconds for stint in self.stints) + running

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.status in (TimerStatus.STOPPED, TimerStatus.DISCARDED)


def start_timer(
    work: Work, *, silence_seconds: int, idle_seconds: int | None = None, question_seconds: int = 0, now: datetime
) -> Timer:
    """Return a timer that runs from `now`; after more than `silence_seconds` without a word it counts as forgotten.

    With `idle_seconds` its client watches for input too.
    """
    at = now.replace(microsecond=0)
    timer = Timer(work, silence_seconds, TimerStatus.RUNNING, heard_at=at, running_since=at)
    return replace(timer, idle_seconds=idle_seconds, question_seconds=question_seconds, input_at=at if idle_seconds else None)


def settle(timer: Timer, *, now: datetime) -> Timer:
    """Return the timer as it stands at `now`: one that was silent for too long is paused where somebody was last there."""
    if timer.status is not TimerStatus.RUNNING:
        return timer
    at, asked = now.replace(microsecond=0), _asked_since(timer)
    silence = timedelta(seconds=max(timer.silence_seconds, _CALL_SILENCE_SECONDS if timer.call_since else 0))
    if at - timer.heard_at > silence:
        broken = asked or timer.heard_at
    elif asked and timer.idle_seconds and at - asked > timedelta(seconds=timer.idle_seconds + timer.question_seconds):
        broken = asked
    else:
        return timer
    return replace(_close(timer, broken), status=TimerStatus.PAUSED, forgotten_at=broken)


def _asked_since(timer: Timer) -> datetime | None:
    """Return the last input, if since then there was none for so long that the person was asked whether the work goes on."""
    if not timer.idle_seconds or timer.input_at is None or timer.running_since is None or timer.call_since:
        return None
    idle = timer.heard_at - timer.input_at >= timedelta(seconds=timer.idle_seconds)
    return max(timer.input_at, timer.running_since) if idle else None


def heartbeat(timer: Timer, *, now: datetime, idle_seconds: int | None = None) -> Timer:
    """Return the timer after a sign of life, the last input being `idle_seconds` ago if the client says so.

    A forgotten timer stays paused, since only a person can say what it did.
    """
    timer = settle(timer, now=now)
    if timer.status is not TimerStatus.RUNNING:
        return timer
    at = _present(timer, now)
    if timer.idle_seconds is None or idle_seconds is None or timer.input_at is None:
        return replace(timer, heard_at=at)
    return replace(timer, heard_at=at, input_at=max(timer.input_at, at - timedelta(seconds=idle_seconds)))


def begin_call(timer: Timer, *, now: datetime) -> Timer:
    """Return the running timer during a call: no input is expected; TimerStateError if it does not run."""
    at = _present(_running(timer, now), now)
    return timer if timer.call_since else replace(timer, heard_at=at, input_at=_input(timer, at), call_since=at)


def confirm_time(timer: Timer, *, until: datetime | None = None, now: datetime) -> Timer:
    """Return the timer, running on, with its call or the time since the last input kept as a gap `until` then (all: None).

    What lies between `until` and now is dropped. TimerStateError if it does not run, or `until` is not within that time.
    """
    timer = _running(timer, now)
    at, since = _present(timer, now), quiet_since(timer)
    until = at if until is None else until.replace(microsecond=0)
    if since is None or not since <= until <= at:
        raise TimerStateError("the time is not within the call or the time without input")
    kept = replace(timer, gap_seconds=timer.gap_seconds + int((until - since).total_seconds()), call_since=None)
    if until < at:
        kept = replace(_close(kept, until), running_since=at)
    return replace(kept, heard_at=at, input_at=_input(timer, at))


def quiet_since(timer: Timer) -> datetime | None:
    """Return since when a person must say what happened: the start of the call, else the last input, of the running stint."""
    since = timer.call_since or timer.input_at
    return max(since, timer.running_since) if since and timer.running_since else None


def pause_timer(timer: Timer, *, now: datetime, keep_silence: bool = False) -> Timer:
    """Return the timer paused; TimerStateError if it is over. A second pause changes nothing."""
    timer = _at_work(timer, now, keep_silence)
    if timer.status is TimerStatus.PAUSED:
        return timer
    return replace(_close(timer, _present(timer, now)), status=TimerStatus.PAUSED)


def resume_timer(timer: Timer, *, now: datetime, keep_silence: bool = False) -> Timer:
    """Return the timer running again; TimerStateError if it is over. A running timer goes on."""
    timer = _at_work(timer, now, keep_silence)
    at = _present(timer, now)
    if timer.status is TimerStatus.RUNNING:
        return replace(timer, heard_at=at)
    return replace(
        timer, status=TimerStatus.RUNNING, running_since=at, heard_at=at, forgotten_at=None, input_at=_input(timer, at)
    )


def switch_timer(timer: Timer, work: Work, *, now: datetime, keep_silence: bool = False) -> Timer:
    """Return the timer at other work from now on; what it has measured stays with the old. TimerStateError if it is over."""
    timer = _at_work(timer, now, keep_silence)
    if timer.work == work:
        return timer
    if timer.status is TimerStatus.PAUSED:
        return replace(timer, work=work, forgotten_at=None)
    at = _present(timer, now)
    return replace(_close(timer, at), work=work, running_since=at, input_at=_input(timer, at))


def stop_timer(timer: Timer, *, now: datetime, keep_silence: bool = False) -> Timer:
    """Return the timer ended, its `stints` all that it measured; TimerStateError if it was over before."""
    paused = pause_timer(timer, now=now, keep_silence=keep_silence)
    return replace(paused, status=TimerStatus.STOPPED)


def discard_timer(timer: Timer, *, now: datetime) -> Timer:
    """Return the timer ended without leaving time behind; TimerStateError if it was over before."""
    return replace(pause_timer(timer, now=now), status=TimerStatus.DISCARDED)


def _at_work(timer: Timer, now: datetime, keep_silence: bool) -> Timer:
    """Return the timer settled, its silence kept as a gap if a person says so."""
    if timer.over:
        raise TimerStateError(f"the timer is {timer.status}")
    settled = settle(timer, now=now)
    if not keep_silence or settled.forgotten_at is None:
        return settled
    # the silence belongs to the stint that it broke off, so that one entry holds both and says how much of it was silent
    broken, at = settled.forgotten_at, now.replace(microsecond=0)
    last = settled.stints[-1] if settled.stints else None
    if last is not None and (last.interval.end, last.work) != (broken, settled.work):
        last = None
    start = last.interval.start if last else broken
    return replace(
        settled,
        status=TimerStatus.RUNNING,
        running_since=start,
        heard_at=max(at, broken),
        gap_seconds=(last.gap_seconds if last else 0) + int((max(at, broken) - broken).total_seconds()),
        forgotten_at=None,
        stints=settled.stints[:-1] if last else settled.stints,
        input_at=_input(settled, max(at, broken)),
    )


def _running(timer: Timer, now: datetime) -> Timer:
    settled = settle(timer, now=now)
    if settled.status is not TimerStatus.RUNNING:
        raise TimerStateError(f"the timer is {settled.status}")
    return settled


def _input(timer: Timer, at: datetime) -> datetime | None:
    return at if timer.idle_seconds else None


def _present(timer: Timer, now: datetime) -> datetime:
    return max(now.replace(microsecond=0), timer.heard_at)


def _close(timer: Timer, at: datetime) -> Timer:
    """Return the timer with its running stint put by; one that lasted no second leaves nothing."""
    since = timer.running_since
    stints = timer.stints
    if since is not None and at > since:
        call = int((at - max(timer.call_since, since)).total_seconds()) if timer.call_since else 0
        stints = (*stints, Stint(timer.work, Interval(since, at), timer.gap_seconds + call))
    return replace(timer, heard_at=at, running_since=None, gap_seconds=0, stints=stints, call_since=None)
