"""The desk and a patient-month: holds first, one fix, bulk release and attest, close with a look at the month itself.

Requirements: findings.md 1 (what lifts a severity), 5 (biller, billing practitioner); design guide 4.5.
"""

import re
from datetime import timedelta

import pytest

from shared.contracts.base import Person
from shared.contracts.time_entry import NoteAssessment
from tests.integration.billing import world as small
from tests.integration.billing.conftest import NOW, Clinic
from tests.integration.billing.pages import biller, doctor, lead, look_again, nurse, words

MONTH = "2026-10"


async def late(clinic: Clinic, patient: str, *, minutes: float = 25) -> None:
    """Enrol somebody whose only entry was written nine days after the work: a review (row 24)."""
    clinic.ehr.charts[patient] = small.chart(patient)
    start = small.at(6, 15)
    written = start + timedelta(days=9)
    await clinic.tell(
        [small.consent(patient), small.entry(patient, start, minutes, written_at=written, first_written_at=written)]
    )
    for body in small.statements(patient):
        await clinic.state(body)


async def visited(clinic: Clinic, patient: str) -> None:
    """Enrol somebody whose only time lies on the day of a visit: another review (row 21)."""
    clinic.ehr.charts[patient] = small.chart(patient)
    visit = next(one for one in small.chart(patient) if one["resourceType"] == "Encounter")
    period = {"start": "2026-10-08T09:00:00-04:00", "end": "2026-10-08T09:30:00-04:00"}
    clinic.ehr.charts[patient].append(visit | {"id": f"{patient}-office", "period": period})
    await clinic.tell([small.consent(patient), small.entry(patient, small.at(8, 18), 25)])
    for body in small.statements(patient):
        await clinic.state(body)


@pytest.fixture
async def month(clinic: Clinic) -> Clinic:
    """October is over: two to attest, one short, one with a late entry, one on a visit's day."""
    await clinic.enrol("clear", minutes=25)
    await clinic.enrol("long", minutes=41)
    await clinic.enrol("brief", minutes=12)
    await late(clinic, "tardy")
    await visited(clinic, "seen")
    await clinic.assemble()
    await look_again(clinic)
    return clinic


async def test_the_desk_shows_holds_first_each_group_with_its_sum(month: Clinic) -> None:
    html = await biller(month).get("desk")
    said = words(html)
    assert "5 patients, $182.70 expected, $132.26 at risk." in said
    groups = ["On hold 2 · $132.26 at risk", "To attest 2 · $182.70", "Billable 0", "Not billable 1"]
    assert [said.index(group) for group in groups] == sorted(said.index(group) for group in groups)
    assert "Short 12 min counted and 20 min needed: 8 min short" in said
    assert "99490 99439" in said
    assert "1 Assembled 5 of 5 patients" in said
    assert "2 Holds 2 open" in said
    assert html.count('name="patient"') == 2


async def test_the_table_is_filtered_and_sorted(month: Clinic) -> None:
    table = words(await biller(month).get("desk/table?month=2026-10&q=long"))
    assert "Patient long" in table
    assert "Patient clear" not in table
    attest = await biller(month).get("desk/table?month=2026-10&state=attest&sort=-counted")
    assert words(attest).index("Patient long") < words(attest).index("Patient clear")
    assert "Patient brief" not in attest
    time = words(await biller(month).get("desk/table?month=2026-10&kind=time&state=hold"))
    assert "Patient tardy" in time


