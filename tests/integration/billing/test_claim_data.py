"""What a payer's claim needs and the facts lack holds the release, whatever the rules say: nothing half leaves (13.3)."""

from collections.abc import Callable
from typing import Any

import pytest

from services.billing.adapters.rule_book_files import load_rule_book
from services.billing.domain.claim_data import ELEMENTS
from shared.contracts.base import Person
from shared.kernel.calendar_month import CalendarMonth
from tests.integration.billing import world as small
from tests.integration.billing.conftest import Clinic, item
from tests.integration.billing.test_differences import void

pytestmark = pytest.mark.requirement("issue-11.1")

Chart = list[dict[str, Any]]


def _of(chart: Chart, kind: str) -> dict[str, Any]:
    return next(one for one in chart if one["resourceType"] == kind)


def _no_number(chart: Chart) -> None:
    _of(chart, "Patient").pop("identifier")


def _no_member(chart: Chart) -> None:
    _of(chart, "Coverage").pop("subscriberId")


def _no_payer(chart: Chart) -> None:
    _of(chart, "Coverage")["payor"] = []


def _no_coverage(chart: Chart) -> None:
    chart.remove(_of(chart, "Coverage"))


async def _findings(clinic: Clinic, patient: str = "p1") -> dict[str, dict[str, Any]]:
    return {one["key"]: one for one in (await clinic.result(patient))["assembly"]["findings"]}


@pytest.mark.parametrize(
    ("take_away", "key", "fix"),
    [
        (_no_number, "CLAIM:the patient's record number", "add the identifier of type MR"),
        (_no_member, "CLAIM:the member number", "add the member number"),
        (_no_payer, "CLAIM:the payer", "name the payer"),
        (_no_coverage, "PAYER:PAYER:no-coverage", ""),
    ],
)
async def test_what_the_chart_lacks_holds_the_charge(
    clinic: Clinic, take_away: Callable[[Chart], None], key: str, fix: str
) -> None:
    await clinic.enrol("p1", minutes=45)
    take_away(clinic.ehr.charts["p1"])
    await clinic.assemble()
    found = (await _findings(clinic))[key]
    assert (found["severity"], found["concerns"]) == ("hold", "release")
    assert fix in found["action"]
    assert (await clinic.result("p1"))["releasable"] is False
    assert (await clinic.attest())["charges"] == 0
    assert await clinic.queue() == []
    clinic.ehr.charts["p1"] = small.chart("p1")
    for resource in clinic.ehr.charts["p1"]:
        resource["meta"] = {"versionId": "2"}
    await clinic.assemble()
    assert key not in await _findings(clinic)
    assert (await clinic.attest())["charges"] == 2, "nothing was lost by waiting"


async def test_a_diagnosis_or_an_npi_that_is_missing_holds_it_too(clinic: Clinic) -> None:
    """Both by the rules themselves: A4 (row 43) and A5."""
    await clinic.enrol("p1", "p2")
    await clinic.state(small.statement("claim-diagnoses", {"codes": ["E11.9"]}, patient="p1", month="2026-10"))
    await clinic.assemble()
    assert "A4" in {one["rule"] for one in (await _findings(clinic)).values() if one["severity"] == "hold"}
    assert (await clinic.attest())["released"] == ["p2"]
    nameless = small.staff_event(small.ADA, "physician", "billing-practitioner", "program-lead")
    await clinic.tell([small.newer(nameless, 2), small.consent("p3", practitioner=Person(id=small.ADA, name="Ada"))])
    clinic.ehr.charts["p3"] = small.chart("p3")
    await clinic.tell([small.entry("p3", small.at(5), 25)])
    for body in small.statements("p3"):
        await clinic.state(body)
    await clinic.assemble()
    assert "A5" in {one["rule"] for one in (await _findings(clinic, "p3")).values() if one["severity"] == "hold"}
    assert (await clinic.attest())["released"] == []


def test_every_profile_says_what_its_claim_needs() -> None:
    book = load_rule_book()
    for profile in book.profiles:
        required = book.parameter(profile, "claim.required").on(CalendarMonth(2026, 10).first_day)
        assert {"patient-mrn", "rendering-npi", "member-id"} <= set(required) <= ELEMENTS
        assert ("billing-tin" in required) is (profile == "commercial_strict")


async def test_a_plan_may_ask_for_more(clinic: Clinic) -> None:
    """The practice's TIN is asked for by the stricter profile only: that plan's charge waits, Medicare's leaves."""
    plans = {"blue": "commercial_strict"}
    await clinic.tell([small.newer(small.tenant_event(tin=None, plans=plans), 2)])
    clinic.ehr.charts = {patient: small.chart(patient) for patient in ("p1", "p2")}
    blue = _of(clinic.ehr.charts["p2"], "Coverage")
    blue |= {
        "type": {"coding": [{"system": "https://nahdo.org/sopt", "code": "5"}]},
        "payor": [{"identifier": {"value": "blue"}, "display": "Blue"}],
    }
    for number, patient in enumerate(clinic.ehr.charts):
        written = small.consent(patient, method="written", given_at=small.at(2, month=2))
        await clinic.tell([written, small.entry(patient, small.at(1 + number), 25)])
        for body in small.statements(patient):
            await clinic.state(body)
    await clinic.assemble()
    assert (await clinic.result("p2"))["assembly"]["profile"] == "commercial_strict"
    assert "CLAIM:the practice's TIN" in await _findings(clinic, "p2")
    assert "CLAIM:the practice's TIN" not in await _findings(clinic, "p1")
    assert (await clinic.attest())["released"] == ["p1"]
    await clinic.tell([small.newer(small.tenant_event(plans=plans), 3)])
    await clinic.assemble()
    assert (await clinic.attest())["released"] == ["p2"]


async def test_a_replacement_lacks_nothing_either(clinic: Clinic) -> None:
    """The billed charge stands until the new one can leave whole."""
    await clinic.enrol("p1", minutes=45)
    await clinic.assemble()
    await clinic.attest()
    await clinic.acknowledge(*(item(one["id"], "billed", claim="C1") for one in await clinic.queue()))
    await clinic.tell([void(), small.entry("p1", small.at(8), 22, number=2)])
    chart = small.chart("p1")
    _no_member(chart)
    _of(chart, "Coverage")["meta"] = {"versionId": "2"}
    clinic.ehr.charts["p1"] = chart
    await clinic.assemble()
    signed = await clinic.attest(differences=True)
    assert (signed["released"], signed["waiting"]) == ([], ["p1"])
    assert await clinic.queue() == []
    clinic.ehr.charts["p1"] = small.chart("p1")
    _of(clinic.ehr.charts["p1"], "Coverage")["meta"] = {"versionId": "3"}
    await clinic.assemble()
    assert (await clinic.attest(differences=True))["released"] == ["p1"]
    assert [one["code"]["coding"][0]["code"] for one in await clinic.queue()] == ["99490"]
