"""Reading consents: read, vread, history, search, and whether one was in force."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.integration.consent.conftest import NOW, Door
from tests.integration.consent.resources import SENDER, by_practitioner, consent, declined, given, revoked, with_reason

Record = Callable[[Any], Awaitable[dict[str, Any]]]

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
LATER = "2026-10-20T09:00:00-04:00"


def _keys(bundle: dict[str, Any]) -> list[str]:
    matches = [entry["resource"] for entry in bundle.get("entry", ()) if entry["search"]["mode"] == "match"]
    return [resource["identifier"][1]["value"] for resource in matches]


@pytest.mark.parametrize(
    "path",
    [
        "Consent/01990000-0000-7000-8000-000000000000",
        "Consent/not-an-id",
        "Consent/01990000-0000-7000-8000-000000000000/_history",
        "Consent/01990000-0000-7000-8000-000000000000/_history/1",
    ],
)
async def test_what_is_not_there(door: Door, path: str) -> None:
    answer = await door.get(path)

    assert (answer.status_code, answer.json()["resourceType"]) == (404, "OperationOutcome")


async def test_versions_are_read_one_by_one_and_together(door: Door, recorded: Record) -> None:
    body = await recorded(consent())
    stopped = (await door.put(revoked(body, LATER))).json()

    bundle = (await door.get(f"Consent/{body['id']}/_history")).json()

    assert [entry["resource"] for entry in bundle["entry"]] == [stopped, body]
    assert [entry["request"]["method"] for entry in bundle["entry"]] == ["PUT", "POST"]
    assert (bundle["type"], bundle["total"]) == ("history", 2)
    for version, resource in ((1, body), (2, stopped)):
        assert (await door.get(f"Consent/{body['id']}/_history/{version}")).json() == resource
    for version in ("3", "0", "x", "9" * 12):
        assert (await door.get(f"Consent/{body['id']}/_history/{version}")).status_code == 404


async def test_an_unchanged_consent_is_not_sent_again(door: Door, recorded: Record) -> None:
    body = await recorded(consent())
    same = await door.get(f"Consent/{body['id']}", headers={"If-None-Match": 'W/"1"'})
    await door.put(with_reason(body, "again"))
    changed = await door.get(f"Consent/{body['id']}", headers={"If-None-Match": 'W/"1"'})

    assert (same.status_code, same.content, changed.status_code) == (304, b"", 200)


@pytest.fixture
async def three(door: Door, recorded: Record) -> dict[str, str]:
    """Three consents, a minute apart: a grant, a stopped grant of another patient, a refusal for another program."""
    other = {"patient": {"reference": "Patient/p-2"}, "performer": [{"reference": "Patient/p-2"}]}
    refusal = given(declined("no"), "2026-11-02T09:00:00-05:00")
    refusal["category"][1]["coding"][0]["code"] = "rpm"
    grant = await recorded(consent("yes"))
    door.clock.set(NOW + timedelta(minutes=1))
    stopped = await recorded(given(by_practitioner(consent("stop", **other), "dr-2"), "2026-10-07T09:00:00-04:00"))
    await door.put(revoked(stopped, LATER))
    door.clock.set(NOW + timedelta(minutes=2))
    said_no = await recorded(refusal)
    return {"yes": grant["id"], "stop": stopped["id"], "no": said_no["id"]}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, {"yes", "stop", "no"}),
        ({"patient": "p-1"}, {"yes", "no"}),
        ({"patient": "Patient/p-2"}, {"stop"}),
        ({"patient": "http://127.0.0.1:9/fhir/R4/Patient/p-2"}, {"stop"}),
        ({"patient": "https://elsewhere.example/Patient/p-2"}, set()),
        ({"patient:identifier": "https://ehr.example/mrn|00482913"}, {"yes", "no"}),
        ({"patient:identifier": "00482913"}, {"yes", "no"}),
        ({"patient:identifier": "https://ehr.example/mrn|0048291"}, set()),
        ({"patient": "p-1,p-2"}, {"yes", "stop", "no"}),
        ({"identifier": f"{SENDER}|yes"}, {"yes"}),
        ({"identifier": "yes,no"}, {"yes", "no"}),
        ({"identifier": f"{SENDER}|"}, {"yes", "stop", "no"}),
        ({"identifier": "|yes"}, set()),
        ({"status": "active"}, {"yes"}),
        ({"status": "inactive,rejected"}, {"stop", "no"}),
        ({"status": "http://hl7.org/fhir/consent-state-codes|rejected"}, {"no"}),
        ({"category": "ccm"}, {"yes", "stop"}),
        ({"category": "https://careledger.example/fhir/CodeSystem/program|rpm"}, {"no"}),
        ({"category": "http://loinc.org|"}, {"yes", "stop", "no"}),
        ({"category": "http://loinc.org|59284-1"}, set()),
        ({"category": "%"}, set()),
        ({"actor": "Practitioner/dr-2"}, {"stop"}),
        ({"date": "2026-10-07"}, {"stop"}),
        ({"date": "ge2026-10-07"}, {"stop", "no"}),
        ({"date": "lt2026-10-07"}, {"yes"}),
        ({"date": "ne2026-10-07"}, {"yes", "no"}),
        ({"date": "2026-10"}, {"yes", "stop"}),
        ({"period": "gt2026-10-31"}, {"yes"}),
        ({"period": "eq2026-10"}, {"stop"}),
        ({"period": "lt2026-10-06"}, {"yes"}),
        ({"period": "eb2026-11-01"}, {"stop"}),
        ({"_lastUpdated": "gt2026-11-10T15:01:30Z"}, {"no"}),
        ({"status": "active", "category": "rpm"}, set()),
    ],
)
async def test_search_finds_what_was_asked_for(door: Door, three: dict[str, str], query: dict[str, str], found: set[str]) -> None:
    by_address = (await door.get(f"Consent?{urlencode(query)}")).json()
    by_form = await door.ask("POST", "Consent/_search", content=urlencode(query), headers=FORM)

    assert set(_keys(by_address)) == found
    assert _keys(by_form.json()) == _keys(by_address)


async def test_search_by_our_ids(door: Door, three: dict[str, str]) -> None:
    by_id = await door.get(f"Consent?_id={three['no']},{three['yes']},nonsense")
    by_identifier = await door.get(f"Consent?identifier=https://careledger.example/fhir/sid/consent|{three['stop']}")

    assert set(_keys(by_id.json())) == {"no", "yes"}
    assert _keys(by_identifier.json()) == ["stop"]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("", ["no", "stop", "yes"]),
        ("_lastUpdated", ["yes", "stop", "no"]),
        ("date", ["yes", "stop", "no"]),
        ("-date", ["no", "stop", "yes"]),
    ],
)
async def test_pages_follow_each_other_to_the_end(door: Door, three: dict[str, str], sort: str, order: list[str]) -> None:
    address = "Consent?_count=1&_total=accurate" + (f"&_sort={sort}" if sort else "")
    found, totals = [], []
    while address:
        bundle = (await door.get(address)).json()
        found += _keys(bundle)
        totals.append(bundle["total"])
        links = {link["relation"]: link["url"] for link in bundle["link"]}
        address = links.get("next", "").removeprefix(f"{door.base}/")

    assert (found, totals) == (order, [3, 3, 3])


async def test_a_count_of_nought_counts(door: Door, three: dict[str, str]) -> None:
    bundle = (await door.get("Consent?patient=p-1&_count=0")).json()

    assert (bundle["total"], bundle.get("entry")) == (2, None)


async def test_what_search_does_not_understand(door: Door, three: dict[str, str]) -> None:
    lenient = (await door.get("Consent?patient=p-1&colour=blue")).json()
    strict = await door.get("Consent?patient=p-1&colour=blue", headers={"Prefer": "handling=strict"})
    only = await door.get("Consent?colour=blue")
    mixed = await door.ask("POST", "Consent/_search?patient=p-1", data={"status": "active"})

    assert [entry["search"]["mode"] for entry in lenient["entry"]] == ["match", "match", "outcome"]
    assert "colour" not in lenient["link"][0]["url"]
    assert [answer.status_code for answer in (strict, only, mixed)] == [400, 400, 400]
    for query in ("patient:exact=p-1", "_after=x", "_sort=colour", "date=yesterday", "_include=Consent:patient"):
        assert (await door.get(f"Consent?{query}")).status_code == 400, query


async def test_scopes_open_one_door_each(door: Door, recorded: Record) -> None:
    body = await recorded(consent())
    rights = {
        "c": lambda scope: door.ask("POST", "Consent", json=consent(), scopes=scope),
        "r": lambda scope: door.get(f"Consent/{body['id']}", scopes=scope),
        "u": lambda scope: door.ask("PUT", f"Consent/{body['id']}", json=body, scopes=scope, headers={"If-Match": 'W/"9"'}),
        "s": lambda scope: door.get("Consent", scopes=scope),
    }
    for right, ask in rights.items():
        others = "".join(letter for letter in "crus" if letter != right)
        assert (await ask(f"system/Consent.{right}")).status_code in (200, 412), right
        assert (await ask(f"system/Consent.{others} system/Task.crus")).status_code == 403, right
    assert (await door.http.get(f"/t/north/fhir/R4/Consent/{body['id']}")).status_code == 401
    assert (await door.ask("DELETE", f"Consent/{body['id']}")).status_code == 405


async def _in_force(door: Door, **query: str) -> dict[str, Any]:
    asked = {"patient": "p-1", "program": "ccm"} | {name.replace("_", "-"): value for name, value in query.items()}
    answer = await door.get(f"/t/north/consent/in-force?{urlencode(asked)}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_in_force_at_an_instant_as_known_at_another(door: Door, recorded: Record) -> None:
    nothing = await _in_force(door)
    body = await recorded(consent())
    door.clock.set(NOW + timedelta(hours=1))
    await door.put(revoked(body, LATER))

    before = await _in_force(door, at="2026-10-05T13:59:59Z")
    given_at = await _in_force(door, at="2026-10-05T14:00:00Z")
    stopping = await _in_force(door, at="2026-10-31T23:00:00Z")
    over = await _in_force(door, at="2026-11-01T04:00:00Z")
    not_known_yet = await _in_force(door, at="2026-11-05T12:00:00Z", known_at=NOW.isoformat())

    told = [(one["in_force"], one["may_act"], one["reason"]) for one in (nothing, before, given_at, stopping, over)]
    assert told == [
        (False, False, "no-consent"),
        (False, False, "no-consent"),
        (True, True, "granted"),
        (True, False, "revoked-to-month-end"),
        (False, False, "revoked"),
    ]
    assert not_known_yet["in_force"] is True
    assert not_known_yet["deciding"]["consent"] == f"Consent/{body['id']}/_history/1"
    assert over["deciding"]["consent"] == f"Consent/{body['id']}/_history/2"
    assert over["deciding"]["last_day"] == "2026-10-31"
    assert given_at["deciding"]["not_told"] == ["scope-of-services"]
    assert [one["reason"] for one in before["evidence"]] == ["before-start"]


async def test_in_force_for_one_practitioner(door: Door, recorded: Record) -> None:
    await recorded(consent())
    await recorded(given(by_practitioner(consent("c-2"), "dr-2"), LATER))

    first = await _in_force(door, practitioner="dr-1", at="2026-10-20T13:00:00Z")
    second = await _in_force(door, practitioner="Practitioner/dr-2", at="2026-10-20T13:00:00Z")

    assert (first["in_force"], first["reason"]) == (False, "superseded")
    assert (second["in_force"], len(second["evidence"])) == (True, 1)


@pytest.mark.parametrize(
    "query",
    ["program=ccm", "patient=p-1", "patient=p-1&program=gym", "patient=p-1&program=ccm&at=2026-10-05", "patient=a/b&program=ccm"],
)
async def test_in_force_names_the_field_that_it_cannot_read(door: Door, query: str) -> None:
    answer = await door.get(f"/t/north/consent/in-force?{query}")

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["issues"][0]["field"].startswith("query.")


async def test_in_force_needs_read_and_search(door: Door) -> None:
    for scope, status in (("system/Consent.r", 403), ("system/Consent.s", 403), ("system/Consent.rs", 200)):
        assert (await door.get("/t/north/consent/in-force?patient=p-1&program=ccm", scopes=scope)).status_code == status
