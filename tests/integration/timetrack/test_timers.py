"""Timers through the door: whose, when, and what they leave behind."""

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.timetrack.conftest import NOW, Door
from tests.integration.timetrack.staff import hired
from tests.integration.timetrack.tasks import amended, moved, task

NOTE = {
    "problem": {"condition": "c1", "codes": ["http://hl7.org/fhir/sid/icd-10-cm|I10"], "text": "Hypertension"},
    "additional_problems": [{"condition": "c2"}],
    "action_taken": "Called the pharmacy",
    "clinical_relevance": "Missed three doses",
    "note": "Refill today.",
}


def go(door: Door, **by: float) -> None:
    """Let time pass."""
    door.clock.set(door.clock.now() + timedelta(**by))


async def start(door: Door, **changes: Any) -> Any:
    """Ask for a timer of the nurse n1."""
    body = {
        "identifier": str(uuid4()),
        "performer": "n1",
        "patient": "p1",
        "program": "ccm",
        "activity": "patient-contact",
        "heartbeats": False,
    }
    return await door.ask("POST", "time/timers", json=body | changes)


async def started(door: Door, **changes: Any) -> str:
    """Start a timer and return its id."""
    answer = await start(door, **changes)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def act(door: Door, timer: str, action: str, **body: Any) -> Any:
    """Do something to a timer."""
    return await door.ask("POST", f"time/timers/{timer}/{action}", json={"performer": "n1"} | body)


def rule(answer: Any) -> str:
    """Return the rule of a refusal."""
    return str(answer.json()["issues"][0]["rule"])


async def test_a_stopped_timer_is_a_measured_entry(door: Door) -> None:
    await hired(door)
    timer = await started(door)
    go(door, minutes=12, seconds=7)
    answer = await act(door, timer, "stop", **NOTE)
    assert answer.status_code == 200, answer.text
    (location,) = answer.json()["entries"]
    body = (await door.get(location.removeprefix(f"{door.base}/"))).json()
    assert body["executionPeriod"] == {"start": "2026-10-15T20:00:00Z", "end": "2026-10-15T20:12:07Z"}
    assert body["output"][0]["valueDuration"]["value"] == 727
    assert body["groupIdentifier"]["value"] == timer
    assert body["performerType"][0]["coding"][0]["code"] == "registered-nurse"
    state = json.loads(door.rows("SELECT data FROM journal WHERE event_type LIKE 'ccm.time-entry%%'")[0]["data"])
    assert (state["basis"], state["seconds"], state["directed_by"]) == ("measured", 727, "d1")
    assert state["performer"] == {"id": "n1", "npi": "1234567893", "name": "Rosa Diaz", "credential": "registered-nurse"}
    assert state["problem"] == NOTE["problem"]
    assert (state["action_taken"], state["clinical_relevance"], state["note"]) == (
        "Called the pharmacy",
        "Missed three doses",
        "Refill today.",
    )


async def test_a_measured_entry_can_be_amended_without_losing_its_measure(door: Door) -> None:
    await hired(door)
    timer = await started(door)
    go(door, minutes=5)
    (location,) = (await act(door, timer, "stop", **NOTE)).json()["entries"]
    body = (await door.get(location.removeprefix(f"{door.base}/"))).json()
    better = await door.put(amended({**body, "note": [{"text": "Refill tomorrow."}]}))
    assert better.status_code == 200, better.text
    longer = moved(better.json(), "2026-10-15T20:00:00Z", "2026-10-15T20:04:00Z")
    refused = await door.put(amended(longer))
    assert refused.json()["issue"][0]["details"]["coding"][0]["code"] == "time-entry-basis"


async def test_pauses_make_several_entries_under_one_group(door: Door) -> None:
    await hired(door)
    timer = await started(door)
    go(door, seconds=100)
    assert (await act(door, timer, "pause")).json()["seconds"] == 100
    go(door, hours=3)
    assert (await act(door, timer, "resume")).json()["status"] == "running"
    go(door, seconds=50)
    switched = await act(door, timer, "switch", program="rpm", activity="result-review")
    assert (switched.json()["program"], switched.json()["seconds"]) == ("rpm", 150)
    go(door, seconds=25)
    entries = (await act(door, timer, "stop", **NOTE)).json()["entries"]
    rows = door.rows("SELECT seconds, program, activity, timer_id::text FROM time_entry ORDER BY started_at")
    assert [(row["seconds"], row["program"]) for row in rows] == [(100, "ccm"), (50, "ccm"), (25, "rpm")]
    assert {row["timer_id"] for row in rows} == {timer}
    assert len(entries) == 3


