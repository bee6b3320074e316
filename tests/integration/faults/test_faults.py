"""Relays, consumers and PostgreSQL killed, the broker's memory lost: the month's charges are those of a quiet month."""

import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.crash_walk import CRASHES, DOORS, walk_once
from tests.integration.faults.deployment import Deployment, deployment
from tests.integration.faults.month import CHARTS, Month
from tests.integration.faults.storm import Storm, calm, check, difference

POINTS = 20
SEED = os.environ.get("CARELEDGER_FAULT_SEED") or str(random.randrange(10**6))


@pytest.fixture(scope="module")
def place() -> Iterator[Deployment]:
    """A running deployment; its folder's path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="clf") as folder, deployment(Path(folder) / "d", CHARTS) as place:
        yield place


@pytest.mark.requirement("issue-11.1")
def test_a_crash_where_charges_are_made_and_one_where_they_are_billed(place: Deployment) -> None:
    """Issue 11, Shows: every charge billed once. `python -m tests.integration.crash_walk` takes every step and both crashes."""
    rng = random.Random(SEED)
    made, billed = rng.choice([crash for crash in CRASHES if crash[0] in ("log", "attest")]), ("acknowledge", DOORS)
    print(f"CARELEDGER_FAULT_SEED={SEED}: {made}, {billed}")
    walk_once(place, "walk", dict((made, billed)), SEED)


def test_twenty_faults_at_random_points_leave_no_trace_in_the_charges(place: Deployment) -> None:
    """Issue 7, Shows. The seed is told: CARELEDGER_FAULT_SEED repeats a run."""
    print(f"CARELEDGER_FAULT_SEED={SEED}")
    place.open_practice("calm")
    first = Month(place, "calm")
    calm(first)
    wanted = first.charges()
    assert {charge["code"]["coding"][0]["code"] for charge in wanted} == {"99490", "99439"}
    assert len(wanted) == 12

    place.open_practice("storm")
    second = Month(place, "storm")
    storm = Storm(place, second, SEED, POINTS)
    storm.run()

    check(place, [first, second])
    assert storm.struck.total() == POINTS
    assert (storm.struck["broker"], storm.struck["postgres"] > 0) == (1, True)
    assert difference(wanted, second.charges()) == []
    assert difference(wanted, first.charges()) == []
