"""The program's numbers: numerator and denominator, their patients, their months, and what nobody knows yet.

Requirements: findings.md 4; design guide 4.6.
"""

from datetime import timedelta

import pytest

from shared.contracts.time_entry import NoteAssessment
from tests.integration.billing import world as small
from tests.integration.billing.conftest import Clinic
from tests.integration.billing.pages import biller, doctor, lead, look_again, set_up, words

MONTH = "2026-10"


@pytest.fixture
async def month(clinic: Clinic) -> Clinic:
    """October is over: two released of four enrolled, one of them without a consent; one more looks eligible."""
    await clinic.enrol("one", minutes=25)
    await clinic.enrol("two", minutes=41)
    await clinic.enrol("three", minutes=12)
    clinic.ehr.charts["four"] = small.chart("four")
    asserted = {"basis": "asserted", "asserted_reason": "paper"}
    await clinic.tell([small.entry("four", small.at(3), 15), small.entry("one", small.at(20), 5, number=2, **asserted)])
    clinic.ehr.charts["five"] = [one for one in small.chart("five") if one["resourceType"] != "EpisodeOfCare"]
    await clinic.tell([small.consent("five", status="rejected", change="declined")])
    await clinic.assemble()
    await clinic.attest()
    await look_again(clinic)
    return clinic


async def test_each_number_has_its_denominator(month: Clinic) -> None:
    html = await lead(month).get(f"program?month={MONTH}")
    said = words(html)
    assert "4 patients 1 looks eligible and is not enrolled." in said
    assert "75.0 % 3 of 4 1 enrolled have none; 15 min are logged without it. Of 4 asked, 3 agreed (75.0 %)." in said
    assert "1.4 h 1.3 measured, 0.1 asserted" in said
    assert "100.0 % 5 of 5 notes" in said
    assert "50.0 % 2 of 4 Patients with a released charge, of those enrolled on the 1st." in said
    assert "$183 allowed, expected" in said
    assert "2.5 days from month end to release" in said


async def test_what_has_no_source_is_not_known_and_never_zero(month: Clinic) -> None:
    said = words(await lead(month).get(f"program?month={MONTH}"))
    assert "Denials not known yet No payer’s decision on a claim line of these months has reached Careledger" in said
    assert "The patient’s share and what was paid: not known yet." in said
    assert "Days to payment: not known yet." in said
    assert "Agreement with a human sample: not known yet" in said
    empty = words(await lead(month).get("program?month=2025-03"))
    assert "Nothing is known of March 2025 yet" in empty


async def test_charts_are_pictures_with_a_sentence_and_no_script_or_style(month: Clinic) -> None:
    html = await lead(month).get(f"program?month={MONTH}")
    assert html.count('role="img"') == 7
    assert 'aria-label="Enrolled patients: 4 in October."' in html or "Enrolled patients" in html
    assert "<path" in html
    assert "<style" not in html and "<script" not in html and " style=" not in html
    assert await lead(month).get(f"program?month={MONTH}") == html


async def test_every_number_opens_its_patients(month: Clinic) -> None:
    said = words(await lead(month).get(f"program/patients?month={MONTH}&list=consent"))
    assert "1 enrolled patients without consent in force" in said
    assert "Patient four" in said
    assert "Missing Nobody has asked yet" in said
    held = words(await lead(month).get(f"program/patients?month={MONTH}&list=hold&practitioner={small.ADA}"))
    assert "Patient four" in held
    by = words(await lead(month).get(f"program/patients?month={MONTH}&list=all&performer={small.BO}"))
    assert "4 patients of the month" in by
    await lead(month).get(f"program/patients?month={MONTH}&list=secret", 404)


async def test_tables_stand_behind_the_charts_and_are_files(month: Clinic) -> None:
    table = words(await lead(month).get(f"program/months?month={MONTH}"))
    assert "October 2026 4 3 1.4 0.1 5 of 5 2 1 2 $182.70" in table
    for name, row in (("months", "October 2026"), ("practitioner", "dr-ada"), ("payer", "Medicare Part B"), ("staff", "Bo")):
        text = (await lead(month).ask("GET", f"program/{name}.csv?month={MONTH}")).text
        assert row in text
    patients = (await lead(month).ask("GET", f"program/patients.csv?month={MONTH}&list=released")).text
    assert patients.count("\r\n") == 3
    await lead(month).get("program/everything.csv", 404)


async def test_staff_are_measured_by_their_own_entries(month: Clinic) -> None:
    late = small.at(9)
    written = late + timedelta(days=9)
    await month.tell([small.entry("one", late, 6, number=3, written_at=written, first_written_at=written)])
    await look_again(month)
    said = words(await lead(month).get(f"program?month={MONTH}"))
    assert "Bo 4 1.6 0.1 95.2 % 6 of 6 100.0 % 1" in said


async def test_a_note_mended_later_did_not_pass_at_first_save(month: Clinic) -> None:
    lacks = NoteAssessment(outcome="improve", missing=("action",), version="1")
    await month.tell([small.entry("two", small.at(9), 6, number=2, note_assessment=lacks)])
    await month.tell([small.entry("two", small.at(9), 6, number=2, version=2, change="amended", reason="Addendum")])
    await look_again(month)
    said = words(await lead(month).get(f"program?month={MONTH}"))
    assert "83.3 % 5 of 6 notes" in said
    assert "0 notes lack something now" in said


async def test_the_program_is_the_leads(month: Clinic) -> None:
    await biller(month).get("program", 403)
    await doctor(month).get("program", 403)
    assert (await lead(month).at("one").ask("GET", "program")).status_code == 403


@pytest.mark.requirement("issue-10.8")
async def test_each_number_has_its_goal_and_owner_from_the_practices_settings(clinic: Clinic) -> None:
    await clinic.enrol("one", minutes=25)
    await clinic.assemble()
    await look_again(clinic)
    page = words(await lead(clinic).get("program?month=2026-10"))
    assert "Met Goal: at least 100 %. No owner set." in page
    assert "Goal: at most 5 %." in page
    wanted = {
        "goal_time": 30,
        "owner_time": small.BO,
        "goal_enrollment": 1,
        "goal_speed": "soon",
        "owner_denials": "The billing desk",
    }
    await set_up(clinic, settings=wanted)
    page = words(await lead(clinic).get("program?month=2026-10"))
    assert f"Below the goal Goal: at least 30 h. Owner: {small.BO}." in page
    assert "Met Goal: at least 1 patients." in page
    assert "Goal: at most 5 %. Owner: The billing desk." in page
