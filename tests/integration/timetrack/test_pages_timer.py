"""The timer's panel: every press on the server's clock, every state with its next step, nothing lost and nothing cut.

Requirements: issue 10 item 4; guide.md 4.1 and 4.3; findings.md 5.
"""

import json
from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.time_entry import TimeEntryState
from tests.integration.timetrack.conftest import Door
from tests.integration.timetrack.pages import Page, chart, seen_chart, text_of
from tests.integration.timetrack.staff import hired
from tests.integration.timetrack.test_timers import go, started

DID = "Went through her glucose log by phone. Fasting 168 to 210 since Friday; agreed to restart metformin 500 mg with food."
WHY = "Fasting 168 to 210 since the refill was held."


@pytest.fixture
async def page(door: Door) -> Page:
    """The pages of the nurse n1 in the chart of p1."""
    await hired(door)
    seen_chart(door, chart())
    return Page(door)


def state(page: Page, index: int = -1) -> TimeEntryState:
    """Return an event's payload, in the order of writing."""
    rows = page.door.rows("SELECT data FROM journal WHERE event_type LIKE 'ccm.time-entry%%' ORDER BY id")
    return TimeEntryState.model_validate_json(rows[index]["data"])


async def test_timer_and_note_are_one_save(page: Page) -> None:
    timer = await page.start()
    await worked(page, timer, 252)
    panel = await page.ask("POST", f"timer/{timer}/save", data={"problem": "c1", "did": DID, "why": WHY})

    assert "Saved 4 min 12 s, measured." in text_of(panel)
    (entry,) = page.entries()
    assert (entry["seconds"], entry["basis"], entry["performer"], entry["patient"]) == (252, "measured", "n1", "p1")
    told = state(page)
    assert (told.action_taken, told.clinical_relevance, told.role) == (DID, WHY, "registered-nurse")
    assert told.problem.condition == "c1"
    assert told.problem.text == "Type 2 diabetes with hyperglycemia"
    assert told.note_assessment is not None and told.note_assessment.outcome == "pass"
    assert json.loads(panel.headers["hx-trigger"]) == {"careledger:written": {"seen": f"{entry['id']}@1"}}


async def test_the_browser_supplies_no_words_for_what_is_picked(page: Page) -> None:
    timer = await page.start()
    go(page.door, seconds=60)
    await page.post(f"timer/{timer}/save", problem="c9", problem_text="Invented", did=DID, why=WHY)

    assert (state(page).problem.condition, state(page).problem.text) == (None, None)


async def test_where_the_chart_shows_no_problems_the_words_are_typed(door: Door) -> None:
    await hired(door)
    seen_chart(door, chart(problems=None))
    page = Page(door)
    timer = await page.start()
    go(door, seconds=60)
    await page.post(f"timer/{timer}/save", problem_text="Knee pain", did=DID, why=WHY)

    assert (state(page).problem.condition, state(page).problem.text) == (None, "Knee pain")


async def test_a_start_by_the_same_press_starts_nothing_again(page: Page) -> None:
    first = await page.start(key="k1")
    second = await page.start(key="k1")

    assert first == second
    assert len(page.door.rows("SELECT 1 FROM timer")) == 1


async def test_a_start_can_be_undone(page: Page) -> None:
    timer = await page.start()
    assert "Undo start" in await page.get("panel")
    await page.post(f"timer/{timer}/discard")
    go(page.door, seconds=61)

    assert page.entries() == []
    await page.start()
    go(page.door, seconds=61)
    assert "Undo start" not in await page.get("panel")


async def test_a_pause_keeps_what_was_typed_and_makes_a_second_stretch(page: Page) -> None:
    timer = await page.start()
    go(page.door, seconds=60)
    panel = await page.post(f"timer/{timer}/pause", did="Half a sentence", activity="patient-contact", program="ccm")
    assert "Paused at" in panel and "Half a sentence" in panel and "Resume" in panel
    go(page.door, seconds=600)
    await page.post(f"timer/{timer}/resume", did="Half a sentence")
    go(page.door, seconds=30)
    await page.post(f"timer/{timer}/save", did=DID, why=WHY)

    assert [entry["seconds"] for entry in page.entries()] == [60, 30]


