"""The month's script in order of time, with the signs of life that a timer's client sends between start and stop."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

Action = dict[str, Any]

HEARTBEAT = timedelta(seconds=115)
"""How often the client says that somebody is there: after two minutes of silence a timer counts as forgotten."""


def moment(action: Action) -> datetime:
    """Return when an action is done."""
    return datetime.fromisoformat(action["at"])


def timeline(actions: Iterable[Action]) -> list[Action]:
    """Return the actions in order, `timer.heartbeat` actions added wherever a timer runs for longer than HEARTBEAT."""
    found: list[Action] = []
    running: dict[str, datetime] = {}
    for action in actions:
        found.append(action)
        timer, do = action.get("timer"), action["do"]
        if timer is None or action.get("expect") == "refused":
            continue
        if do in ("timer.pause", "timer.stop") and timer in running:
            found += _heartbeats(timer, running.pop(timer), moment(action))
        if do in ("timer.start", "timer.resume"):
            running[timer] = moment(action)
    return sorted(found, key=moment)


def measured_seconds(actions: Iterable[Action]) -> dict[str, int]:
    """Return the seconds between start and stop of each timer that ends, pauses left out."""
    seconds: dict[str, int] = {}
    running: dict[str, datetime] = {}
    for action in actions:
        timer, do = action.get("timer"), action["do"]
        if timer is None or action.get("expect") == "refused":
            continue
        if do in ("timer.start", "timer.resume"):
            running[timer] = moment(action)
        elif timer in running:
            lasted = moment(action) - running.pop(timer)
            seconds[timer] = seconds.get(timer, 0) + int(lasted.total_seconds())
    return seconds


def _heartbeats(timer: str, since: datetime, until: datetime) -> Iterable[Action]:
    at = since + HEARTBEAT
    while at < until:
        yield {"at": at.isoformat(), "do": "timer.heartbeat", "timer": timer}
        at += HEARTBEAT