async def test_bulk_release_asks_a_reason_for_each_rule_that_differs(month: Clinic) -> None:
    visitor = biller(month)
    one = await visitor.post(f"months/{MONTH}/release", 422, patient="tardy")
    assert "Say why." in one
    both = await visitor.post(f"months/{MONTH}/release", 422, patient=["tardy", "seen"], reason="checked")
    assert "The picked rules differ (T17, T23): say why for each." in both
    assert 'name="reason-T17"' in both
    assert re.search(r'value="tardy"[^>]* checked', both)
    reasons = {"reason-T17": "work in the afternoon, apart from the visit", "reason-T23": "found on paper in the bag"}
    done = await visitor.post(f"months/{MONTH}/release", patient=["tardy", "seen"], **reasons)
    assert "2 released to attest." in done
    assert "To attest 4" in words(done)
    undo = re.findall(r'name="undo" value="([^"]*)"', done)
    assert len(undo) == 2
    assert "0 back for a decision. 2 stand" in words(await lead(month).post(f"months/{MONTH}/release/undo", undo=undo))
    back = words(await visitor.post(f"months/{MONTH}/release/undo", undo=undo))
    assert "2 back for a decision." in back
    assert "On hold 2" in back
    done = await visitor.post(f"months/{MONTH}/release", patient=["tardy", "seen"], **reasons)
    month.clock.set(NOW + timedelta(minutes=11))
    assert "2 stand: released meanwhile, or too long ago." in await visitor.post(f"months/{MONTH}/release/undo", undo=undo)
    month.clock.set(NOW)
    page = words(await visitor.get(f"months/{MONTH}/patients/tardy"))
    assert "Count this time: found on paper in the bag (desk-dee, Nov 3, 2026" in page
    assert "Nothing was waiting" not in page


async def test_a_review_is_decided_on_its_page_with_both_outcomes_before_the_choice(month: Clinic) -> None:
    visitor = biller(month)
    html = await visitor.get(f"months/{MONTH}/patients/tardy")
    said = words(html)
    assert "Add: 99490×1. Leave out: nothing." in said
    assert 'type="radio"' in html
    assert " checked" not in html
    address = re.search(r'hx-post="/t/north/app/billing/(months/[^"]*/reviews/[^"]*)"', html)
    assert address is not None
    refused = await visitor.post(address[1], 422, decision="", reason="kept words")
    assert "Choose one of the two." in refused
    assert 'value="kept words"' in refused
    left = words(await visitor.post(address[1], decision="leave-out", reason="not plausible"))
    assert "Leave it out: not plausible" in left
    assert "Not billable" in left or "Nothing" in left


async def test_a_patients_page_adds_up_and_explains(month: Clinic) -> None:
    said = words(await biller(month).get(f"months/{MONTH}/patients/long"))
    assert "99490 + 99439 for October 2026 To attest" in said
    assert "Total, seconds added, then floored once · T1 , T2 41:00 41:00 99490 ×1 + 99439 ×1" in said
    assert "Expected $116.57 national" in said
    assert "Service date Oct" in said
    assert "Only full thresholds count" in said
    assert "Assembled: version 1, planned Nov 3, 2026, 10:00 am" in said
    assert "Nobody yet." in said


async def test_what_would_add_is_a_sum_that_ends_in_a_code(clinic: Clinic) -> None:
    await clinic.enrol("nak", minutes=27)
    lacks = NoteAssessment(outcome="improve", missing=("action",), version="1")
    await clinic.tell([small.entry("nak", small.at(9), 14, number=2, note_assessment=lacks)])
    await clinic.assemble()
    said = words(await biller(clinic).get(f"months/{MONTH}/patients/nak"))
    assert "What would add 99439 Counted now 27 min" in said
    assert "+ 14 min With all of it 41 min" in said
    assert "$66.13 becomes $116.57." in said


async def test_a_hold_has_an_owner_a_day_and_comments(month: Clinic) -> None:
    visitor = biller(month)
    address = f"months/{MONTH}/patients/tardy/hold"
    assert "Say who cares for it" in await visitor.post(address, 422)
    await visitor.post(address, owner=small.BO, due="2026-11-05", comment="asked Bo for the paper")
    said = words(await visitor.post(address, comment="Bo is on leave", owner=small.CY))
    assert "dr-cy , no day set: Bo is on leave desk-dee" in said
    assert "rn-bo , Nov 5, 2026: asked Bo for the paper" in said
    csv = (await visitor.ask("GET", f"desk.csv?month={MONTH}&state=hold")).text
    assert "Bo is on leave" in csv
    await visitor.post(address, owner=small.CY, due="2026-11-01", comment="asked twice")
    table = words(await visitor.get(f"desk/table?month={MONTH}&state=hold"))
    assert "dr-cy cares for it, was due Nov 1, 2026 asked twice" in table
    assert (await nurse(month).ask("POST", address, data={"comment": "x"})).status_code == 403


