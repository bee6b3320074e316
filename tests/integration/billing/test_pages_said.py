"""The enrolment record whole, what is said of a patient by hand, and a statement that is taken back.

Requirements: issue 10.5 (every element; asked once, shown with its age), ccm-rules T19, X0, X1.
"""

import re
from typing import Any

import pytest

from tests.integration.billing import world as small
from tests.integration.billing.conftest import Clinic
from tests.integration.billing.pages import biller, doctor, lead, nurse, words


@pytest.fixture
async def patient(clinic: Clinic) -> Clinic:
    """A patient to whom nothing is missing."""
    await clinic.enrol("pat")
    await clinic.tell([small.consent("pat", version=2, other_practice="yes", other_practice_name="Eastside")])
    await clinic.assemble()
    return clinic


@pytest.mark.requirement("issue-10.5")
async def test_the_record_has_every_element_with_its_evidence(patient: Clinic) -> None:
    said = words(await doctor(patient).at("pat").get("month?month=2026-10"))
    assert "E11.9, I10, by the practitioner, expected to last 12 months or until death, Jan 20, 2026" in said
    assert "In the EHR, version 1, signed by dr-ada, Jan 20, 2026 (9 months old)" in said
    assert "Given: paper, patient, Jan 20, 2026" in said
    assert "Payer and QMB P4 Medicare Part B, judged as Medicare FFS; no QMB" in said
    assert "Other practitioners X1" in said
    assert "Another practice gives the service: Eastside, Jan 20, 2026 (9 months old) It has ended" in said
    assert "Other services this month X0 None known Add one" in said
    assert "Taking part Since enrolment" in said


@pytest.mark.requirement("issue-10.5")
async def test_a_service_is_typed_by_hand_and_taken_back(patient: Clinic) -> None:
    visitor = nurse(patient).at("pat")
    form = words(await visitor.get("attestations/other-service?month=2026-10"))
    assert "Another service of the month" in form
    typed = {"month": "2026-10", "code": "99457", "day": "2026-10-12", "status": "paid"}
    assert "recorded" in (await visitor.ask("POST", "attestations/other-service", data=typed)).text
    assert "99457 on Oct 12, 2026 (paid)" in words(await visitor.get("month?month=2026-10"))
    said = await visitor.get("said")
    assert "Code number: 99457; date of service: Oct 12, 2026; what is known: paid" in words(said)
    assert "rn-bo, Nov 3, 2026 (today). Rule X0." in words(said)
    address = re.search(r'hx-post="/t/north/app/billing/(said/[^"]*/taken-back)"', said)
    assert address is not None
    assert "Say why it was a mistake." in await visitor.post(address[1], 422)
    assert (await biller(patient).at("pat").ask("POST", address[1], data={"reason": "x"})).status_code == 403
    left = words(await visitor.post(address[1], reason="it was for another patient"))
    assert "99457" not in left
    assert "None known" in words(await visitor.get("month?month=2026-10"))
    await visitor.post(address[1], 404, reason="again")


async def test_only_who_said_it_or_the_practitioner_takes_it_back(patient: Clinic) -> None:
    said = await nurse(patient).at("pat").get("said")
    assert "Significant risk" in words(said)
    assert "taken-back" not in said
    said = await doctor(patient).at("pat").get("said")
    first = re.search(r'hx-post="/t/north/app/billing/(said/[^"]*/taken-back)"', said)
    assert first is not None
    assert (await nurse(patient).at("pat").ask("POST", first[1], data={"reason": "x"})).status_code == 403


async def test_a_stay_with_its_hours_and_a_death_are_stated(patient: Clinic) -> None:
    visitor = nurse(patient).at("pat")
    stay: dict[str, Any] = {
        "month": "2026-10",
        "stay": "inpatient",
        "start_day": "2026-09-30",
        "start": "2026-09-30T08:00",
        "end": "2026-10-30T09:00",
    }
    assert "recorded" in await visitor.post("attestations/institutional-stay", **stay)
    assert "During an inpatient or Part A stay" in words(await visitor.get("entries?month=2026-10"))
    wrong = await visitor.post(
        "attestations/institutional-stay", 422, month="2026-10", stay="inpatient", start_day="2026-10-01", start="x"
    )
    assert 'type="datetime-local"' in wrong
    said = words(await visitor.get("said"))
    assert "hour of admission: Sep 30, 2026, 8:00 am; hour of discharge: Oct 30, 2026, 9:00 am" in said
    assert "recorded" in await visitor.post("attestations/death", month="2026-10", day="2026-10-28")
    assert "Taking part T22 Died, Oct 28, 2026" in words(await visitor.get("month?month=2026-10"))


async def test_a_point_told_apart_names_the_latest_consent(patient: Clinic) -> None:
    visitor = nurse(patient).at("pat")
    form = await visitor.get("attestations/disclosure")
    assert form.count('type="checkbox"') == 5
    assert 'name="consent"' not in form
    typed: dict[str, Any] = {"codes-availability": "yes", "codes-cost-sharing": "yes", "told_at": "2026-10-05T09:00"}
    assert "recorded" in await visitor.post("attestations/disclosure", **typed)
    assert "Consent id: consent-pat; availability, cost-sharing" in words(await visitor.get("said"))


@pytest.mark.requirement("issue-10.5")
async def test_pause_and_return_with_reason_and_day(patient: Clinic) -> None:
    visitor = nurse(patient).at("pat")
    refused = words(await visitor.post("said/participation", 422, since="2026-10-20"))
    assert "Choose how it stands." in refused
    refused = words(await visitor.post("said/participation", 422, participation="paused", since="2026-10-20"))
    assert "Say why." in refused
    assert "Give a day that has come." in await visitor.post(
        "said/participation", 422, participation="left", since="2027-01-01", reason="x"
    )
    said = words(
        await visitor.post("said/participation", participation="paused", since="2026-10-20", reason="travels until spring")
    )
    assert "Paused since Oct 20, 2026 (14 days old): travels until spring. rn-bo" in said
    assert "Taking part Paused: travels until spring, Oct 20, 2026 (14 days old), rn-bo" in words(await visitor.get("month"))
    await visitor.post("said/participation", participation="active", since="2026-11-01")
    assert "Taking part Takes part, Nov 1, 2026" in words(await visitor.get("month"))
    assert (await lead(patient).at("pat").ask("POST", "said/participation", data={})).status_code == 403
