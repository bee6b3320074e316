"""What consent's pages show of billing: the amount to say by payer and place, and what payer and visit ask for.

Requirements: ccm-rules A7, P4 (the patient's share), C2, C5 (renewal), E3 (initiating visit); issue 10.4.
"""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.integration.billing import world as small
from tests.integration.billing.conftest import Clinic
from tests.integration.billing.pages import nurse, set_up, words


def covered(clinic: Clinic, patient: str, **changes: Any) -> None:
    """Change a patient's coverage in the chart."""
    coverage = next(one for one in clinic.ehr.charts[patient] if one["resourceType"] == "Coverage")
    coverage.update(changes)


def of_kind(code: str) -> dict[str, Any]:
    """Return a type of coverage."""
    return {"coding": [{"system": "https://nahdo.org/sopt", "code": code}]}


@pytest.mark.requirement("issue-10.4")
async def test_the_amount_to_say_is_that_of_payer_and_place(clinic: Clinic) -> None:
    await clinic.enrol("ffs", "ma", "poor", "none")
    covered(clinic, "ma", type=of_kind("111"), payor=[{"display": "Senior Plan"}])
    covered(clinic, "poor", type=of_kind("2"), payor=[{"display": "State Medicaid"}])
    covered(clinic, "none", status="cancelled")
    await clinic.assemble()
    said = words(await nurse(clinic).at("ffs").get("cost-words"))
    assert "your part would be about $13.23, once your deductible is met." in said
    assert "Medicare Part B, place of service 11: 20 % of $66.13 for one 99490, national amount. Rule A7." in said
    spanish = await nurse(clinic).at("ffs").get("cost-words?language=es")
    assert 'lang="es"' in spanish
    assert "su parte sería de unos $13.23" in spanish
    assert "Your plan may ask you to pay a part." in await nurse(clinic).at("ma").get("cost-words")
    assert "You pay nothing for this service." in await nurse(clinic).at("poor").get("cost-words")
    assert "We do not know how much yet" in await nurse(clinic).at("none").get("cost-words?language=xx")


@pytest.mark.requirement("issue-10.4")
async def test_medicare_asks_for_nothing_and_a_strict_payer_for_paper_and_renewal(clinic: Clinic) -> None:
    await clinic.enrol("ffs", "acme")
    covered(clinic, "acme", type=of_kind("5"), payor=[{"display": "Acme"}])
    await set_up(clinic, plans={"Acme": "commercial_strict"})
    await clinic.assemble()
    assert words(await nurse(clinic).at("ffs").get("consent-asks")) == ""
    now = words(await nurse(clinic).at("acme").get("consent-asks"))
    assert "In writing This payer asks for consent in writing; the one in force is verbal. Rule C2." in now
    assert "Capture a new consent" in now
    assert "Rule C5" not in now
    earlier = datetime(2025, 11, 20, 15, 0, tzinfo=UTC)
    again = small.consent("acme", version=2, given_at=earlier, in_force_from=earlier, method="written")
    await clinic.tell([again])
    soon = words(await nurse(clinic).at("acme").get("consent-asks"))
    assert "Soon anew This payer asks for a new consent after 12 months; this one is of Nov 20, 2025 and stands to" in soon
    assert "Rule C2" not in soon
    long_ago = datetime(2025, 10, 20, 15, 0, tzinfo=UTC)
    await clinic.tell([small.consent("acme", version=3, given_at=long_ago, in_force_from=long_ago, method="written")])
    assert "Anew This payer asks" in words(await nurse(clinic).at("acme").get("consent-asks"))


async def test_the_initiating_visit_is_asked_for_with_the_consent(clinic: Clinic) -> None:
    await clinic.enrol("new")
    for visit in [one for one in clinic.ehr.charts["new"] if one["resourceType"] == "Encounter"]:
        clinic.ehr.charts["new"].remove(visit)
    clinic.ehr.charts["newer"] = [one for one in small.chart("newer") if one["resourceType"] != "Encounter"]
    await clinic.assemble()
    said = words(await nurse(clinic).at("newer").get("consent-asks"))
    assert "Initiating visit New or not seen within" in said
    assert "Rule E3." in said
