"""Logging by hand, attempts, and what an author does to an entry in its row: reasons kept, clashes explained, nothing lost.

Requirements: issue 10 item 4; guide.md 4.1 and 4.3 (03c); findings.md 3 (addenda) and 5 (split, move).
"""

import json
import re
from typing import Any

import pytest

from shared.contracts.time_entry import TimeEntryState
from tests.fakes.world import tenant_id
from tests.integration.timetrack.conftest import NOW, Door
from tests.integration.timetrack.pages import Page, chart, seen_chart
from tests.integration.timetrack.staff import hired, nurse
from tests.integration.timetrack.tasks import task
from tests.integration.timetrack.test_pages_timer import DID, WHY, worked

BASE = {"day": "2026-10-15", "program": "ccm", "activity": "care-coordination", "reason": "paper", "did": DID, "why": WHY}


@pytest.fixture
async def page(door: Door) -> Page:
    """The pages of the nurse n1 in the chart of p1; p2's was opened before."""
    await hired(door)
    seen_chart(door, chart())
    seen_chart(door, chart("p2", name="Hidden, Somebody", identifier="00490066"))
    return Page(door)


def told(page: Page) -> list[TimeEntryState]:
    """Return the entries as last told, in the order of their start; those without times first."""
    rows = page.door.rows("SELECT data FROM journal WHERE event_type LIKE 'ccm.time-entry%%' ORDER BY version")
    states = {state.entry_id: state for state in (TimeEntryState.model_validate_json(row["data"]) for row in rows)}
    return sorted(states.values(), key=lambda state: (state.start or NOW.replace(year=2000), state.status != "entered-in-error"))


async def logged(page: Page, key: str = "k1", **fields: str) -> str:
    """Log an entry and return its id."""
    await page.post("log", **({"start": "8:52 am", "end": "8:58:30 am", "key": key} | BASE | fields))
    (identifier,) = page.door.rows("SELECT entry_id::text AS id FROM time_entry_identifier WHERE value = %s", key)
    return str(identifier["id"])


async def test_time_by_hand_is_asserted_with_its_reason(page: Page) -> None:
    panel = await page.post("log", **BASE, start="8:55 am", end="9:06 am", key="k1", problem="c2")
    assert "Saved 11 min, asserted." in panel
    (state,) = told(page)
    assert (state.basis, state.seconds, state.asserted_reason) == ("asserted", 660, "Read records on paper")
    assert (state.problem.condition, state.role, state.directed_by) == ("c2", "registered-nurse", "d1")
    assert (state.performer.id, state.author) == ("n1", "Practitioner/n1")


async def test_a_second_press_logs_nothing_again(page: Page) -> None:
    for _ in range(2):
        assert "Saved" in await page.post("log", **BASE, start="8:55 am", end="9:06 am", key="same")
    assert len(page.entries()) == 1


