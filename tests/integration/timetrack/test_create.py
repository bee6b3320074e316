"""Logging time by POST Task: what is stored, what comes back, and that a repeated request changes nothing."""

import asyncio
import json
from typing import Any

import pytest

from services.timetrack.usecases.ports import Practice
from shared.contracts.month import MonthState
from shared.contracts.time_entry import TimeEntryState
from tests.fakes.world import EHR_BASE
from tests.integration.timetrack.conftest import NOW, Door
from tests.integration.timetrack.tasks import SENDER, day_task, extension, output, seconds, task


async def test_a_task_is_stored_with_its_journal_row_and_event(door: Door) -> None:
    answer = await door.post(task())
    assert answer.status_code == 201
    body = answer.json()
    assert answer.headers["location"] == f"{door.base}/Task/{body['id']}/_history/1"
    assert answer.headers["etag"] == 'W/"1"'
    assert body["for"] == {"reference": f"{EHR_BASE}/Patient/p1", "type": "Patient"}
    assert body["output"][0]["valueDuration"]["value"] == 1200
    row = door.rows("SELECT * FROM time_entry")[0]
    assert (row["seconds"], row["performer"], row["status"], row["day"]) == (1200, "n1", "completed", None)
    journal = door.rows("SELECT * FROM journal j JOIN journal_unpublished USING (tenant_id, id)")[0]
    assert (journal["event_type"], journal["patients"], journal["aggregate"]) == (
        "ccm.time-entry.logged.v1",
        ["p1"],
        body["id"],
    )
    state = TimeEntryState.model_validate_json(journal["data"])
    assert (state.seconds, state.role, state.program, state.directed_by) == (1200, "registered-nurse", "ccm", "d1")
    assert state.note_assessment is not None and state.written_at == NOW


async def test_the_event_carries_prints_by_which_notes_are_compared(door: Door) -> None:
    """The same words for two patients have the same prints, other values other facts."""
    text = "Gout flare right great toe since Sunday, ran out of allopurinol. Colchicine 0.6 ok per Dr Bell, recheck Thursday."
    notes = (text, text, text.replace("0.6", "1.2"))
    for hour, (patient, words) in enumerate(zip(("p1", "p2", "p1"), notes, strict=True), start=9):
        period = {"start": f"2026-10-14T{hour:02d}:00:00Z", "end": f"2026-10-14T{hour:02d}:10:00Z"}
        told = task(**period, for_={"reference": f"Patient/{patient}"}, note=[{"text": words}], output=None)
        assert (await door.ask("POST", "Task", json=told)).status_code == 201
    rows = door.rows("SELECT data FROM journal WHERE event_type = 'ccm.time-entry.logged.v1'")
    states = [TimeEntryState.model_validate_json(row["data"]) for row in rows]
    prints = [(s.note_assessment.facts_print, s.note_assessment.words_print, s.note) for s in states if s.note_assessment]
    assert len(prints) == 3
    assert len({facts for facts, _, note in prints if note == text}) == 1
    assert len({facts for facts, _, _ in prints}) == 2
    assert len({words for _, words, _ in prints}) == 1


async def test_what_was_accepted_is_kept_byte_for_byte(door: Door) -> None:
    sent = json.dumps(task(), indent=3).replace("Rosa", "R\\u00f3sa").encode()
    answer = await door.ask("POST", "Task", content=sent)
    assert answer.status_code == 201
    assert door.rows("SELECT body FROM time_entry_version")[0]["body"].encode() == sent


async def test_elements_that_are_only_kept_come_back(door: Door) -> None:
    kept = {
        "basedOn": [{"reference": "CarePlan/cp1"}],
        "focus": {"reference": f"{EHR_BASE}/EpisodeOfCare/e1"},
        "groupIdentifier": {"system": SENDER, "value": "visit-1"},
        "note": [{"text": "see log", "time": "2026-10-15T14:21:00-04:00", "authorReference": {"reference": "Practitioner/n1"}}],
        "language": "en-US",
        "reasonCode": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I10"}], "text": "pressure"},
    }
    made = await door.made(task(**kept))
    read = (await door.get(f"Task/{made['id']}")).json()
    assert read == made
    assert read["basedOn"] == [{"reference": f"{EHR_BASE}/CarePlan/cp1", "type": "CarePlan"}]
    assert read["note"][0]["authorReference"]["reference"] == f"{EHR_BASE}/Practitioner/n1"
    assert {k: read[k] for k in ("groupIdentifier", "language", "reasonCode")} == {
        k: kept[k] for k in ("groupIdentifier", "language", "reasonCode")
    }


