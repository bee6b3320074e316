"""Lines of lists: made anew from facts, decisions and charges, whoever wrote them."""

from datetime import date

import pytest

from shared.contracts.base import Person
from shared.contracts.time_entry import NoteAssessment
from tests.integration.billing import world as small
from tests.integration.billing.conftest import Clinic
from tests.integration.billing.pages import biller, look_again, nurse, words


async def _line(clinic: Clinic, patient: str, month: str = "2026-10") -> dict[str, object]:
    found = clinic.rows("SELECT * FROM overview WHERE patient = %s AND month = %s", patient, f"{month}-01")
    assert len(found) == 1
    return found[0]


async def test_a_line_follows_facts_decisions_and_charges(clinic: Clinic) -> None:
    await clinic.enrol("ada-lee", minutes=25)
    await look_again(clinic)
    line = await _line(clinic, "ada-lee")
    assert (line["state"], line["counted"], line["next_code"], line["missing"]) == ("hold", 1500, "99439", 900)
    assert "EHR has not been asked" in str(line["finding"])
    await clinic.assemble()
    await look_again(clinic)
    line = await _line(clinic, "ada-lee")
    assert (line["state"], line["mrn"], str(line["amount"])) == ("attest", "MRN-ada-lee", "66.13")
    await clinic.attest()
    await look_again(clinic)
    assert (await _line(clinic, "ada-lee"))["state"] == "released"
    assert clinic.rows("SELECT 1 FROM overview_due") == []


async def test_a_voided_entry_leaves_the_line_and_the_staffs_sum(clinic: Clinic) -> None:
    await clinic.enrol("bea", minutes=25)
    await clinic.assemble()
    await look_again(clinic)
    staff = clinic.rows("SELECT measured, entries, passed FROM overview_staff WHERE patient = 'bea' AND month = '2026-10-01'")
    assert staff == [{"measured": 1500, "entries": 1, "passed": 1}]
    await clinic.tell([small.entry("bea", small.at(1, 9), 25, version=2, status="entered-in-error", change="voided")])
    await look_again(clinic)
    assert (await _line(clinic, "bea"))["counted"] == 0
    assert clinic.rows("SELECT 1 FROM overview_staff WHERE patient = 'bea' AND month = '2026-10-01'") == []


async def test_someone_not_enrolled_and_eligible_is_outside_the_month(clinic: Clinic) -> None:
    clinic.ehr.charts["cal"] = [one for one in small.chart("cal") if one["resourceType"] != "EpisodeOfCare"]
    await clinic.tell([small.consent("cal", status="rejected", change="declined", in_force_until=None)])
    await clinic.assemble()
    await look_again(clinic)
    line = await _line(clinic, "cal")
    assert (line["state"], line["eligible"], line["enrolled"], line["consent"]) == ("outside", True, False, "declined")
    assert line["approached"] and not line["consented"]


async def test_a_practices_own_fact_moves_every_line(empty: Clinic) -> None:
    await empty.enrol("dot", minutes=25)
    await empty.assemble()
    await look_again(empty)
    assert (await _line(empty, "dot"))["state"] == "hold"
    for kind in small.PRACTICE_STATEMENTS:
        await empty.state(small.statement(kind, {"given": True}))
    await look_again(empty)
    assert (await _line(empty, "dot"))["state"] == "attest"


async def test_the_worklist_begins_with_whom_the_least_is_missing(clinic: Clinic) -> None:
    await clinic.enrol("eze", minutes=31)
    await clinic.enrol("hsu", minutes=12)
    await clinic.enrol("far", minutes=4)
    clinic.clock.set(small.at(20, 15))
    await clinic.assemble()
    await look_again(clinic)
    html = await nurse(clinic).get("worklist?who=all")
    said = words(html)
    assert "The month ends in 12 days." in said
    assert "Minutes short 2" in said
    assert said.index("Patient hsu") < said.index("Patient eze")
    assert "8 min to 99490" in said
    assert "9 min to 99439" in said
    assert "Patient far" not in words(await nurse(clinic).get("worklist/short?who=all"))
    assert "Contact due 3" in said
    assert "Updating." not in html
    csv = (await nurse(clinic).ask("GET", "worklist/short.csv?who=all")).text
    assert csv.count("\r\n") == 3
    assert "MRN-hsu" in csv


async def test_my_patients_are_those_where_i_worked_and_those_of_nobody(clinic: Clinic) -> None:
    await clinic.enrol("mine", minutes=12)
    await clinic.enrol("hers", minutes=12)
    other = Person(id=small.CY, name="Cy", credential="physician")
    await clinic.tell([small.entry("hers", small.at(5), 1, number=2, performer=other)])
    clinic.clock.set(small.at(20, 15))
    await clinic.assemble()
    await look_again(clinic)
    mine = words(await nurse(clinic).get("worklist"))
    assert "Patient mine" in mine
    assert "Patient hers" not in mine
    assert "Patient hers" in words(await nurse(clinic).get("worklist?who=all"))


async def test_consent_needed_says_why_and_what_is_logged_without(clinic: Clinic) -> None:
    told = {**small.TOLD, "cost-sharing": False}
    clinic.ehr.charts["gra"] = small.chart("gra")
    await clinic.tell([small.consent("gra", disclosures=told), small.entry("gra", small.at(2), 15)])
    clinic.clock.set(small.at(20, 15))
    await clinic.assemble()
    await look_again(clinic)
    said = words(await nurse(clinic).get("worklist?who=all"))
    assert "Consent needed 1" in said
    assert "Not complete Recorded Jan 20, 2026, but not told: cost sharing Not on the staff list (dr-ada) 15:00" in said


