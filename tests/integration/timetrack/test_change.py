"""Amending and voiding by PUT, and every version that remains."""

import asyncio
import json
from typing import Any

import pytest

from tests.integration.timetrack.conftest import Door
from tests.integration.timetrack.tasks import amended, day_task, extension, moved, seconds, task


def void(body: dict[str, Any]) -> dict[str, Any]:
    """Return a read Task as entered in error."""
    return {**body, "status": "entered-in-error", "statusReason": {"text": "wrong patient"}}


def rule(answer: Any) -> str:
    """Return the rule of a refusal."""
    code: str = answer.json()["issue"][0]["details"]["coding"][0]["code"]
    return code


async def test_an_amendment_is_a_new_version_with_its_reason(door: Door) -> None:
    made = await door.made(task())
    door.clock.set(door.clock.now().replace(minute=5))
    answer = await door.put(amended(moved(made, "2026-10-15T14:00:00Z", "2026-10-15T14:25:00Z")))
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["meta"]["versionId"], answer.headers["etag"]) == ("2", 'W/"2"')
    assert answer.headers["location"].endswith(f"/Task/{made['id']}/_history/2")
    assert body["output"][0]["valueDuration"]["value"] == 1500
    assert (body["authoredOn"], body["lastModified"]) == (made["authoredOn"], "2026-10-15T20:05:00Z")
    events = door.rows("SELECT event_type, version, data FROM journal WHERE status IS NULL ORDER BY version")
    assert [(e["event_type"], e["version"]) for e in events] == [
        ("ccm.time-entry.logged.v1", 1),
        ("ccm.time-entry.amended.v1", 2),
    ]
    state = json.loads(events[1]["data"])
    assert (state["reason"], state["seconds"], state["first_written_at"]) == ("wrong end", 1500, "2026-10-15T20:00:00Z")


async def test_a_void_entry_frees_its_time_and_stays_void(door: Door) -> None:
    made = await door.made(task())
    answer = await door.put(void(made))
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "entered-in-error"
    assert (
        door.rows("SELECT event_type FROM journal WHERE status IS NULL ORDER BY version DESC")[0]["event_type"]
        == "ccm.time-entry.voided.v1"
    )
    assert (await door.post(task())).status_code == 201, "a void entry is in nobody's way"
    again = await door.put(amended({**answer.json(), "status": "completed", "statusReason": None} | {"statusReason": {}}))
    assert again.status_code in (400, 422)
    revived = {k: v for k, v in answer.json().items() if k != "statusReason"} | {"status": "completed"}
    refused = await door.put(amended(revived))
    assert (refused.status_code, rule(refused)) == (422, "time-entry-void")


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda b: b, "time-entry-reason"),
        (lambda b: {**b, "status": "entered-in-error"}, "time-entry-reason"),
        (lambda b: amended({**b, "for": {"reference": "Patient/p2"}}), "time-entry-fixed"),
        (lambda b: amended({**b, "owner": {"reference": "Practitioner/n2"}}), "time-entry-fixed"),
        (lambda b: amended({**b, "identifier": b["identifier"][:1]}), "time-entry-fixed"),
        (lambda b: amended({**b, "identifier": [{"system": "x:y", "value": "1"}, *b["identifier"]]}), "time-entry-fixed"),
        (lambda b: amended(moved(b, "2026-10-15T19:00:00Z", "2026-10-15T21:00:00Z")), "time-entry-future"),
        (lambda b: amended(moved(b, "2026-10-15T19:00:00Z", "2026-10-15T19:00:00Z")), "time-entry-order"),
        (lambda b: void(moved(b, "2026-10-15T19:00:00Z", "2026-10-15T19:05:00Z")), "time-entry-void"),
    ],
)
async def test_a_change_that_may_not_be_is_refused_and_changes_nothing(door: Door, change: Any, wanted: str) -> None:
    made = await door.made(task())
    before = door.stored()
    answer = await door.put(change(made))
    assert (answer.status_code, rule(answer)) == (422, wanted)
    assert door.stored() == before
    assert (await door.get(f"Task/{made['id']}")).json() == made


