"""A month with faults: at random steps a process, PostgreSQL or the broker's whole memory is lost, while the month goes on."""

import difflib
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.integration.faults.deployment import CONSUMERS, RELAYS, Deployment, wait_until
from tests.integration.faults.month import Month

Fault = tuple[str, ...]

POSTGRES: Fault = ("postgres",)
BROKER: Fault = ("broker",)
_KINDS = (RELAYS, RELAYS, CONSUMERS, CONSUMERS, (POSTGRES,))
_LIFE = 0.3
"""Seconds that what was started may at least live before the next fault, so that faults do not only meet what just begins."""


def draw(seed: str, points: int) -> list[Fault]:
    """Return `points` faults in random order, the loss of the broker's memory once, early on.

    Early, since it makes the relays publish everything again, which would heal whatever the faults before it had lost.
    """
    rng = random.Random(seed)
    faults: list[Fault] = [POSTGRES, rng.choice(RELAYS), rng.choice(CONSUMERS)][: points - 1]
    faults += [rng.choice(rng.choice(_KINDS)) for _ in range(points - 1 - len(faults))]
    rng.shuffle(faults)
    faults.insert(rng.randrange(points // 5 + 1), BROKER)
    return faults


@dataclass
class Storm:
    """Runs a month in a thread of its own and inflicts the faults from this one, each at its step.

    The month waits at a step with a fault only until the fault before it is over: it is never still while one strikes.
    """

    place: Deployment
    month: Month
    seed: str
    points: int
    struck: Counter[str] = field(default_factory=Counter)

    def run(self) -> None:
        """Run the month to its end; whatever went wrong in it is raised here."""
        rng, steps = random.Random(self.seed), self.month.steps()
        at_steps = sorted(rng.choices(range(len(steps)), k=self.points))
        reached = [threading.Event() for _ in at_steps]
        over = [threading.Event() for _ in at_steps]
        failed: list[BaseException] = []

        def before(number: int) -> None:
            for index, at_step in enumerate(at_steps):
                if at_step == number:
                    for earlier in over[:index]:
                        earlier.wait()
                    reached[index].set()

        feeding = threading.Thread(target=_keeping(failed, lambda: self.month.run(steps, before)), daemon=True)
        feeding.start()
        for fault, begin, end in zip(draw(self.seed, self.points), reached, over, strict=True):
            while not begin.wait(0.1) and feeding.is_alive():
                pass
            if failed:
                break
            time.sleep(rng.uniform(0, 0.06))
            self._strike(fault)
            time.sleep(_LIFE)
            end.set()
        feeding.join()
        if failed:
            raise failed[0]

    def _strike(self, fault: Fault) -> None:
        self.struck[" ".join(fault)] += 1
        if fault == POSTGRES:
            self.place.restart_postgres()
        elif fault == BROKER:
            self.place.lose_broker()
        else:
            self.place.restart(*fault)


def calm(month: Month) -> None:
    """Run a month without faults."""
    month.run(month.steps(), lambda _: None)


def check(place: Deployment, months: list[Month]) -> None:
    """Assert that nothing died by itself, nothing waits for ever, nothing was set aside and nothing was made up."""
    assert place.dead() == []
    for part in ("access", "consent", "timetrack", "billing"):
        wait_until(partial(_has_published_all, place, part), f"{part} publishes all")
        assert place.rows(part, "SELECT reason FROM dead_letter") == []
    for month in months:
        assert month.taken_in == month.told


def difference(wanted: list[dict[str, Any]], found: list[dict[str, Any]]) -> list[str]:
    """Return what the ChargeItems of two months differ in, line by line."""
    before, after = (json.dumps(charges, indent=1, sort_keys=True).splitlines() for charges in (wanted, found))
    return list(difflib.unified_diff(before, after, "without faults", "with faults", n=2, lineterm=""))


def _has_published_all(place: Deployment, part: str) -> bool:
    return place.rows(part, "SELECT count(*) FROM journal_unpublished") == [(0,)]


def _keeping(failed: list[BaseException], work: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    return run
