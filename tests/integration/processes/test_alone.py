"""Each part of a deployment as a process of its own: it serves what is its own and nothing else."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from shared.ops.settings import PARTS
from tests.e2e.stack import free_port
from tests.integration.faults.deployment import CONSUMERS, RELAYS, Deployment, deployment, wait_until

ROUTES = {
    "access": ("/.well-known/ehr-client-jwks.json", 200),
    "consent": ("/t/north/fhir/R4/Consent", 401),
    "timetrack": ("/t/north/fhir/R4/Task", 401),
    "billing": ("/t/north/fhir/R4/ChargeItem", 401),
}


@pytest.fixture(scope="module")
def place() -> Iterator[Deployment]:
    """A deployment, each relay and consumer of which is a process."""
    with tempfile.TemporaryDirectory(prefix="clp") as folder, deployment(Path(folder) / "d", []) as place:
        yield place


def test_every_relay_and_consumer_runs_alone_and_carries_the_practice_to_all(place: Deployment) -> None:
    place.open_practice("north")
    assert place.dead() == []
    assert {part for _, part in RELAYS} == set(PARTS)
    assert {part for _, part in CONSUMERS} >= {"consent", "timetrack", "billing"}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_serves_alone_and_only_what_is_its_own(place: Deployment, part: str) -> None:
    port = free_port()
    place.start("serve", part, "--port", str(port))
    base = f"http://127.0.0.1:{port}"
    own, status = ROUTES[part]

    def serves() -> bool:
        try:
            return httpx.get(base + own).status_code == status
        except httpx.TransportError:
            return False

    wait_until(serves, f"{part} answers {status}")
    for other in set(PARTS) - {part}:
        assert httpx.get(base + ROUTES[other][0]).status_code == 404, other
    assert place.dead() == []