async def test_stopping_again_answers_the_same(door: Door) -> None:
    await hired(door)
    timer = await started(door)
    go(door, seconds=100)
    first = await act(door, timer, "stop", **NOTE)
    go(door, seconds=100)
    again = await act(door, timer, "stop", **NOTE)
    assert again.json() == first.json()
    assert len(door.rows("SELECT 1 FROM time_entry")) == 1


async def test_a_timer_of_no_second_leaves_nothing(door: Door) -> None:
    await hired(door)
    answer = await act(door, await started(door), "stop")
    assert (answer.status_code, answer.json()["entries"]) == (200, [])
    assert door.rows("SELECT 1 FROM time_entry") == []


async def test_starting_again_under_the_same_identifier_starts_nothing(door: Door) -> None:
    await hired(door)
    first = await start(door, identifier="x")
    again = await start(door, identifier="x")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert (await start(door, identifier="x", patient="p2")).status_code == 409


async def test_one_running_timer_for_each_person(door: Door) -> None:
    await hired(door)
    await hired(door, "n2")
    first = await started(door)
    second = await start(door, patient="p2")
    assert (second.status_code, rule(second)) == (409, "timer-running")
    assert first in second.text
    assert (await start(door, performer="n2")).status_code == 201
    assert (await act(door, first, "pause")).status_code == 200
    go(door, seconds=1)
    other = await started(door, patient="p2")
    assert rule(await act(door, first, "resume")) == "timer-running"
    listed = (await door.get("time/timers?performer=n1")).json()["timers"]
    assert [(timer["id"], timer["status"]) for timer in listed] == [(first, "paused"), (other, "running")]


