"""Search, by every parameter that is offered, page by page."""

from datetime import timedelta

import pytest

from tests.fakes.world import EHR_BASE
from tests.integration.timetrack.conftest import NOW, Door
from tests.integration.timetrack.tasks import SENDER, amended, day_task, extension, task


@pytest.fixture
async def three(door: Door) -> dict[str, str]:
    """Three entries, by letter: a of yesterday (day only), b and c of today; c void and of another patient."""
    a = await door.made(day_task("2026-10-14", 600, identifier=[{"system": SENDER, "value": "a"}]))
    door.clock.set(NOW + timedelta(minutes=1))
    mrn = {"type": {"text": "MR"}, "system": "https://ehr.example/mrn", "value": "M-1"}
    b = await door.made(
        task(
            identifier=[{"system": SENDER, "value": "b"}],
            for_={"reference": "Patient/p1", "identifier": mrn},
            owner={
                "reference": "Practitioner/n2",
                "identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"},
            },
            encounter={"reference": "Encounter/e1"},
        )
    )
    door.clock.set(NOW + timedelta(minutes=2))
    others = [found for found in b["extension"] if not found["url"].endswith("/program")]
    c = await door.made(
        task(
            "2026-10-15T15:00:00Z",
            "2026-10-15T15:30:00Z",
            identifier=[{"system": "https://hie.example", "value": "c"}],
            for_={"reference": "Patient/p2"},
            extension=[extension("program", valueCode="rpm"), *others],
        )
    )
    door.clock.set(NOW + timedelta(minutes=3))
    answer = await door.put({**c, "status": "entered-in-error", "statusReason": {"text": "twice"}})
    assert answer.status_code == 200
    return {body["id"]: letter for body, letter in ((a, "a"), (b, "b"), (c, "c"))}


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", "cba"),
        ("patient=p1", "ba"),
        ("patient=Patient/p2", "c"),
        (f"patient={EHR_BASE}/Patient/p2", "c"),
        ("patient=https://elsewhere.example/Patient/p2", ""),
        ("patient=p1,p2", "cba"),
        ("patient:identifier=https://ehr.example/mrn%7CM-1", "b"),
        ("patient:identifier=M-1", "b"),
        ("patient:identifier=M-2", ""),
        ("status=completed", "ba"),
        ("status=http://hl7.org/fhir/task-status%7Centered-in-error", "c"),
        ("status=https://x.example%7Ccompleted", ""),
        ("code=patient-contact", "cba"),
        ("code=care-plan", ""),
        ("owner=n2", "b"),
        ("owner=Practitioner/n1", "ca"),
        ("owner:identifier=http://hl7.org/fhir/sid/us-npi%7C1234567893", "b"),
        ("encounter=e1", "b"),
        ("encounter=Encounter/e2", ""),
        ("program=rpm", "c"),
        ("program=ccm,rpm", "cba"),
        (f"identifier={SENDER}%7Cb", "b"),
        (f"identifier={SENDER}%7C", "ba"),
        ("identifier=c", "c"),
        ("identifier=https://careledger.example/fhir/sid/time-entry%7C", "cba"),
        ("authored-on=ge2026-10-15T20:01:00Z", "cb"),
        ("modified=2026-10-15T20:03:00Z", "c"),
        ("_lastUpdated=lt2026-10-15T20:01:00Z", "a"),
        ("_lastUpdated=gt2026-10-15T20:01:00Z", "c"),
        ("period=2026-10-14", "a"),
        ("period=2026-10-15", "cb"),
        ("period=2026-10", "cba"),
        ("period=ge2026-10-15", "cb"),
        ("period=lt2026-10-15", "a"),
        ("period=gt2026-10-15T15:00:00Z", "c"),
        ("period=sa2026-10-14", "cb"),
        ("period=eb2026-10-15", "a"),
        ("period=ne2026-10-15", "a"),
        ("period=ge2026-10-15T14:20:00Z", "c"),
        ("patient=p1&status=completed&owner=n1", "a"),
        ("_id=018f0000-0000-7000-8000-000000000000,x", ""),
        ("_sort=period", "abc"),
        ("_sort=-period", "cba"),
        ("_sort=_lastUpdated", "abc"),
        ("_sort=authored-on", "abc"),
        ("_sort=-authored-on,period", "cba"),
    ],
)
async def test_each_parameter_finds_its_own(door: Door, three: dict[str, str], query: str, wanted: str) -> None:
    assert "".join(three[task["id"]] for task in await door.found(query)) == wanted


async def test_by_id_and_by_our_identifier(door: Door, three: dict[str, str]) -> None:
    some = next(iter(three))
    assert [task["id"] for task in await door.found(f"_id={some}")] == [some]
    assert [task["id"] for task in await door.found(f"identifier={some}")] == [some]


async def test_pages_hold_everything_once(door: Door, three: dict[str, str]) -> None:
    seen = []
    url: str | None = "Task?_count=1&_sort=-period&_total=accurate"
    while url:
        answer = (await door.get(url)).json()
        assert answer["total"] == 3
        seen += [three[entry["resource"]["id"]] for entry in answer["entry"]]
        following = [link["url"] for link in answer["link"] if link["relation"] == "next"]
        url = following[0].removeprefix(f"{door.base}/") if following else None
    assert seen == ["c", "b", "a"]


async def test_count_zero_answers_the_total_only(door: Door, three: dict[str, str]) -> None:
    answer = (await door.get("Task?patient=p1&_count=0")).json()
    assert (answer["total"], "entry" in answer) == (2, False)


async def test_search_by_post_finds_the_same(door: Door, three: dict[str, str]) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await door.ask("POST", "Task/_search", content="patient=p1&status=completed", headers=form)
    assert answer.status_code == 200, answer.text
    assert [three[entry["resource"]["id"]] for entry in answer.json()["entry"]] == ["b", "a"]
    assert answer.json()["link"][0]["url"] == f"{door.base}/Task?patient=p1&status=completed"
    mixed = await door.ask("POST", "Task/_search?patient=p1", content="status=completed", headers=form)
    assert mixed.status_code == 400


@pytest.mark.parametrize("query", ["priority=urgent", "patient:exact=p1", "_include=Task:owner", "_sort=patient", "period=x"])
async def test_what_is_not_understood_is_refused(door: Door, query: str) -> None:
    assert (await door.get(f"Task?{query}")).status_code == 400


async def test_an_ignored_parameter_is_reported_or_refused(door: Door, three: dict[str, str]) -> None:
    lenient = (await door.get("Task?patient=p1&priority=urgent")).json()
    assert [entry["search"]["mode"] for entry in lenient["entry"]] == ["match", "match", "outcome"]
    strict = await door.get("Task?patient=p1&priority=urgent", headers={"Prefer": "handling=strict"})
    assert strict.status_code == 400


async def test_search_shows_the_current_version_only(door: Door) -> None:
    made = await door.made(task())
    changed = (await door.put(amended(made))).json()
    assert await door.found("patient=p1") == [changed]