async def test_a_clinician_takes_somebody_off_the_list_with_a_reason(clinic: Clinic) -> None:
    clinic.ehr.charts["hol"] = [one for one in small.chart("hol") if one["resourceType"] != "EpisodeOfCare"]
    await clinic.tell([small.consent("hol", status="rejected", change="declined")])
    clinic.clock.set(small.at(20, 15))
    await clinic.assemble()
    await look_again(clinic)
    visitor = nurse(clinic)
    assert "Eligible, not enrolled 1" in words(await visitor.get("worklist"))
    refused = await visitor.post("worklist/eligible/hol", 422, reason=" ")
    assert "Say why, in a few words." in refused
    await visitor.post("worklist/eligible/hol", reason="moves to another town in December")
    await look_again(clinic)
    assert "Eligible, not enrolled 0" in words(await visitor.get("worklist"))
    await biller(clinic).get("worklist", 403)


async def test_notes_to_improve_name_what_is_missing(clinic: Clinic) -> None:
    await clinic.enrol("nak", minutes=25)
    lacks = NoteAssessment(outcome="improve", missing=("action", "relevance"), version="1")
    await clinic.tell([small.entry("nak", small.at(9), 10, number=2, note_assessment=lacks)])
    clinic.clock.set(small.at(20, 15))
    await clinic.assemble()
    await look_again(clinic)
    said = words(await nurse(clinic).get("worklist"))
    assert "Notes to improve 1" in said
    assert "Fri Oct 9, call with patient You" in said
    assert "Action, why it matters 10:00" in said


async def test_a_list_has_pages_of_25(clinic: Clinic) -> None:
    for number in range(27):
        await clinic.enrol(f"p{number:02d}", minutes=12)
    clinic.clock.set(small.at(28, 23))
    await clinic.assemble()
    await look_again(clinic)
    first = await nurse(clinic).get("worklist/short")
    assert first.count("cl-pt__name") == 25
    assert "1 to 25 of 27" in words(first)
    second = await nurse(clinic).get("worklist/short?page=1")
    assert second.count("cl-pt__name") == 2
    await nurse(clinic).get("worklist/nothing", 404)


@pytest.mark.requirement("issue-10.6")
async def test_contact_is_due_for_those_whom_nobody_called_for_a_while(clinic: Clinic) -> None:
    await clinic.enrol("early", minutes=12)  # on Oct 1
    clinic.ehr.charts["never"] = small.chart("never")
    clinic.ehr.charts["late"] = small.chart("late")
    await clinic.tell([small.consent("never"), small.consent("late"), small.entry("late", small.at(16, 15), 10)])
    clinic.clock.set(small.at(20, 15))
    await clinic.assemble()
    await look_again(clinic)
    await (
        nurse(clinic)
        .at("never")
        .post("said/participation", participation="paused", since="2026-10-10", reason="in another state until Sunday")
    )
    said = words(await nurse(clinic).get("worklist/contact?who=all"))
    assert "Patient early" in said
    assert "Patient late" not in said
    assert "Patient never" not in said
    assert "Patient never" not in (await nurse(clinic).ask("GET", "worklist/contact.csv?who=all")).text
    away = words(await nurse(clinic).get("worklist/away?who=all"))
    assert "Patient never" in away
    assert "Paused since Oct 10, 2026: in another state until Sunday" in away
    table = (await nurse(clinic).ask("GET", "worklist/away.csv?who=all")).text
    assert "Paused since Oct 10, 2026: in another state until Sunday" in table
    assert "Paused" in words(await nurse(clinic).at("never").get("identity"))
    await nurse(clinic).at("never").post("said/participation", participation="active", since="2026-10-19", reason="home again")
    assert "Patient never" in words(await nurse(clinic).get("worklist/contact?who=all"))
    assert "Patient never" not in words(await nurse(clinic).get("worklist/away?who=all"))


@pytest.mark.requirement("issue-10.5")
async def test_who_left_keeps_the_time_logged_since_and_is_asked_to_revoke(clinic: Clinic) -> None:
    await clinic.enrol("gone", minutes=12)
    await clinic.tell([small.entry("gone", small.at(12, 15), 6, number=2)])
    clinic.clock.set(small.at(20, 15))
    await clinic.assemble()
    await look_again(clinic)
    visitor = nurse(clinic).at("gone")
    await visitor.post("said/participation", participation="left", since="2026-10-11", reason="does not want it any more")
    page = await visitor.get("month")
    assert "6 min logged since then; it is kept, and counts as the rules say." in words(page)
    assert 'data-open="consent/change?program=ccm"' in page


@pytest.mark.requirement("issue-10.6")
async def test_a_consent_that_ends_or_is_due_anew_is_listed_before_it_is_missed(clinic: Clinic) -> None:
    await clinic.enrol("ends", minutes=12)
    await clinic.enrol("stays", minutes=12)
    stopped = small.consent("ends", in_force_until=date(2026, 10, 31), status="inactive", revoked_at=small.at(19, 15), version=2)
    await clinic.tell([stopped])
    clinic.clock.set(small.at(20, 15))
    await clinic.assemble()
    await look_again(clinic)
    said = words(await nurse(clinic).get("worklist/renewal?who=all"))
    assert "Patient ends" in said
    assert "In force Its last day is Oct 31, 2026" in said
    assert "Patient stays" not in said