async def test_the_activity_can_be_named_at_the_end(page: Page) -> None:
    timer = await page.start()
    go(page.door, seconds=90)
    await page.post(f"timer/{timer}/save", program="ccm", activity="outreach-attempt", did="No answer.")

    assert state(page).activity == "outreach-attempt"
    assert state(page).note_assessment is not None and state(page).note_assessment.outcome == "not-countable"


async def worked(page: Page, timer: str, seconds: int) -> None:
    """Work so long with the window open."""
    for _ in range(seconds // 30):
        await beaten(page, timer, 0)
    go(page.door, seconds=seconds % 30)


async def beaten(page: Page, timer: str, *idle: int) -> None:
    """Let half a minute pass before each heartbeat, with so many seconds without input."""
    for seconds in idle:
        go(page.door, seconds=30)
        assert (await page.ask("POST", f"timer/{timer}/heartbeat", data={"idle": str(seconds)})).status_code == 204


async def asked(page: Page) -> str:
    """Work three minutes, then be idle for ten and a half with the window open; return the timer about which is asked."""
    timer = await page.start()
    await beaten(page, timer, *([0] * 6), *range(30, 631, 30))
    return timer


async def test_the_question_tells_the_minutes_of_each_choice(page: Page) -> None:
    timer = await asked(page)
    question = await page.post(f"timer/{timer}/question", idle="630")

    assert "Still working for Okafor, Evelyn R.?" in question
    assert "No keyboard or mouse since 4:03:00 pm, 10 min 30 s ago" in question
    assert "Keep all of it I was on a call, in a meeting or reading. 13 min 30 s" in question
    assert "Count only up to 4:03:00 pm. 3 min" in question


@pytest.mark.parametrize(
    ("choice", "until", "expected"),
    [
        ("keep", "", [(870, "measured-with-gap", 630)]),
        ("drop", "", [(180, "measured", 0), (60, "measured", 0)]),
        ("part", "4:08 pm", [(480, "measured-with-gap", 300), (60, "measured", 0)]),
    ],
)
async def test_idle_time_is_kept_dropped_or_kept_in_part(page: Page, choice: str, until: str, expected: Any) -> None:
    timer = await asked(page)
    panel = await page.post(f"timer/{timer}/answer", choice=choice, until=until, then="on", did="Typed before")
    assert "Typed before" in panel
    go(page.door, seconds=60)
    await page.post(f"timer/{timer}/save", did=DID, why=WHY)

    assert [(entry["seconds"], entry["basis"], entry["gap_seconds"]) for entry in page.entries()] == expected


async def test_an_answer_that_is_none_asks_again_and_changes_nothing(page: Page) -> None:
    timer = await asked(page)
    assert "Choose what to do" in await page.post(f"timer/{timer}/answer", 422, then="on")
    assert "Give a time of day" in await page.post(f"timer/{timer}/answer", 422, choice="part", until="3 pm", then="on")
    assert "Running since 4:00:00 pm" in await page.get("panel")


async def test_stopping_from_the_question_leaves_the_note_to_write(page: Page) -> None:
    timer = await asked(page)
    panel = await page.post(f"timer/{timer}/answer", choice="drop", then="stop", did="Typed before")

    assert "Paused at" in panel and "Typed before" in panel and "Stop and save 3 min" in panel


async def test_a_question_left_open_for_an_hour_ends_at_the_last_input_and_asks(page: Page) -> None:
    timer = await asked(page)
    await beaten(page, timer, *range(660, 4201, 30))
    go(page.door, seconds=30)
    answer = await page.ask("POST", f"timer/{timer}/heartbeat", data={"idle": "4230"})

    assert answer.headers["hx-trigger"] == "careledger:timer-changed"
    panel = await page.get("panel")
    assert "Your timer here was left open earlier today" in panel
    assert "We last saw you at 4:03:00 pm and ended it there: 3 min, measured" in panel


async def test_no_question_is_asked_on_a_call_and_its_end_is_asked_at_hang_up(page: Page) -> None:
    timer = await page.start()
    await beaten(page, timer, 0, 0)
    assert "On a call since 4:01:00 pm" in await page.post(f"timer/{timer}/call")
    await beaten(page, timer, *range(30, 3001, 30))
    assert "When did the call end?" in await page.post(f"timer/{timer}/question", idle="3000")
    await page.post(f"timer/{timer}/answer", choice="part", until="4:41 pm", then="on")
    go(page.door, seconds=30)
    await page.post(f"timer/{timer}/save", did=DID, why=WHY)

    found = [(entry["seconds"], entry["basis"], entry["gap_seconds"]) for entry in page.entries()]
    assert found == [(60 + 2400, "measured-with-gap", 2400), (30, "measured", 0)]


async def left_open(page: Page) -> str:
    """Leave a timer open after 60 seconds and come back half an hour later."""
    timer = await page.start()
    await beaten(page, timer, 0, 0)
    go(page.door, minutes=30)
    return timer


async def test_a_save_after_a_silence_asks_and_drops_nothing(page: Page) -> None:
    timer = await left_open(page)
    for act in ("save", "pause", "resume"):
        assert "left open earlier today" in await page.post(f"timer/{timer}/{act}", did="Typed before")
    assert page.entries() == []
    panel = await page.post(f"timer/{timer}/left-open", choice="all", then="on", did="Typed before")
    assert "Stop and save 31 min" in panel and "Typed before" in panel


async def test_a_timer_left_open_ends_at_the_last_sign_of_life_and_asks(page: Page) -> None:
    timer = await left_open(page)
    assert "We last saw you at 4:01:00 pm and ended it there: 1 min, measured" in await page.get("panel")
    await page.post(f"timer/{timer}/left-open", choice="right", did=DID, why=WHY)

    assert [(entry["seconds"], entry["basis"]) for entry in page.entries()] == [(60, "measured")]


async def test_all_of_it_can_still_be_kept(page: Page) -> None:
    timer = await left_open(page)
    await page.post(f"timer/{timer}/left-open", choice="all", did=DID, why=WHY)

    assert [(entry["seconds"], entry["basis"], entry["gap_seconds"]) for entry in page.entries()] == [
        (1860, "measured-with-gap", 1800)
    ]


async def test_longer_work_is_added_as_asserted_with_its_reason(page: Page) -> None:
    timer = await left_open(page)
    fields = {"choice": "longer", "did": DID, "why": WHY, "problem": "c1"}
    refused = await page.post(f"timer/{timer}/left-open", 422, **fields, longer_until="4:11 pm")
    assert "Say why the timer did not see it." in refused and DID in refused
    assert page.entries() == []
    await page.post(f"timer/{timer}/left-open", **fields, longer_until="4:11 pm", longer_reason="Read records on paper")

    assert [(entry["seconds"], entry["basis"]) for entry in page.entries()] == [(60, "measured"), (600, "asserted")]
    assert {told.asserted_reason for told in (state(page, 0), state(page, 1))} == {None, "Read records on paper"}


async def test_what_was_no_work_leaves_no_time_but_its_reason(page: Page) -> None:
    timer = await left_open(page)
    assert "Say why" in await page.post(f"timer/{timer}/left-open", 422, choice="void")
    await page.post(f"timer/{timer}/left-open", choice="void", void_reason="Opened by mistake")

    assert page.entries() == []
    (row,) = page.door.rows("SELECT data FROM journal WHERE action = 'timer.discard'")
    assert "Opened by mistake" in row["data"]


async def test_another_charts_timer_shows_three_digits_and_no_name(page: Page) -> None:
    seen_chart(page.door, chart("p2", name="Hidden, Somebody", identifier="00490066"))
    other = Page(page.door, patient="p2")
    timer = await other.start()
    go(page.door, seconds=100)

    panel = await page.ask("GET", "panel")
    assert "a timer running since 4:00 pm for another patient, MRN ending 066." in text_of(panel)
    assert "Hidden" not in panel.text and "00490066" not in panel.text
    assert "Your timer runs in another chart" in await page.post("timer", program="ccm", activity="care-plan", key="k")
    await page.post("timer", program="ccm", activity="care-plan", key="k", instead=timer)
    assert "Stop and save 1 min 40 s" in await other.get("panel")


async def test_a_timer_of_another_chart_is_not_saved_from_this_one(page: Page) -> None:
    seen_chart(page.door, chart("p2", identifier="00490066"))
    timer = await Page(page.door, patient="p2").start()
    go(page.door, seconds=100)

    for act in ("save", "pause", "left-open", "discard", "answer"):
        assert (await page.ask("POST", f"timer/{timer}/{act}", data={"choice": "right"})).status_code == 404
    assert page.entries() == []


async def test_without_consent_the_panel_says_to_ask_first(page: Page) -> None:
    assert "Start with consent" in await page.get("panel")
    assert "Start timer" in await page.get("panel?anyway=1")


async def test_a_save_that_clashes_keeps_the_timer_and_the_note(page: Page) -> None:
    timer = await page.start()
    await worked(page, timer, 300)
    await page.post(
        "log", 200, key="k", day="2026-10-15", start="4:01 pm", end="4:02 pm", program="ccm", activity="care-plan", reason="paper"
    )
    panel = await page.post(f"timer/{timer}/save", 422, did=DID, why=WHY)

    assert "another entry" in panel and DID in panel and "Stop and save 5 min" in panel


async def test_who_is_not_on_the_roster_is_told_whom_to_ask(door: Door) -> None:
    seen_chart(door, chart())
    assert "Not on the staff list" in await Page(door).get("panel")
    answer = await Page(door).ask("POST", "timer", data={"program": "ccm", "activity": "care-plan", "key": "k"})
    assert answer.status_code == 403


@pytest.mark.parametrize("role", ["biller", "program-lead", "auditor"])
async def test_readers_see_no_timer_and_are_refused(page: Page, role: str) -> None:
    timer = await page.start()
    reader = Page(page.door, person="b1", roles=(role,))

    assert "Start timer" not in await reader.get("panel") and "Pause" not in await reader.get("panel")
    for path in ("timer", f"timer/{timer}/save", "log", "attempt", "advice"):
        assert (await reader.ask("POST", path, data={})).status_code == 403


async def test_a_clients_token_opens_no_page_and_a_page_token_no_timer_route(page: Page) -> None:
    page_token = page.door.tokens.bearer("north", "", client_id="careledger", **page.claims)
    for path, headers in (
        ("/t/north/app/time/panel", page.door.tokens.bearer("north", page.door.scopes)),
        ("/t/north/time/timers?performer=n1", page_token),
    ):
        assert (await page.door.http.get(path, headers=headers)).status_code == 401


async def test_the_advice_says_what_lacks_and_never_keeps_from_saving(page: Page) -> None:
    assert "Say what you did" in await page.post("advice", did="CCM call completed.", why="")
    assert "Says what was done, for this patient." in await page.post("advice", did=DID, why=WHY, problem="c1")
    answer = await page.ask("POST", "advice", data={"did": "CCM call completed.", "at": "time-log"})
    assert 'id="time-log-advice-why"' in answer.text and 'id="time-log-advice-did"' in answer.text
    timer = await page.start()
    go(page.door, seconds=30)
    await page.post(f"timer/{timer}/save", did="CCM call completed.")
    assert [entry["seconds"] for entry in page.entries()] == [30]


async def test_the_last_note_stands_where_the_next_is_written_and_its_problem_comes_first(page: Page) -> None:
    timer = await page.start()
    go(page.door, seconds=60)
    await page.post(f"timer/{timer}/save", problem="c2", did=DID, why=WHY)
    panel = await page.get("panel?anyway=1")
    assert "Last note today, 4:01 pm, Rosa Diaz, RN Problem Hypertension Did Went through" in panel
    await page.start()
    panel = await page.get("panel")
    assert panel.index("Hypertension · I10") < panel.index("Type 2 diabetes with hyperglycemia · E11.65")
    assert "Sprained ankle" not in panel


async def test_timers_of_clients_are_not_asked_about(door: Door) -> None:
    await hired(door)
    timer = await started(door, heartbeats=True)
    go(door, seconds=110)
    door.clock.set(door.clock.now() + timedelta(seconds=1))
    answer = await door.ask("POST", f"time/timers/{timer}/heartbeat", json={"performer": "n1"})

    assert answer.json()["status"] == "running"