async def test_of_sixteen_starts_at_once_one_runs(door: Door) -> None:
    await hired(door)
    answers = await asyncio.gather(*(start(door) for _ in range(16)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 15
    assert len(door.rows("SELECT 1 FROM timer")) == 1


async def test_of_sixteen_equal_starts_at_once_one_is_new(door: Door) -> None:
    await hired(door)
    answers = await asyncio.gather(*(start(door, identifier="x") for _ in range(16)))
    assert sorted(answer.status_code for answer in answers) == [200] * 15 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_who_left_meanwhile_can_still_end_a_timer_but_not_go_on(door: Door) -> None:
    await hired(door, roles=[{"role": "clinical-staff", "since": "2025-01-01", "until": "2026-10-15"}])
    timer = await started(door)
    go(door, hours=9)
    assert (await act(door, timer, "resume")).status_code == 403
    assert (await act(door, timer, "stop", keep_silence=True, **NOTE)).status_code == 200
    assert door.rows("SELECT seconds FROM time_entry") == [{"seconds": 9 * 3600}]


async def test_a_silent_timer_ends_where_it_was_last_heard_of(door: Door) -> None:
    await hired(door)
    timer = await started(door, heartbeats=True)
    for _ in range(3):
        go(door, seconds=90)
        assert (await act(door, timer, "heartbeat")).json()["status"] == "running"
    go(door, hours=2)
    seen = (await door.get(f"time/timers/{timer}?performer=n1")).json()
    assert (seen["status"], seen["forgotten_at"], seen["seconds"]) == ("paused", "2026-10-15T20:04:30Z", 270)
    await act(door, timer, "stop", **NOTE)
    assert door.rows("SELECT seconds, basis FROM time_entry") == [{"seconds": 270, "basis": "measured"}]


async def test_silence_that_was_work_is_kept_and_marked(door: Door) -> None:
    await hired(door)
    timer = await started(door, heartbeats=True)
    go(door, seconds=90)
    await act(door, timer, "heartbeat")
    go(door, seconds=600)
    await act(door, timer, "stop", keep_silence=True, **NOTE)
    rows = door.rows("SELECT seconds, basis, gap_seconds FROM time_entry")
    assert rows == [{"seconds": 690, "basis": "measured-with-gap", "gap_seconds": 600}]
    body = (await door.found(""))[0]
    gap = next(found for found in body["extension"] if found["url"].endswith("/gap-seconds"))
    assert gap["valueDuration"]["value"] == 600


async def test_a_forgotten_timer_makes_room_for_the_next(door: Door) -> None:
    await hired(door)
    first = await started(door, heartbeats=True)
    go(door, seconds=60)
    await act(door, first, "heartbeat")
    go(door, hours=1)
    assert (await start(door, patient="p2")).status_code == 201
    assert door.rows("SELECT status FROM timer ORDER BY id") == [{"status": "paused"}, {"status": "running"}]
    actions = [row["action"] for row in door.rows("SELECT action FROM journal WHERE action LIKE 'timer%%' ORDER BY id")]
    assert sorted(actions) == ["timer.forgotten", "timer.start", "timer.start"]


async def test_a_stop_into_other_time_of_the_person_is_refused_and_loses_nothing(door: Door) -> None:
    await hired(door)
    timer = await started(door)
    go(door, minutes=10)
    other = await door.made(task("2026-10-15T20:02:00Z", "2026-10-15T20:03:00Z"))
    answer = await act(door, timer, "stop", **NOTE)
    assert (answer.status_code, rule(answer)) == (409, "time-entry-overlap")
    assert other["id"] in answer.text
    assert door.rows("SELECT status FROM timer") == [{"status": "running"}]
    await door.put({**other, "status": "entered-in-error", "statusReason": {"text": "the timer has it"}})
    assert (await act(door, timer, "stop", **NOTE)).status_code == 200


async def test_a_discarded_timer_leaves_its_reason_in_the_journal(door: Door) -> None:
    await hired(door)
    timer = await started(door)
    go(door, minutes=10)
    answer = await act(door, timer, "discard", reason="wrong patient")
    assert answer.json()["status"] == "discarded"
    assert door.rows("SELECT 1 FROM time_entry") == []
    assert door.rows("SELECT data FROM journal WHERE action = 'timer.discard'") == [{"data": '{"reason":"wrong patient"}'}]
    again = await act(door, timer, "resume")
    assert (again.status_code, rule(again)) == (409, "timer-state")


@pytest.mark.parametrize(
    "roles",
    [
        [],
        [{"role": "biller", "since": "2025-01-01"}],
        [{"role": "clinical-staff", "since": "2026-10-16"}],
        [{"role": "clinical-staff", "since": "2025-01-01", "until": "2026-10-14"}],
    ],
)
async def test_only_who_is_on_the_roster_today_runs_timers(door: Door, roles: list[Any]) -> None:
    await hired(door, roles=roles)
    answer = await start(door)
    assert (answer.status_code, rule(answer)) == (403, "staff-role")
    assert (await door.get("time/timers?performer=n1")).status_code == 403
    assert door.rows("SELECT 1 FROM timer") == []


async def test_a_timer_is_its_persons_only(door: Door) -> None:
    await hired(door)
    await hired(door, "n2")
    timer = await started(door)
    answer = await door.ask("POST", f"time/timers/{timer}/pause", json={"performer": "n2"})
    assert (answer.status_code, rule(answer)) == (403, "timer-of-another")
    assert (await door.get(f"time/timers/{timer}?performer=n2")).status_code == 404
    assert (await act(door, str(uuid4()), "pause")).status_code == 404


async def test_a_lapsed_credential_is_still_said_and_none_must_be(door: Door) -> None:
    lapsed = [{"credential": "registered-nurse", "since": "2024-01-01", "until": "2025-01-01"}]
    await hired(door, credentials=lapsed)
    assert (await start(door)).json()["role"] == "registered-nurse"
    await hired(door, "n2", credentials=[])
    refused = await start(door, performer="n2")
    assert (refused.status_code, rule(refused)) == (422, "timer-credential")
    assert (await start(door, performer="n2", role="medical-assistant")).json()["role"] == "medical-assistant"


async def test_the_day_of_the_roster_is_the_practices(door: Door) -> None:
    await hired(door, roles=[{"role": "clinical-staff", "since": "2025-01-01", "until": "2026-10-15"}])
    door.clock.set(NOW.replace(day=16, hour=3, minute=59))  # 23:59 of the 15th in New York
    assert (await start(door)).status_code == 201
    door.clock.set(NOW.replace(day=16, hour=4))
    assert (await start(door, patient="p2")).status_code == 403


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"patient": "p 1"}, "body.patient"),
        ({"program": "golf"}, "body.program"),
        ({"identifier": ""}, "body.identifier"),
        ({"started_at": "2026-10-15T10:00:00Z"}, "body.started_at"),
    ],
)
async def test_a_refusal_names_the_field(door: Door, change: dict[str, Any], field: str) -> None:
    await hired(door)
    answer = await start(door, **change)
    assert answer.status_code == 422
    assert [issue["field"] for issue in answer.json()["issues"]] == [field]
    assert door.rows("SELECT 1 FROM timer") == []