async def test_the_same_body_again_answers_the_first_result(door: Door) -> None:
    sent = task()
    first = await door.post(sent)
    again = await door.post(sent)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.headers["location"] == first.headers["location"]
    assert again.json() == first.json()
    assert len(door.rows("SELECT 1 FROM time_entry")) == 1
    assert len(door.rows("SELECT 1 FROM journal WHERE status IS NULL")) == 1


async def test_another_body_under_the_same_identifier_is_a_conflict(door: Door) -> None:
    sent = task()
    made = await door.made(sent)
    answer = await door.post({**sent, "executionPeriod": {"start": "2026-10-15T15:00:00Z", "end": "2026-10-15T15:10:00Z"}})
    assert answer.status_code == 409
    assert answer.json()["issue"][0]["details"]["coding"][0]["code"] == "identifier-taken"
    assert (await door.get(f"Task/{made['id']}")).json() == made


async def test_if_none_exist_leaves_what_is_there_untouched(door: Door) -> None:
    sent = task()
    token = f"identifier={SENDER}|{sent['identifier'][0]['value']}"
    first = await door.post(sent, If_None_Exist=token)
    other = {**sent, "note": [{"text": "another"}]}
    again = await door.post(other, If_None_Exist=token)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()


@pytest.mark.parametrize("header", ["patient=Patient/p1", "identifier=t-0", f"identifier={SENDER}|another"])
async def test_if_none_exist_names_an_identifier_of_the_task(door: Door, header: str) -> None:
    answer = await door.post(task(), If_None_Exist=header)
    assert answer.status_code in (400, 422)
    assert door.stored() == 0


async def test_if_none_exist_needs_the_right_to_search(door: Door) -> None:
    door.scopes = "system/Task.c"
    sent = task()
    answer = await door.post(sent, If_None_Exist=f"identifier={SENDER}|{sent['identifier'][0]['value']}")
    assert answer.status_code == 403
    assert door.stored() == 0


@pytest.mark.requirement("standards-21")
async def test_a_hundred_identical_creates_make_one_entry(door: Door) -> None:
    sent = task()
    answers = await asyncio.gather(*(door.post(sent) for _ in range(100)))
    assert sorted({answer.status_code for answer in answers}) == [200, 201]
    assert sum(answer.status_code == 201 for answer in answers) == 1
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert len(door.rows("SELECT 1 FROM time_entry_version")) == 1


async def test_two_identifiers_both_find_the_entry(door: Door) -> None:
    both = [{"system": SENDER, "value": "a"}, {"system": "https://hie.example", "value": "b|c"}]
    made = await door.made(task(identifier=both))
    answer = await door.post(task("2026-10-15T15:00:00Z", "2026-10-15T15:10:00Z", identifier=both[1:]))
    assert answer.status_code == 409
    found = await door.found("identifier=https://hie.example%7Cb%5C%7Cc")
    assert [each["id"] for each in found] == [made["id"]]


async def test_prefer_chooses_the_answer(door: Door) -> None:
    minimal = await door.post(task(), Prefer="return=minimal")
    assert (minimal.status_code, minimal.content) == (201, b"")
    assert "location" in minimal.headers
    told = await door.post(task("2026-10-15T15:00:00Z", "2026-10-15T15:10:00Z"), Prefer="return=OperationOutcome")
    assert (told.status_code, told.json()["resourceType"]) == (201, "OperationOutcome")
    assert [issue["details"]["coding"][0]["code"] for issue in told.json()["issue"]] == ["consent-not-known"]


class ClosedOctober:
    """Says that October 2026 is closed."""

    def __init__(self, registry: Any) -> None:
        self._registry = registry

    def __getattr__(self, name: str) -> Any:
        return getattr(self._registry, name)

    async def closed_month(self, tenant_id: object, at: object) -> MonthState:
        return MonthState(month="2026-10", version=1, status="closed", at=NOW, by="lead", reason="", starts_at=NOW, ends_at=NOW)


