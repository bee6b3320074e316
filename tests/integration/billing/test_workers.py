"""A month decided by several processes: the same results, the patterns between their patients found, rivals safe."""

import asyncio

import pytest

from services.billing.main import assemble_for
from services.billing.usecases.assemble_month import Stretch, stretches_of
from shared.ops.settings import PartSettings
from tests.integration.billing import world as small
from tests.integration.billing.conftest import Clinic
from tests.integration.billing.test_patterns import OTHER, replayed, row_17, written

FIVE = ("p1", "p2", "p3", "p4", "p5")


async def _enrolled(clinic: Clinic) -> None:
    """Enrol five, the first and the last of whom have the same note; the EHR of the settings does not answer."""
    await clinic.enrol(*FIVE, minutes=21)
    same = [written("p1", small.at(7, 15), 4, OTHER), written("p5", small.at(8, 15), 4, OTHER.replace("Monday", "Friday"))]
    await clinic.tell(same)


@pytest.mark.requirement("issue-7.10")
async def test_two_workers_decide_what_one_does(clinic: Clinic, settings: PartSettings) -> None:
    await _enrolled(clinic)
    _, done = await assemble_for(settings, "north", "2026-10", workers=2)
    assert (done.results, done.changed) == (5, 5)
    assert len(row_17(await clinic.result("p5"))) == 1, "the copy is in another worker's stretch than its original"
    assert await replayed(clinic) == "5 decisions, 5 the same to the byte, 0 differences"
    _, again = await assemble_for(settings, "north", "2026-10")
    assert (again.results, again.changed) == (5, 0)


@pytest.mark.requirement("issue-7.10")
async def test_rival_assemblies_take_turns_patient_by_patient(clinic: Clinic, settings: PartSettings) -> None:
    await _enrolled(clinic)
    rivals = await asyncio.gather(*(assemble_for(settings, "north", "2026-10") for _ in range(3)))
    assert [done.results for _, done in rivals] == [5, 5, 5]
    versions = clinic.rows("SELECT patient, max(version) AS version, count(*) AS n FROM assembly GROUP BY patient")
    assert {row["patient"] for row in versions} == set(FIVE)
    assert all(row["version"] == row["n"] for row in versions)


@pytest.mark.parametrize("workers", [1, 2, 3, 5, 9])
def test_stretches_hold_each_patient_once_and_whoever_comes_meanwhile(workers: int) -> None:
    stretches = stretches_of(FIVE, workers)
    assert stretches[0].after is None and stretches[-1].last is None
    assert len(stretches) == (workers if workers <= len(FIVE) else 1)
    for patient in (*FIVE, "p0", "p35", "p9"):
        holding = [one for one in stretches if (one.after is None or patient > one.after) and one.cut([patient])]
        assert len(holding) == 1
    assert stretches_of((), 2) == [Stretch()]