async def test_the_practitioner_attests_a_whole_month_in_three_presses(month: Clinic) -> None:
    ada = doctor(month)
    assert "Attest 2" in words(await ada.get("desk"))
    form = await ada.get(f"months/{MONTH}/attest")
    assert "99490 1 $66.13 99490, 99439 1 $116.57 Total 2 $182.70" in words(form)
    assert " checked" not in form
    assert "Tick the statement first." in await ada.post(f"months/{MONTH}/attest", 422)
    done = words(await ada.post(f"months/{MONTH}/attest", read="yes"))
    assert "2 attested, 3 charges." in done
    assert "Billable 2 · $182.70" in done
    assert "3 Attested 2 of 2" in done
    assert len(await month.queue()) == 3
    assert (await biller(month).ask("POST", f"months/{MONTH}/attest", data={"read": "yes"})).status_code == 403


async def test_one_is_attested_on_its_page_and_nobody_signs_for_another(month: Clinic) -> None:
    ada = doctor(month)
    html = await ada.get(f"months/{MONTH}/patients/clear")
    assert ">Attest 1<" in html
    other = words(await biller(month).get(f"months/{MONTH}/patients/clear"))
    assert "Attest 1" not in other
    said = words(await ada.post(f"months/{MONTH}/attest", patient="clear", back="charge"))
    assert "99490 for October 2026 Released" in said
    assert "99490 ×1 Billable, attested by dr-ada" in said
    assert len(await month.queue()) == 1


async def test_the_close_looks_at_the_month_first_and_only_the_lead_reopens(month: Clinic) -> None:
    visitor = biller(month)
    form = words(await visitor.get(f"months/{MONTH}/close"))
    assert "2 holds open" in form
    assert "2 patients still to attest" in form
    assert "0 % of the counted time is asserted." in form
    assert "1 entry written over 7 days late: Bo: 1" in form
    assert "No planned for Wed Nov 4" in words(await visitor.get(f"desk?month={MONTH}"))
    assert "Say why." in await visitor.post(f"months/{MONTH}/close", 422, reason="")
    closed = words(await visitor.post(f"months/{MONTH}/close", reason="all looked at"))
    assert "October 2026 is closed." in closed
    assert "5 Closed Yes by desk-dee" in closed
    assert (await visitor.ask("POST", f"months/{MONTH}/reopen", data={"reason": "x"})).status_code == 403
    again = words(await lead(month).post(f"months/{MONTH}/reopen", reason="a chart came late"))
    assert "October 2026 is open again." in again
    running = await biller(month).post("months/2026-11/close", 422, reason="early")
    assert "2026-11 ends at" in running


async def test_a_difference_is_shown_and_signed_on_its_page(month: Clinic) -> None:
    await month.attest()
    await month.tell([small.entry("long", small.at(2, 9), 41, version=2, status="entered-in-error", change="voided")])
    await month.assemble()
    await look_again(month)
    ada = doctor(month)
    assert "On hold 3" in words(await ada.get(f"desk?month={MONTH}"))
    listed = words(await ada.get("differences"))
    assert "1 released month with other facts now. What was billed is never edited" in listed
    assert "Patient long October 2026 dr-ada 99439 + 99490 nothing Void Jan 2, 2027" in listed
    assert "1 released month has facts that say something else now." in words(await ada.get(f"desk?month={MONTH}"))
    assert "2026-10,Patient long,dr-ada,void,99439 + 99490,nothing," in (await ada.ask("GET", "differences.csv")).text
    said = words(await ada.get(f"months/{MONTH}/patients/long"))
    assert "Billed 99439 ×1 + 99490 ×1; the facts now give nothing." in said
    done = words(await ada.post(f"months/{MONTH}/attest", patient="long", differences="yes", back="charge"))
    assert "Aborted" in done
    assert "the facts now give" not in done
    assert "No difference is open" in words(await ada.get("differences"))


async def test_one_fix_for_a_whole_plan(clinic: Clinic) -> None:
    for patient in ("ma-one", "ma-two"):
        await clinic.enrol(patient, minutes=25)
        coverage = next(one for one in clinic.ehr.charts[patient] if one["resourceType"] == "Coverage")
        coverage["type"]["coding"][0]["code"] = "111"
        coverage["class"] = [{"type": {"coding": [{"code": "plan"}]}, "value": "H-123"}]
    await clinic.assemble()
    await look_again(clinic)
    said = words(await biller(clinic).get("desk"))
    assert "Hold Medicare Part B H-123 : 2 patients, $132.26 at risk." in said
    assert "Patient ma-one" in words(await biller(clinic).get("desk/table?month=2026-10&plan=H-123"))