async def test_what_belongs_to_a_closed_month_is_stored_as_late_with_a_warning(
    door: Door, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.state._state, "registry", ClosedOctober(app.state.registry))
    answer = await door.post(task(), Prefer="return=OperationOutcome")
    assert answer.status_code == 201
    assert "month-closed" in [issue["details"]["coding"][0]["code"] for issue in answer.json()["issue"]]
    assert door.rows("SELECT late FROM time_entry_version") == [{"late": True}]


class NoPatients:
    """An EHR that knows nobody."""

    async def exist(self, practice: Practice, patient: str) -> bool:
        return False


async def test_a_patient_whom_the_ehr_does_not_know_is_refused(door: Door, app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.state._state, "patients", NoPatients())
    answer = await door.post(task())
    assert answer.status_code == 422
    issue = answer.json()["issue"][0]
    assert (issue["details"]["coding"][0]["code"], issue["expression"]) == ("patient-unknown", ["Task.for"])
    assert door.stored() == 0


_END, _START = "Task.executionPeriod.end", "Task.executionPeriod.start"
_SECONDS = "Task.output.valueDuration.value"
_GOLF = {"coding": [{"system": "https://careledger.example/fhir/CodeSystem/activity", "code": "golf"}]}
_MINUTES = {"value": 20, "system": "http://unitsofmeasure.org", "code": "min"}
_ELSEWHERE = {"reference": "https://elsewhere.example/Patient/p1"}

REFUSALS: dict[str, tuple[dict[str, Any], str, str]] = {
    "future end": (task("2026-10-15T19:50:00Z", "2026-10-15T20:00:01Z"), "time-entry-future", _END),
    "zero length": (task("2026-10-15T14:00:00Z", "2026-10-15T14:00:00Z"), "time-entry-order", _END),
    "end before start": (task("2026-10-15T14:00:00Z", "2026-10-15T13:00:00Z"), "per-1", "Task.executionPeriod"),
    "one instant in two zones": (task("2026-10-15T14:00:00Z", "2026-10-15T10:00:00-04:00"), "time-entry-order", _END),
    "less than a second": (task("2026-10-15T14:00:00.1Z", "2026-10-15T14:00:00.9Z"), "time-entry-positive", _END),
    "more than 24 hours": (task("2026-10-14T14:00:00Z", "2026-10-15T14:00:01Z"), "time-entry-24-hours", _END),
    "day to come": (day_task("2026-10-16", 600), "time-entry-future", _START),
    "no seconds of a day": (day_task("2026-10-14", 0), "time-entry-positive", _SECONDS),
    "negative seconds of a day": (day_task("2026-10-14", -5), "time-entry-positive", _SECONDS),
    "too many seconds of a day": (day_task("2026-10-14", 86401), "time-entry-24-hours", _SECONDS),
    "part of a second": (day_task("2026-10-14", 600.5), "time-entry-seconds", "Task.output[2].valueDuration.value"),
    "a day without seconds": (task("2026-10-14", "2026-10-14"), "profile-required", "Task.output"),
    "two days": (task("2026-10-13", "2026-10-14"), "date-time-precision", _START),
    "a day and an instant": (task("2026-10-14", "2026-10-14T12:00:00Z"), "date-time-precision", _START),
    "seconds that differ": (task(output=[seconds(1199)]), "time-entry-seconds", _SECONDS),
    "minutes": (
        task(output=[output("seconds", valueDuration=_MINUTES)]),
        "profile-code",
        "Task.output[0].valueDuration.code",
    ),
    "seconds twice": (task(output=[seconds(1200), seconds(1200)]), "profile-cardinality", "Task.output[1]"),
    "another output": (task(output=[output("mood", valueString="x")]), "profile-code", "Task.output[0].type.coding.code"),
    "no identifier": (task(identifier=None), "time-entry-identifier", "Task.identifier"),
    "identifier without system": (task(identifier=[{"value": "1"}]), "profile-required", "Task.identifier[0]"),
    "our identifier": (
        task(identifier=[{"system": "https://careledger.example/fhir/sid/time-entry", "value": "1"}]),
        "identifier-system",
        "Task.identifier[0].system",
    ),
    "draft": (task(status="draft"), "profile-code", "Task.status"),
    "plan": (task(intent="plan"), "profile-code", "Task.intent"),
    "void from the start": (task(status="entered-in-error", statusReason={"text": "x"}), "time-entry-new", "Task.status"),
    "unknown activity": (task(code=_GOLF), "profile-code", "Task.code.coding.code"),
    "no performer type": (task(performerType=None), "profile-required", "Task.performerType"),
    "no patient": (task(for_=None), "profile-required", "Task.for"),
    "foreign patient": (task(for_=_ELSEWHERE), "reference-host", "Task.for.reference"),
    "role as owner": (task(owner={"reference": "PractitionerRole/r1"}), "reference-type", "Task.owner.reference"),
    "an element of others": (task(priority="urgent"), "profile-element", "Task.priority"),
    "reason without void": (task(statusReason={"text": "x"}), "profile-element", "Task.statusReason"),
    "unknown extension": (
        task(extension=[{"url": "https://x.example/y", "valueString": "z"}]),
        "profile-extension",
        "Task.extension[0]",
    ),
}


