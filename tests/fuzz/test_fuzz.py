"""A sample of the malformed requests in every test run; `python -m tests.fuzz` sends a hundred thousand."""

import pytest

from tests.fuzz.run import Findings, Fuzzer
from tests.security.place import Place

pytestmark = pytest.mark.requirement("standards-24")


def taken(found: Findings, kind: str) -> int:
    """Return how many resources of a kind were created: a spoilt one may still be good."""
    return found.taken[201, kind]


@pytest.mark.parametrize("seed", [1, 2])
async def test_malformed_requests_break_nothing(place: Place, seed: int) -> None:
    before = place.stored("consent", "timetrack")
    found = await Fuzzer(place, seed).run(2500)
    assert not found.wrong, f"{len(found.wrong)} of {found.requests} (seed {seed}):\n" + "\n".join(found.wrong[:20])
    assert sum(n for status, n in found.statuses.items() if status >= 400) > found.requests / 2, found.statuses
    after = place.stored("consent", "timetrack")
    assert after["consent.consent"] - before["consent.consent"] == taken(found, "Consent")
    assert after["timetrack.time_entry"] - before["timetrack.time_entry"] == taken(found, "Task")
