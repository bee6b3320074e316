"""Recording a consent at the FHIR base: created once, whatever the client repeats (standards.md 3.1, requirement 20)."""

import asyncio
import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from shared.kernel.vocabulary import CANONICAL
from tests.integration.consent.conftest import Door
from tests.integration.consent.resources import SENDER, by_practitioner, consent, declined, disclosure, url

OURS = f"{CANONICAL}/sid/consent"


async def test_a_grant_is_stored_with_its_headers_and_comes_back_whole(door: Door) -> None:
    answer = await door.post(consent())

    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{door.base}/Consent/{body['id']}/_history/1"
    assert answer.headers["etag"] == 'W/"1"'
    assert answer.headers["content-type"].startswith("application/fhir+json")
    assert body["status"] == "active"
    assert body["meta"]["versionId"] == "1"
    assert body["patient"]["reference"] == "http://127.0.0.1:9/fhir/R4/Patient/p-1"
    assert body["identifier"] == [{"system": OURS, "value": body["id"]}, *consent()["identifier"]]
    assert (await door.get(f"Consent/{body['id']}")).json() == body


async def test_what_was_sent_is_kept_to_the_byte(door: Door) -> None:
    sent = json.dumps(consent(), indent=3).encode()

    answer = await door.ask("POST", "Consent", content=sent, headers={"Content-Type": "application/fhir+json"})

    assert answer.status_code == 201, answer.text
    assert door.rows("SELECT accepted FROM consent_version")[0]["accepted"].encode() == sent


async def test_a_refusal_is_recorded_too(door: Door) -> None:
    answer = await door.post(declined())

    assert (answer.status_code, answer.json()["status"]) == (201, "rejected")
    assert [row["event_type"] for row in door.rows("SELECT event_type FROM journal WHERE status IS NULL")] == [
        "ccm.consent.declined.v1"
    ]


@pytest.mark.requirement("standards-21")
async def test_the_same_body_again_gives_the_first_result(door: Door) -> None:
    first = await door.post(consent())
    again = await door.post(consent())

    assert (again.status_code, again.headers["location"]) == (200, first.headers["location"])
    assert again.json() == first.json()
    assert door.rows("SELECT count(*) AS n FROM journal WHERE status IS NULL") == [{"n": 1}]


async def test_the_order_of_keys_makes_no_other_body(door: Door) -> None:
    first = await door.post(consent())
    again = await door.post(dict(reversed(consent().items())))

    assert (again.status_code, again.headers["location"]) == (200, first.headers["location"])


async def test_another_body_under_the_same_identifier_is_a_conflict_that_names_it(door: Door) -> None:
    await door.post(consent())
    answer = await door.post(consent(dateTime="2026-10-05T11:00:00-04:00"))

    issue = answer.json()["issue"][0]
    assert answer.status_code == 409
    assert issue["details"]["coding"][0]["code"] == "identifier-taken"
    assert issue["expression"] == ["Consent.identifier"]
    assert "c-1" in issue["details"]["text"]
    assert door.rows("SELECT count(*) AS n FROM consent") == [{"n": 1}]


async def test_a_half_new_set_of_identifiers_claims_nothing(door: Door) -> None:
    await door.post(consent("c-1"))
    both = consent(identifier=[{"system": SENDER, "value": "c-1"}, {"system": SENDER, "value": "c-2"}])

    assert (await door.post(both)).status_code == 409
    assert (await door.post(both, **{"If-None-Exist": f"identifier={SENDER}|c-1"})).status_code == 200
    assert (await door.post(both, **{"If-None-Exist": f"identifier={SENDER}|c-2"})).status_code == 409
    assert (await door.post(consent("c-2"))).status_code == 201


async def test_a_conditional_create_leaves_what_is_there_untouched(door: Door) -> None:
    condition = {"If-None-Exist": f"identifier={SENDER}|c-1"}
    first = await door.post(consent(), **condition)
    second = await door.post(consent(dateTime="2026-10-05T11:00:00-04:00"), **condition)

    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json()


async def test_a_conditional_create_needs_the_right_to_search(door: Door) -> None:
    options = {"json": consent(), "headers": {"If-None-Exist": f"identifier={SENDER}|c-1"}}

    assert (await door.ask("POST", "Consent", scopes="system/Consent.c", **options)).status_code == 403
    assert (await door.ask("POST", "Consent", scopes="system/Consent.cs", **options)).status_code == 201


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ("identifier=c-1", 400),
        (f"identifier={SENDER}|c-1&status=active", 400),
        ("status=active", 400),
        ("", 400),
        (f"identifier={SENDER}|c-9", 422),
    ],
)
async def test_a_condition_that_no_key_decides_is_refused(door: Door, condition: str, status: int) -> None:
    answer = await door.post(consent(), **{"If-None-Exist": condition})

    assert answer.status_code == status
    assert door.rows("SELECT count(*) AS n FROM consent") == [{"n": 0}]