@pytest.mark.parametrize(("sent", "rule", "place"), REFUSALS.values(), ids=REFUSALS)
async def test_a_refusal_names_field_and_rule_and_stores_nothing(door: Door, sent: dict[str, Any], rule: str, place: str) -> None:
    answer = await door.post(sent)
    assert answer.status_code == 422, answer.text
    issue = answer.json()["issue"][0]
    assert (issue["details"]["coding"][0]["code"], issue["expression"]) == (rule, [place])
    assert door.stored() == 0


@pytest.mark.parametrize(
    "sent", [b"{", b"[]", b'{"resourceType": "Patient"}', b'{"resourceType": "Task", "status": ["completed"]}']
)
async def test_what_is_no_task_at_all_is_a_400(door: Door, sent: bytes) -> None:
    answer = await door.ask("POST", "Task", content=sent)
    assert (answer.status_code, answer.json()["resourceType"]) == (400, "OperationOutcome")
    assert door.stored() == 0


@pytest.mark.parametrize(
    ("extensions", "rule"),
    [
        ([extension("program", valueCode="ccm"), extension("time-basis", valueCode="measured")], "time-entry-basis"),
        ([extension("program", valueCode="ccm"), extension("time-basis", valueCode="asserted")], "time-entry-asserted-reason"),
        ([extension("program", valueCode="ccm")], "profile-required"),
        ([extension("time-basis", valueCode="asserted")], "profile-required"),
        ([extension("program", valueCode="golf"), extension("time-basis", valueCode="asserted")], "profile-code"),
    ],
)
async def test_only_assertions_come_from_outside(door: Door, extensions: list[Any], rule: str) -> None:
    answer = await door.post(task(extension=extensions))
    assert answer.status_code == 422
    assert answer.json()["issue"][0]["details"]["coding"][0]["code"] == rule
    assert door.stored() == 0


async def test_a_day_never_gets_clock_times(door: Door) -> None:
    made = await door.made(day_task("2026-10-14", 900))
    assert made["executionPeriod"] == {"start": "2026-10-14", "end": "2026-10-14"}
    row = door.rows("SELECT started_at, ended_at, day::text, seconds FROM time_entry")[0]
    assert row == {"started_at": None, "ended_at": None, "day": "2026-10-14", "seconds": 900}
    state = json.loads(door.rows("SELECT data FROM journal WHERE status IS NULL")[0]["data"])
    assert (state["start"], state["end"], state["day"], state["seconds"]) == (None, None, "2026-10-14", 900)
    second = await door.post(day_task("2026-10-14", 900))
    assert second.status_code == 201, "entries known by day stand outside the overlap constraint"


async def test_today_is_the_practices_today(door: Door) -> None:
    late = NOW.replace(day=16, hour=3)
    door.clock.set(late)  # still the 15th in New York
    assert (await door.post(day_task("2026-10-15", 60))).status_code == 201
    assert (await door.post(day_task("2026-10-16", 60))).status_code == 422
