"""What the chart does not say and a person states over HTTP: a plan's rules, a stay, a death; and what is taken back again."""

from typing import Any

import pytest

from tests.integration.billing import world as small
from tests.integration.billing.conftest import Clinic


def of_a_plan(patient: str, plan: str = "acme-gold") -> list[dict[str, Any]]:
    """Return the chart of somebody whom a commercial plan covers."""
    chart = small.chart(patient)
    for resource in chart:
        if resource["resourceType"] == "Coverage":
            resource["type"] = {"coding": [{"system": "https://nahdo.org/sopt", "code": "51"}]}
            resource["class"] = [{"type": {"coding": [{"code": "plan"}]}, "value": plan}]
            resource["payor"] = [{"reference": "Organization/acme", "display": "Acme"}]
    return chart


@pytest.mark.requirement("issue-9.2")
async def test_a_plan_is_answered_once_for_all_its_patients(clinic: Clinic) -> None:
    """The release of both is held until one answer with evidence; taken back, it is held again."""
    await clinic.enrol("p1", "p2")
    clinic.ehr.charts |= {patient: of_a_plan(patient) for patient in ("p1", "p2")}
    await clinic.assemble()
    held = [(await clinic.result(patient))["assembly"] for patient in ("p1", "p2")]
    assert [any(f["rule"] == "PAYER" and f["severity"] == "hold" for f in one["findings"]) for one in held] == [True, True]

    value = {"plan": "acme-gold", "like": "ffs_like", "evidence": "letter of 1 Oct 2026", "written_consent": True}
    said = await clinic.state(small.statement("plan-rules", value))
    await clinic.assemble()
    for patient in ("p1", "p2"):
        assembly = (await clinic.result(patient))["assembly"]
        assert {f["situation"] for f in assembly["findings"]} >= {"5"}
        assert not any(f["rule"] == "PAYER" for f in assembly["findings"])
        assert f"attestation/{said['id']}@1" in assembly["facts_used"]

    value = {"plan": "acme-gold", "like": "ffs_like", "evidence": "call of 2 Oct 2026, reference 17"}
    changes = {"signed_at": "2026-10-02T16:00:00Z", "effective": "2026-10-01"}
    identifier = {"system": "https://north.example/attestations", "value": "acme-gold again"}
    better = await clinic.state(small.statement("plan-rules", value, identifier=identifier, **changes))
    await clinic.assemble()
    assert [(await clinic.result(patient))["releasable"] for patient in ("p1", "p2")] == [True, True]

    for one in (said, better):
        identifier = {"system": "https://north.example/attestations", "value": f"back {one['id']}"}
        value = {"attestation": one["id"], "reason": "another plan of the same name"}
        await clinic.state(small.statement("withdrawal", value, identifier=identifier))
    await clinic.assemble()
    assert [(await clinic.result(patient))["releasable"] for patient in ("p1", "p2")] == [False, False]


async def test_a_death_a_stay_and_a_service_stand_until_they_are_taken_back(clinic: Clinic) -> None:
    """Each keeps time from counting or the charge from being planned; without it the month is as before."""
    await clinic.enrol("p1", minutes=25)
    await clinic.assemble()
    before = await clinic.result("p1")
    for kind, value in (
        ("death", {"day": "2026-09-30"}),
        ("institutional-stay", {"stay": "inpatient", "start_day": "2026-09-20", "end_day": "2026-10-20"}),
        ("other-service", {"code": "99490", "day": "2026-10-31", "npi": "1568435994", "status": "paid", "source": "remittance"}),
    ):
        said = await clinic.state(small.statement(kind, value, patient="p1"))
        await clinic.assemble()
        assert (await clinic.result("p1"))["assembly"]["outcome"] == "not-billable", kind
        back = {"attestation": said["id"], "reason": "wrong patient"}
        identifier = {"system": "https://north.example/attestations", "value": f"back {kind}"}
        await clinic.state(small.statement("withdrawal", back, patient="p1", identifier=identifier))
        await clinic.assemble()
        after = await clinic.result("p1")
        assert after["assembly"]["charges"] == before["assembly"]["charges"], kind
        assert after["releasable"], kind