@pytest.mark.requirement("standards-21")
async def test_a_hundred_at_once_make_one(door: Door) -> None:
    answers = await asyncio.gather(*(door.post(consent()) for _ in range(100)))

    assert sorted(answer.status_code for answer in answers) == [200] * 99 + [201]
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert door.rows("SELECT count(*) AS n FROM consent") == [{"n": 1}]
    assert door.rows("SELECT count(*) AS n FROM journal_unpublished") == [{"n": 1}]


async def test_many_different_at_once_leave_one_practitioner_active(door: Door) -> None:
    answers = await asyncio.gather(*(door.post(by_practitioner(consent(f"c-{n}"), f"dr-{n}")) for n in range(12)))

    assert {answer.status_code for answer in answers} == {201}
    assert door.rows("SELECT count(*) AS n FROM consent WHERE status = 'active'") == [{"n": 1}]
    assert door.rows("SELECT count(*) AS n FROM consent") == [{"n": 12}]


async def test_what_a_client_prefers_to_have_back(door: Door) -> None:
    nothing = await door.post(consent("c-1"), Prefer="return=minimal")
    outcome = await door.post(consent("c-2"), Prefer="return=OperationOutcome")

    assert (nothing.status_code, nothing.content) == (201, b"")
    assert nothing.headers["location"].endswith("/_history/1")
    assert outcome.json()["resourceType"] == "OperationOutcome"
    assert outcome.json()["issue"][0]["severity"] == "information"


async def test_a_disclosure_that_was_not_told_is_warned_about(door: Door) -> None:
    resource = consent()
    resource["extension"] = [one for one in resource["extension"] if one["url"] != url("disclosure")]
    resource["extension"].append(disclosure("right-to-stop", given=False))

    answer = await door.post(resource, Prefer="return=OperationOutcome")

    codes = [issue["details"]["coding"][0]["code"] for issue in answer.json()["issue"]]
    assert (answer.status_code, codes) == (201, ["disclosure-not-told"])