async def test_a_cell_that_would_be_a_formula_is_text(clinic: Clinic) -> None:
    await clinic.enrol("evil", minutes=25)
    patient = next(one for one in clinic.ehr.charts["evil"] if one["resourceType"] == "Patient")
    patient["name"] = [{"family": '=HYPERLINK("http://x")', "given": ["+1"]}]
    await clinic.assemble()
    await look_again(clinic)
    answer = await biller(clinic).ask("GET", f"desk.csv?month={MONTH}")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "'=HYPERLINK" in answer.text
    assert not re.search(r"(^|,)\"?[=+@]", answer.text, re.MULTILINE)


async def test_a_chart_opens_no_page_of_the_practice(month: Clinic) -> None:
    for path in ("desk", "desk/table", f"months/{MONTH}/patients/clear"):
        assert (await biller(month).at("clear").ask("GET", path)).status_code == 403
    assert (await nurse(month).at("clear").ask("GET", "worklist")).status_code == 403
    assert (await nurse(month).ask("GET", "desk")).status_code == 403


async def test_rules_are_explained_by_number(month: Clinic) -> None:
    said = words(await nurse(month).at("clear").get("rules/T5"))
    assert "Rule T5 Medicare FFS · General knowledge Simultaneous work on one patient counts once." in said
    guide = words(await biller(month).get("rules"))
    assert "clinical staff time at most 2 × 99439 a month 99490 20 min $66.13" in guide
    await biller(month).get("rules/Z9", 404)


async def test_the_lead_attests_for_the_whole_practice_and_holds_fall(empty: Clinic) -> None:
    await empty.enrol("dot", minutes=25)
    await empty.assemble()
    await look_again(empty)
    visitor = lead(empty)
    assert "On hold 1" in words(await visitor.get(f"desk?month={MONTH}"))
    form = await visitor.get("elements")
    assert words(form).count("Missing") == 7
    assert " checked" not in form
    assert "Tick what is in place." in await visitor.post("elements", 422, key="k")
    said = await visitor.post("elements", key="k", **dict.fromkeys(small.PRACTICE_STATEMENTS, "yes"))
    assert words(said).count("In place ") == 7 + 7  # each element, and each box
    assert (await biller(empty).ask("POST", "elements", data={"continuity": "yes"})).status_code == 403
    await look_again(empty)
    assert "E8" not in words(await visitor.get("desk/table?month=2026-11&q=dot"))


async def test_a_lane_that_nobody_stated_is_stated_from_the_chart(clinic: Clinic) -> None:
    clinic.ehr.charts["own"] = small.chart("own")
    mine = Person(id=small.ADA, name="Ada", credential="physician")
    entry = small.entry("own", small.at(6), 35, performer=mine, role="physician", author=small.ADA)
    await clinic.tell([small.consent("own"), entry])
    for body in small.statements("own"):
        await clinic.state(body)
    clinic.clock.set(small.at(20, 15))
    await clinic.assemble()
    ada = doctor(clinic).at("own")
    html = await ada.get("month")
    assert "attestations/lane?month=2026-10" in html
    assert "attestations/lane" not in await nurse(clinic).at("own").get("month")
    await ada.post("attestations/lane", key="l", lane="practitioner", month=MONTH)
    said = words(await ada.get("month"))
    assert "25 min to 99437" in said
    assert "Practitioner lane: 35 min counted" in said
    await clinic.tell([small.entry("own", small.at(7), 12, number=2)])
    assert "Other lane The practitioner’s own time is charged this month" in words(await ada.get("entries"))


async def test_an_empty_desk_says_what_comes_and_an_empty_search_how_to_go_on(clinic: Clinic) -> None:
    page = await biller(clinic).get("desk?month=2025-03")
    assert "Nobody is in this month yet Patients appear as soon as time is logged" in words(page)
    assert 'class="ds-c-table cl-cards"' not in page
    assert "Nobody matches Clear the search" in words(await biller(clinic).get("desk/table?month=2025-03&q=Osgood"))
