"""The patient view: whose chart, how far the month has come, what counts and why, the enrolment record.

Requirements: standards.md 9 (explained decisions), findings.md 5; design guide 4.1.
"""

from datetime import timedelta

import pytest

from tests.integration.billing import world as small
from tests.integration.billing.conftest import Clinic
from tests.integration.billing.pages import doctor, nurse, words


@pytest.fixture
async def okafor(clinic: Clinic) -> Clinic:
    """A patient with 25 minutes in October; it is October 20."""
    await clinic.enrol("okafor")
    clinic.clock.set(small.at(20, 15))
    await clinic.assemble()
    return clinic


async def test_the_strip_says_whose_chart_it_is(okafor: Clinic) -> None:
    said = words(await nurse(okafor).at("okafor").get("identity"))
    assert "Mar 4, 1950 (age 76)" in said
    assert "MRN MRN-okafor" in said
    assert "Medicare Part B" in said
    assert "No consent" not in said


async def test_the_strip_of_a_chart_that_nobody_told_of(okafor: Clinic) -> None:
    said = words(await nurse(okafor).at("stranger").get("identity"))
    assert "Patient stranger" in said
    assert "DOB not known" in said
    assert "No consent" in said


async def test_the_month_says_the_distance_to_the_next_code(okafor: Clinic) -> None:
    html = await nurse(okafor).at("okafor").get("month")
    said = words(html)
    assert "October 2026 12 days left" in said
    assert "15 min to 99439" in said
    assert "Clinical staff lane: 25 min counted" in said
    assert 'data-timer-full="3600"' in html
    assert "Practitioner lane 0 s of 30 min to 99491" in said
    assert "Complex lane Not attested by dr-ada" in said


async def test_asserted_and_measured_stand_apart(okafor: Clinic) -> None:
    late = small.entry("okafor", small.at(14), 5, number=2, basis="asserted", asserted_reason="paper log read at the desk")
    await okafor.tell([late])
    said = words(await nurse(okafor).at("okafor").get("month"))
    assert "Measured 25 min" in said
    assert "Asserted 5 min" in said
    assert "10 min to 99439" in said


async def test_every_entry_is_listed_with_why_it_does_not_count(okafor: Clinic) -> None:
    base = small.at(15)
    await okafor.tell(
        [
            small.entry("okafor", base, 8, number=2, activity="scheduling"),
            small.entry("okafor", base + timedelta(hours=1), 4, number=3, program="rpm"),
            small.entry("okafor", base + timedelta(hours=2), 3, number=4, status="entered-in-error", change="voided"),
        ]
    )
    html = await nurse(okafor).at("okafor").get("entries")
    said = words(html)
    assert "25 min saved and counted for CCM" in said
    assert "Logged to RPM, so it is not CCM time." in said
    assert "Scheduling" in said
    assert "T10" in said
    assert "Voided" in said
    assert said.count("called the patient about the fasting log") == 4
    assert "/t/north/app/time/entries/entry-okafor-1/amend" in html


async def test_simultaneous_minutes_count_once_and_say_where(okafor: Clinic) -> None:
    start = small.at(1, 9)
    other = small.entry("okafor", start + timedelta(minutes=10), 10, number=2)
    await okafor.tell([other])
    said = words(await nurse(okafor).at("okafor").get("entries"))
    assert "25 min saved and counted" in said
    assert "Overlap The same minutes as Bo, RN’s entry. Counted once, there." in said


async def test_what_was_just_written_is_waited_for_and_then_said_to_come(okafor: Clinic) -> None:
    there = await nurse(okafor).at("okafor").get("month?seen=entry-okafor-1@1")
    assert "Updating." not in there
    missing = await nurse(okafor).at("okafor").get("month?seen=entry-okafor-9@1")
    assert "Updating." in missing
    assert "15 min to 99439" in words(missing)


async def test_a_month_over_is_not_running(okafor: Clinic) -> None:
    okafor.clock.set(small.at(3, 15, month=11))
    html = await nurse(okafor).at("okafor").get("month?month=2026-10")
    said = words(html)
    assert "over, not closed yet" in said
    assert "15 min to 99439 missing when the month ended" in said
    assert "data-timer-full" not in html
    assert await nurse(okafor).at("okafor").get("month?month=2026-13", 400)


async def test_the_enrolment_record_shows_evidence_with_its_age(okafor: Clinic) -> None:
    said = words(await nurse(okafor).at("okafor").get("month"))
    assert "In place Significant risk E2 Stated, Jan 20, 2026 (9 months old), dr-ada" in said
    assert "In place Copy of the plan given E6 Given: paper, patient, Jan 20, 2026" in said
    assert "Missing" not in said


async def test_the_practitioner_attests_risk_with_the_facts_on_screen(clinic: Clinic) -> None:
    clinic.ehr.charts["holt"] = small.chart("holt")
    await clinic.tell([small.consent("holt"), small.entry("holt", small.at(2), 25)])
    clinic.clock.set(small.at(20, 15))
    await clinic.assemble()
    ada = doctor(clinic).at("holt")
    assert "Missing Significant risk" in words(await ada.get("month"))
    form = await ada.get("attestations/risk")
    assert "E11.9, I10" in form
    assert " checked" not in form
    refused = await ada.post("attestations/risk", 422, key="one")
    assert "Say this: the practitioner&#39;s judgement." in refused
    answer = await ada.ask("POST", "attestations/risk", data={"key": "one", "significant": "yes"})
    assert answer.status_code == 200
    assert '"careledger:written": {"seen": "attestation/' in answer.headers["HX-Trigger"]
    await ada.post("attestations/risk", key="one", significant="yes")
    assert len(clinic.rows("SELECT 1 FROM ledger_entry WHERE kind = 'attestation' AND patient = 'holt'")) == 1
    assert "Missing Significant risk" not in words(await ada.get("month"))


async def test_complexity_is_the_practitioners_alone(okafor: Clinic) -> None:
    await nurse(okafor).at("okafor").get("attestations/complexity", 403)
    await nurse(okafor).at("okafor").post("attestations/complexity", 403, level="high")
    ada = doctor(okafor).at("okafor")
    refused = await ada.post("attestations/complexity", 422, key="c", level="huge", month="2026-10")
    assert "level must be" in refused
    await ada.post("attestations/complexity", key="c", level="high", month="2026-10")
    said = words(await ada.get("month"))
    assert "Complexity of decisions E14 High, Oct 20, 2026 (today), dr-ada" in said
    assert "Complex lane Attested; 25 min of 60 min to 99487" in said


async def test_a_chart_page_needs_a_chart(okafor: Clinic) -> None:
    assert "open it from the chart" in await nurse(okafor).get("month", 403)