def _change(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Return a change of the element at a dotted path; None removes it."""

    def change(resource: dict[str, Any]) -> None:
        *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        element: Any = resource
        for step in steps:
            element = element[step]
        if value is None:
            del element[last]
        else:
            element[last] = value

    return change


def _extension(name: str, **value: Any) -> Callable[[dict[str, Any]], None]:
    """Return a change that puts an extension of ours in the place of those of its name, or takes them out."""

    def change(resource: dict[str, Any]) -> None:
        resource["extension"] = [one for one in resource["extension"] if one["url"] != url(name)]
        if value:
            resource["extension"].append({"url": url(name), **value})

    return change


REFUSED = {
    "no sender's identifier": (_change("identifier", None), 422, "Consent.identifier"),
    "identifier without a system": (_change("identifier.0.system", None), 422, "Consent.identifier[0].system"),
    "our own identifier": (_change("identifier.0.system", OURS), 422, "Consent.identifier"),
    "draft": (_change("status", "draft"), 422, "Consent.status"),
    "proposed": (_change("status", "proposed"), 422, "Consent.status"),
    "born inactive": (_change("status", "inactive"), 422, "Consent.status"),
    "born in error": (_change("status", "entered-in-error"), 422, "Consent.status"),
    "status of no list": (_change("status", "agreed"), 422, "Consent.status"),
    "rejected, yet permitted": (_change("status", "rejected"), 422, "Consent.status"),
    "scope of research": (_change("scope.coding.0.code", "research"), 422, "Consent.scope"),
    "no document category": (_change("category.0", {"text": "x"}), 422, "Consent.category"),
    "no program": (_change("category.1", {"text": "x"}), 422, "Consent.category"),
    "unknown program": (_change("category.1.coding.0.code", "gym"), 422, "Consent.category.coding.code"),
    "no patient": (_change("patient", None), 422, "Consent.patient"),
    "patient elsewhere": (
        _change("patient.reference", "https://other.example/Patient/p-1"),
        422,
        "Consent.patient.reference",
    ),
    "a practitioner as patient": (_change("patient.reference", "Practitioner/dr-1"), 422, "Consent.patient"),
    "another performer": (_change("performer.0.reference", "Patient/p-2"), 422, "Consent.performer[0].reference"),
    "no performer": (_change("performer", None), 422, "Consent.performer"),
    "no dateTime": (_change("dateTime", None), 422, "Consent.dateTime"),
    "dateTime without a zone": (_change("dateTime", "2026-10-05T10:00:00"), 400, "Consent.dateTime"),
    "dateTime by day": (_change("dateTime", "2026-10-05"), 422, "Consent.dateTime"),
    "day that is none": (_change("dateTime", "2026-02-30T10:00:00Z"), 400, "Consent.dateTime"),
    "given in the future": (_change("dateTime", "2026-11-10T15:00:01Z"), 422, "Consent.dateTime"),
    "starts before it is given": (_change("provision.period.start", "2026-10-04"), 422, "Consent.provision.period.start"),
    "starts in the future": (_change("provision.period.start", "2026-12-01"), 422, "Consent.provision.period.start"),
    "no period": (_change("provision.period", None), 422, "Consent.provision.period"),
    "end before its start": (_change("provision.period.end", "2026-10-01"), 422, "Consent.provision.period"),
    "no provision": (_change("provision", None), 422, "Consent.provision"),
    "no actor": (_change("provision.actor", None), 422, "Consent.provision.actor"),
    "actor of another role": (
        _change("provision.actor.0.role.coding.0.code", "AUT"),
        422,
        "Consent.provision.actor.role",
    ),
    "no script": (_change("policy", None), 422, "Consent"),
    "verbal, not verified": (_change("verification", None), 422, "Consent.verification"),
    "verified false": (_change("verification.0.verified", False), 422, "Consent.verification[0]"),
    "no method": (_extension("consent-method"), 422, "consent-method"),
    "unknown method": (_extension("consent-method", valueCode="telepathic"), 422, "consent-method"),
    "written without a document": (_extension("consent-method", valueCode="written"), 422, "Consent.sourceAttachment"),
    "nobody obtained it": (_extension("obtained-by"), 422, "obtained-by"),
    "unknown disclosure": (
        _extension("disclosure", extension=disclosure("weather")["extension"]),
        422,
        "disclosure",
    ),
    "disclosure without answer": (
        _extension("disclosure", extension=disclosure("availability")["extension"][:1]),
        422,
        "disclosure",
    ),
    "other practice, perhaps": (
        _extension("other-practice", extension=[{"url": "answer", "valueCode": "perhaps"}]),
        422,
        "other-practice",
    ),
    "unknown extension": (_extension("horoscope", valueString="libra"), 422, "Consent.extension[7]"),
    "contained": (_change("contained", [{"resourceType": "Patient", "id": "x"}]), 422, "Consent.contained"),
    "nested provisions": (_change("provision.provision", [{"type": "deny"}]), 422, "Consent.provision.provision"),
    "inline document": (
        _change("sourceAttachment", {"contentType": "text/plain", "data": "aGk="}),
        422,
        "Consent.sourceAttachment.data",
    ),
    "an element of no Consent": (_change("colour", "blue"), 400, "Consent.colour"),
    "text for a boolean": (_change("verification.0.verified", "true"), 400, "Consent.verification[0].verified"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_bad_input_is_refused_by_place_and_stores_nothing(door: Door, name: str) -> None:
    change, status, place = REFUSED[name]
    resource = deepcopy(consent())
    change(resource)

    answer = await door.post(resource)

    issue = answer.json()["issue"][0]
    assert (answer.status_code, answer.json()["resourceType"]) == (status, "OperationOutcome"), answer.text
    assert place in issue["expression"][0]
    assert issue["details"]["coding"][0]["code"]
    assert door.rows("SELECT (SELECT count(*) FROM consent) + (SELECT count(*) FROM journal WHERE status IS NULL) AS n") == [
        {"n": 0}
    ]
    assert door.rows("SELECT count(*) AS n FROM consent_identifier") == [{"n": 0}]


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/fhir+json", 400),
        (b"", "application/fhir+json", 400),
        (b'{"resourceType": "Consent", "status": "active", "status": "active"}', "application/fhir+json", 400),
        (b'{"resourceType": "Task"}', "application/fhir+json", 400),
        (b"<Consent/>", "application/fhir+xml", 415),
        (b" " * (1024 * 1024 + 1), "application/fhir+json", 413),
    ],
)
async def test_what_is_no_consent_at_all(door: Door, content: bytes, kind: str, status: int) -> None:
    answer = await door.ask("POST", "Consent", content=content, headers={"Content-Type": kind})

    assert answer.status_code == status
    assert answer.json()["resourceType"] == "OperationOutcome"


async def test_a_representative_answers_by_an_authority(door: Door) -> None:
    resource = consent(performer=[{"reference": "RelatedPerson/rp-1"}])
    refused = await door.post(resource)
    resource["performer"][0]["extension"] = [{"url": url("representative-authority"), "valueString": "health care proxy"}]
    taken = await door.post(resource)

    assert (refused.status_code, taken.status_code) == (422, 201)
    assert taken.json()["performer"][0]["reference"].endswith("/RelatedPerson/rp-1")
    state = door.rows(
        "SELECT data::jsonb ->> 'consenting_party' AS party, data::jsonb ->> 'authority' AS by FROM journal WHERE status IS NULL"
    )
    assert state == [{"party": "representative", "by": "health care proxy"}]