async def test_minutes_alone_get_no_clock_times(page: Page) -> None:
    await page.post("log", **BASE | {"day": "2026-10-14"}, minutes="12", key="k1")
    (entry,) = page.entries()
    assert (entry["seconds"], entry["started_at"], str(entry["day"])) == (720, None, "2026-10-14")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"start": "25:10"}, "Give a time of day, such as 2:10 pm."),
        ({"end": "8:50 am"}, "The end is before the start."),
        ({"end": "11:50 pm"}, "That time has not passed yet."),
        ({"day": "2026-10-16"}, "That day has not come yet."),
        ({"day": ""}, "Give the day."),
        ({"start": "", "end": ""}, "Give start and end, or the minutes"),
        ({"reason": "other"}, "Say why it was not measured."),
        ({"activity": "nonsense"}, "Choose the program and the activity."),
        ({"program": "rpm"}, "Choose the program and the activity."),
        ({"day": "2024-06-01"}, "not on the practice’s staff list"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(
    page: Page, changes: dict[str, str], said: str
) -> None:
    form = await page.post("log", 422, **({"start": "8:55 am", "end": "9:06 am", "key": "k1"} | BASE | changes))
    assert said in form and DID in form and WHY in form and "Nothing you typed is lost." in form
    assert page.entries() == []


async def test_a_clash_says_with_what_by_how_much_and_offers_the_fix(page: Page) -> None:
    await logged(page)
    clash = {"start": "8:55 am", "end": "9:06 am", "key": "k2"} | BASE
    answer = await page.ask("POST", "log", data=clash)
    text = await page.post("log", 422, **clash)

    assert "runs from 8:52:00 am to 8:58:30 am" in text
    assert "so 3 min 30 s would count twice" in text
    assert "Overlaps until 8:58:30 am." in text
    fix = re.search(r'name="(fix_start)" value="([^"]+)">Start at 8:58:30 am and save 7 min 30 s<', answer.text)
    assert fix and DID in text
    assert 'class="clash" x="21.43%"' in answer.text and 'width="25.0%"' in answer.text
    await page.post("log", **clash | {fix[1]: fix[2]})
    assert [entry["seconds"] for entry in page.entries()] == [390, 450]


async def test_a_clash_with_another_charts_entry_names_nobody(page: Page) -> None:
    await logged(Page(page.door, patient="p2"))
    answer = await page.ask("POST", "log", data={"start": "8:40 am", "end": "8:55 am", "key": "k2"} | BASE)

    assert answer.status_code == 422
    assert "for another patient, MRN ending 066, runs from" in answer.text
    assert "End at 8:52:00 am and save 12 min" in answer.text
    assert "Hidden" not in answer.text and "Open the other entry" not in answer.text


async def test_an_attempt_is_kept_in_one_press_and_does_not_count(page: Page) -> None:
    panel = await page.post("attempt", how="voicemail", key="k1")
    assert "Left a voicemail. It does not count." in panel
    (state,) = told(page)
    assert (state.activity, state.seconds, state.start, state.action_taken) == ("outreach-attempt", 60, None, "Left a voicemail.")
    assert state.note_assessment is not None and state.note_assessment.outcome == "not-countable"


async def test_late_entries_are_kept_and_say_so(page: Page) -> None:
    closed = {"month": "2026-10", "version": 1, "status": "closed", "at": "2026-10-15T19:00:00Z", "by": "x", "reason": "x"}
    closed |= {"starts_at": "2026-10-01T04:00:00Z", "ends_at": "2026-11-01T04:00:00Z"}
    page.door.rows(
        "INSERT INTO registry VALUES ('month', %s, 1, %s) RETURNING kind", f"{tenant_id('north')}/2026-10", json.dumps(closed)
    )
    try:
        registry = page.door.http._transport.app.state.registry  # type: ignore[attr-defined]
        registry._read_at = float("-inf")
        assert "kept as a late entry" in await page.post("log", **BASE, start="8:55 am", end="9:06 am", key="k1")
    finally:
        page.door.rows("DELETE FROM registry WHERE kind = 'month' RETURNING kind")
        registry._read_at = float("-inf")
    assert page.door.rows("SELECT late FROM time_entry_version")[0]["late"] is True


async def test_amending_keeps_what_was_and_why(page: Page) -> None:
    entry = await logged(page)
    form = await page.get(f"entries/{entry}/amend")
    assert "Amend entry" in form and "Keep it" in form
    row = await page.post(
        f"entries/{entry}/amend", version="1", start="8:52:00 am", end="8:56 am", activity="care-plan", words="Talked of parking"
    )

    assert "Amended once" in row
    assert "6 min 30 s became 4 min. “Talked of parking”" in row
    assert (told(page)[-1].change, told(page)[-1].activity, told(page)[-1].seconds) == ("amended", "care-plan", 240)


async def test_other_times_than_the_clock_measured_are_asserted(page: Page) -> None:
    timer = await page.start()
    await worked(page, timer, 300)
    await page.post(f"timer/{timer}/save", did=DID, why=WHY)
    entry = told(page)[-1].entry_id
    await page.post(f"entries/{entry}/amend", start="4:00:00 pm", end="4:05:00 pm", activity="care-plan", words="Other work")
    assert told(page)[-1].basis == "measured"
    await page.post(f"entries/{entry}/amend", start="4:00:00 pm", end="4:04:00 pm", activity="care-plan", words="Shorter")
    assert (told(page)[-1].basis, told(page)[-1].asserted_reason) == ("asserted", "Shorter")


async def test_an_amendment_without_a_reason_or_of_a_stale_version_is_refused(page: Page) -> None:
    entry = await logged(page)
    form = {"start": "8:52:00 am", "end": "8:56 am"}
    assert "Say why." in await page.post(f"entries/{entry}/amend", 422, **form)
    await page.post(f"entries/{entry}/amend", **form, words="One", version="1")
    text = await page.post(f"entries/{entry}/amend", 422, **form | {"end": "8:55 am"}, words="Two", version="1")
    assert "Somebody changed the entry meanwhile" in text and 'value="Two"' not in text
    assert told(page)[-1].version == 2


async def test_a_void_stays_visible_with_its_reason(page: Page) -> None:
    entry = await logged(page)
    assert "Choose a reason" in await page.post(f"entries/{entry}/void", 422, reason="other")
    row = await page.post(f"entries/{entry}/void", reason="twice", words="Also in the EHR")
    assert "Voided" in row and "“Logged twice. Also in the EHR”" in row and "Amend" not in row
    assert (told(page)[-1].change, told(page)[-1].status) == ("voided", "entered-in-error")


async def test_an_addendum_is_dated_and_leaves_what_was_written(page: Page) -> None:
    entry = await logged(page, did="CCM call completed.", why="")
    assert told(page)[-1].note_assessment is not None and told(page)[-1].note_assessment.outcome != "pass"
    await page.post(f"entries/{entry}/addendum", words=f"{DID} {WHY}", problem="c1")
    state = told(page)[-1]
    assert state.action_taken == "CCM call completed."
    assert state.note == f"Addendum Oct 15, 2026, 4:00 pm: {DID} {WHY}"
    assert state.problem.condition == "c1"
    assert state.note_assessment is not None and state.note_assessment.outcome == "pass"


async def test_an_entry_in_the_wrong_chart_is_void_there_and_new_here_both_with_the_reason(page: Page) -> None:
    timer = await page.start()
    await worked(page, timer, 300)
    await page.post(f"timer/{timer}/save", did=DID, why=WHY, problem="c1")
    entry = told(page)[-1].entry_id
    assert "Give the MRN" in await page.post(f"entries/{entry}/move", 422, mrn="00000000", words="Wrong window")
    assert "That is this patient." in await page.post(f"entries/{entry}/move", 422, mrn="00482913", words="Wrong window")
    row = await page.post(f"entries/{entry}/move", mrn="00490066", words="Wrong window", version="1")

    assert "Voided" in row and "Hidden" not in row
    void, new = told(page)[-2:]
    assert (void.entry_id, void.status, void.reason) == (entry, "entered-in-error", "Wrong patient: Wrong window")
    assert (new.patient, new.seconds, new.basis, new.reason) == ("p2", 300, "measured", "Wrong patient: Wrong window")
    assert (new.start, new.end, new.action_taken, new.problem.condition) == (void.start, void.end, DID, None)


async def test_one_stretch_is_split_over_several_patients(page: Page) -> None:
    seen_chart(page.door, chart("p3", identifier="00490077"))
    timer = await page.start()
    await worked(page, timer, 600)
    await page.post(f"timer/{timer}/save", did=DID, why=WHY, problem="c1")
    entry = told(page)[-1].entry_id
    parts = {"minutes0": "4", "mrn1": "00490066", "minutes1": "3:30", "did1": "Called about the oxygen.", "mrn2": "00490077"}
    assert "The parts are 9 min 30 s, the entry is 10 min." in await page.post(
        f"entries/{entry}/split", 422, **parts, minutes2="2"
    )
    await page.post(f"entries/{entry}/split", **parts, minutes2="2:30", version="1")

    void, *made = told(page)[-4:]
    assert (void.entry_id, void.status) == (entry, "entered-in-error")
    assert [(each.patient, each.seconds, each.basis) for each in made] == [
        ("p1", 240, "measured"), ("p2", 210, "measured"), ("p3", 150, "measured"),
    ]  # fmt: skip
    assert [each.start for each in made] == [void.start, made[0].end, made[1].end] and made[2].end == void.end
    assert len({each.group for each in made}) == 1 and made[0].group is not None
    assert (made[0].action_taken, made[1].action_taken) == (DID, "Called about the oxygen.")


async def test_a_second_press_of_a_split_changes_nothing_more(page: Page) -> None:
    entry = await logged(page)
    fields = {"minutes0": "3:30", "mrn1": "00490066", "minutes1": "3", "version": "1"}
    await page.post(f"entries/{entry}/split", **fields)
    before = page.door.stored()
    await page.post(f"entries/{entry}/split", 422, **fields)
    assert page.door.stored() == before


async def test_only_the_author_changes_an_entry_and_only_in_its_chart(page: Page) -> None:
    entry = await logged(page)
    await hired(page.door, "n2", name="Lena Ortiz")
    other = Page(page.door, person="n2")
    assert "Amend" not in await other.get(f"entries/{entry}")
    for action in ("amend", "void", "addendum", "move", "split"):
        assert (await other.ask("POST", f"entries/{entry}/{action}", data={"words": "x"})).status_code == 403
        stranger = Page(page.door, patient="p2")
        assert (await stranger.ask("POST", f"entries/{entry}/{action}", data={"words": "x"})).status_code == 404
    assert len(told(page)) == 1


async def test_a_change_of_a_senders_entry_keeps_what_the_page_does_not_show(page: Page) -> None:
    sent: dict[str, Any] = task()
    sent["basedOn"] = [{"reference": "CarePlan/plan-1"}]
    sent["owner"] = {"reference": "Practitioner/n1"}
    made = await page.door.made(sent)
    await page.post(f"entries/{made['id']}/void", reason="twice")
    read = (await page.door.get(f"Task/{made['id']}")).json()

    assert read["status"] == "entered-in-error" and read["statusReason"]["text"] == "Logged twice"
    assert read["basedOn"][0]["reference"].endswith("CarePlan/plan-1")
    assert {one["value"] for one in read["identifier"]} == {one["value"] for one in made["identifier"]}


async def test_the_roster_says_in_which_credential_the_work_was_done_that_day(page: Page) -> None:
    credentials = [
        {"credential": "medical-assistant", "since": "2025-01-01", "until": "2026-10-10"},
        {"credential": "registered-nurse", "state": "CT", "since": "2026-10-11"},
    ]
    body = nurse(credentials=credentials)
    answer = await page.door.ask("PUT", "time/roster/n1", json=body, headers={"If-Match": 'W/"1"'})
    assert answer.status_code == 200, answer.text
    for day in ("2026-10-09", "2026-10-12"):
        await logged(page, key=day, day=day)
    assert [state.role for state in told(page)] == ["medical-assistant", "registered-nurse"]
