"""Plans whose rules are not set: one answer releases all patients of a plan; and the guide to rules and codes.

Requirements: findings.md 1 (a plan holds release, not computation), 5 (one fix per plan); issue 10.7, 10.10.
"""

import re
from typing import Any

import pytest

from tests.integration.billing.conftest import Clinic
from tests.integration.billing.pages import biller, doctor, lead, look_again, nurse, words

MONTH = "2026-10"
ANSWER = "plans/answer?month=2026-10"


@pytest.fixture
async def plan(clinic: Clinic) -> Clinic:
    """Two patients of a plan that nobody has answered, one of Medicare."""
    for patient in ("ma-one", "ma-two"):
        await clinic.enrol(patient, minutes=25)
        coverage = next(one for one in clinic.ehr.charts[patient] if one["resourceType"] == "Coverage")
        coverage["type"]["coding"][0]["code"] = "111"
        coverage["class"] = [{"type": {"coding": [{"code": "plan"}]}, "value": "H-123"}]
        coverage["payor"] = [{"display": "Senior Plan"}]
    await clinic.enrol("clear", minutes=25)
    await clinic.assemble()
    await look_again(clinic)
    return clinic


@pytest.mark.requirement("issue-10.7")
async def test_one_answer_releases_all_patients_of_a_plan(plan: Clinic) -> None:
    page = words(await lead(plan).get(f"plans?month={MONTH}"))
    assert "Senior Plan H-123 2 patients of Senior Plan $132.26 Set the rules : Senior Plan" in page
    form = await lead(plan).get(f"{ANSWER}&plan=H-123")
    assert " checked" not in form
    key = re.search(r'name="key" value="([^"]*)"', form)
    assert key is not None
    typed: dict[str, Any] = {
        "key": key[1],
        "plan": "H-123",
        "like": "ffs_like",
        "evidence": "Letter of Oct 2, 2026",
        "from": "2026-10-01",
    }
    done = words(await lead(plan).post(ANSWER, **typed, remote_monitoring="held"))
    assert "2 patients are no longer held by it" in done
    assert "No plan holds a patient of October 2026." in done
    assert "Remote monitoring in the same month: holds the charge" in done
    assert "Letter of Oct 2, 2026" in done
    assert "To attest 3" in words(await biller(plan).get(f"desk?month={MONTH}"))
    assert (await biller(plan).ask("GET", f"plans.csv?month={MONTH}")).text.count("Senior Plan") == 1


async def test_an_answer_needs_its_evidence_and_keeps_what_was_typed(plan: Clinic) -> None:
    refused = await lead(plan).post(ANSWER, 422, plan="H-123", evidence="a call", diagnoses_min="two", **{"from": "2027-01-01"})
    said = words(refused)
    assert "Choose whose rules the plan follows." in said
    assert "Give the day from which it holds, today at the latest." in said
    assert "Give a whole number." in said
    assert 'value="a call"' in refused
    await lead(plan).post(ANSWER, 404, plan="of-nobody", like="ffs_like", evidence="x", **{"from": "2026-10-01"})


async def test_an_answer_of_later_days_leaves_the_month_held(plan: Clinic) -> None:
    typed: dict[str, Any] = {"plan": "H-123", "like": "ffs_like", "evidence": "Letter", "from": "2026-11-02"}
    assert "0 patients are no longer held by it; 2 still are" in words(await doctor(plan).post(ANSWER, **typed))


async def test_only_lead_and_practitioner_answer(plan: Clinic) -> None:
    assert "Program lead" in words(await biller(plan).get(f"plans?month={MONTH}"))
    await biller(plan).post(ANSWER, 403, plan="H-123", like="ffs_like", evidence="x", **{"from": "2026-10-01"})


@pytest.mark.requirement("issue-10.10")
async def test_the_guide_is_searched_and_saved(clinic: Clinic) -> None:
    guide = words(await nurse(clinic).get("rules"))
    assert "CCM, clinical staff time at most 2 × 99439 a month" in guide
    assert "PCM" in guide
    found = words(await nurse(clinic).get("rules/table?q=simultaneous"))
    assert "T5" in found
    assert "T1 " not in found
    assert "No rule says “zebra”." in await nurse(clinic).get("rules/table?q=zebra")
    assert (await nurse(clinic).ask("GET", "rules.csv")).text.startswith("\ufeffrule,in our words,certainty")