async def test_a_change_says_which_version_it_saw(door: Door) -> None:
    made = await door.made(task())
    missing = await door.ask("PUT", f"Task/{made['id']}", json=amended(made))
    assert missing.status_code == 400
    assert (await door.put(amended(made), version=2)).status_code == 412
    assert (await door.put(amended(made))).status_code == 200
    assert (await door.put(amended(made))).status_code == 412
    other = await door.ask("PUT", "Task/018f0000-0000-7000-8000-000000000000", json=amended(made), headers={"If-Match": 'W/"1"'})
    assert other.status_code == 400


async def test_of_twenty_writers_who_saw_the_same_version_one_wins(door: Door) -> None:
    made = await door.made(task())
    answers = await asyncio.gather(*(door.put(amended(made, f"writer {n}")) for n in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 19
    assert len(door.rows("SELECT 1 FROM time_entry_version")) == 2
    assert door.rows("SELECT version FROM time_entry") == [{"version": 2}]


async def test_every_version_can_be_read(door: Door) -> None:
    made = await door.made(task())
    second = (await door.put(amended(made))).json()
    third = (await door.put(void(second))).json()
    history = (await door.get(f"Task/{made['id']}/_history")).json()
    assert (history["type"], history["total"]) == ("history", 3)
    assert [entry["resource"] for entry in history["entry"]] == [third, second, made]
    assert [entry["request"]["method"] for entry in history["entry"]] == ["PUT", "PUT", "POST"]
    for number, body in enumerate((made, second, third), 1):
        answer = await door.get(f"Task/{made['id']}/_history/{number}")
        assert (answer.json(), answer.headers["etag"]) == (body, f'W/"{number}"')
    assert (await door.get(f"Task/{made['id']}/_history/4")).status_code == 404
    assert (await door.get(f"Task/{made['id']}/_history/x")).status_code == 404


async def test_a_known_version_is_not_sent_again(door: Door) -> None:
    made = await door.made(task())
    answer = await door.get(f"Task/{made['id']}", headers={"If-None-Match": 'W/"1"'})
    assert (answer.status_code, answer.content) == (304, b"")


async def test_a_repeated_create_still_answers_its_first_result_after_an_amendment(door: Door) -> None:
    sent = task()
    made = await door.made(sent)
    assert (await door.put(amended(made))).status_code == 200
    again = await door.post(sent)
    assert (again.status_code, again.json()) == (200, made)
    assert again.headers["location"].endswith("/_history/1")


async def test_a_day_becomes_instants_only_if_somebody_says_so(door: Door) -> None:
    made = await door.made(day_task("2026-10-14", 900))
    more = {**made, "output": [seconds(960), *made["output"][1:]]}
    answer = await door.put(amended(more))
    assert answer.status_code == 200, answer.text
    assert door.rows("SELECT day::text, seconds, started_at FROM time_entry") == [
        {"day": "2026-10-14", "seconds": 960, "started_at": None}
    ]


async def test_an_amendment_into_other_time_of_the_performer_is_refused(door: Door) -> None:
    made = await door.made(task())
    other = await door.made(task("2026-10-15T15:00:00Z", "2026-10-15T15:10:00Z"))
    answer = await door.put(amended(moved(made, "2026-10-15T14:00:00Z", "2026-10-15T15:00:01Z")))
    assert (answer.status_code, rule(answer)) == (409, "time-entry-overlap")
    assert f"Task/{other['id']}" in answer.json()["issue"][0]["details"]["text"]
    touching = await door.put(amended(moved(made, "2026-10-15T14:00:00Z", "2026-10-15T15:00:00Z")))
    assert touching.status_code == 200, "[start, end) may touch"


async def test_another_program_is_an_amendment(door: Door) -> None:
    made = await door.made(task())
    others = [found for found in made["extension"] if not found["url"].endswith("/program")]
    answer = await door.put(amended({**made, "extension": [extension("program", valueCode="pcm"), *others]}))
    assert answer.status_code == 200
    assert door.rows("SELECT program FROM time_entry") == [{"program": "pcm"}]
