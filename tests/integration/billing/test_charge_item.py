"""ChargeItem as the outside reads it: integration.md 13.3, search, history, and the profile's words."""

from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.chargeitem import ChargeItem

from tests.fakes.tokens import PUBLIC_URL
from tests.fakes.world import EHR_BASE
from tests.integration.billing.conftest import ATTEST, BILL, Clinic, item


@pytest.fixture
async def charges(clinic: Clinic) -> dict[str, dict[str, Any]]:
    """The charges of a patient with 45 minutes, and of one with 25, by code and patient."""
    await clinic.enrol("p1", minutes=45)
    await clinic.enrol("p2", minutes=25)
    await clinic.assemble()
    await clinic.attest()
    return {f"{_patient(one)}/{one['code']['coding'][0]['code']}": one for one in await clinic.queue()}


def _patient(resource: dict[str, Any]) -> str:
    return str(resource["subject"]["reference"]).rsplit("/", 1)[-1]


def extensions(resource: dict[str, Any]) -> dict[str, Any]:
    """Return the extensions by the last step of their URL."""
    return {one["url"].rsplit("/", 1)[-1]: one for one in resource["extension"]}


async def test_a_charge_has_all_that_a_claim_needs(clinic: Clinic, charges: dict[str, dict[str, Any]]) -> None:
    base = charges["p1/99490"]
    ChargeItem.model_validate(base)
    found = extensions(base)
    assert base["identifier"] == [{"system": "https://careledger.example/fhir/sid/charge", "value": base["id"]}]
    assert base["code"] == {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "99490"}]}
    assert base["subject"]["reference"] == f"{EHR_BASE}/Patient/p1"
    assert base["subject"]["identifier"]["value"] == "MRN-p1"
    assert base["context"]["reference"] == f"{EHR_BASE}/EpisodeOfCare/p1-episode"
    assert base["performer"][0]["actor"]["identifier"]["value"] == "1245319599"
    assert base["performingOrganization"]["identifier"]["value"] == "1234567893"
    assert base["quantity"] == {"value": 1, "system": "http://unitsofmeasure.org", "code": "1"}
    assert [reason["coding"][0]["code"] for reason in base["reason"]] == ["E11.9", "I10"]
    assert base["enterer"]["reference"] == f"{EHR_BASE}/Practitioner/dr-ada"
    assert base["enteredDate"] == "2026-11-03T10:00:00-05:00"
    assert {one["reference"] for one in base["supportingInformation"]} == {"Consent/consent-p1", "Task/entry-p1-1"}
    assert found["service-month"]["valuePeriod"] == {"start": "2026-10-01", "end": "2026-10-31"}
    assert found["place-of-service"]["valueCoding"]["code"] == "11"
    assert found["billing-tin"]["valueString"] == "12-3456789"
    parts = {part["url"]: part for part in found["coverage"]["extension"]}
    assert parts["member-id"]["valueString"] == "MBI-p1" and parts["rank"]["valuePositiveInt"] == 1
    assert len(found["decision"]["valueString"]) >= 64
    assert "display" not in base["subject"] and "text" not in base
    added = charges["p1/99439"]
    assert added["partOf"] == [{"reference": f"ChargeItem/{base['id']}", "type": "ChargeItem"}]
    assert added["occurrenceDateTime"] == base["occurrenceDateTime"]


async def test_read_version_history_and_not_modified(clinic: Clinic, charges: dict[str, dict[str, Any]]) -> None:
    charge = charges["p2/99490"]
    await clinic.acknowledge(item(charge["id"], "billed", claim="C7"))
    read = await clinic.bill(f"ChargeItem/{charge['id']}")
    assert (read.headers["etag"], read.json()["status"]) == ('W/"2"', "billed")
    assert extensions(read.json())["claim"]["valueIdentifier"]["value"] == "C7"
    unchanged = await clinic.bill(f"ChargeItem/{charge['id']}", headers={"If-None-Match": 'W/"2"'})
    assert unchanged.status_code == 304
    first = await clinic.bill(f"ChargeItem/{charge['id']}/_history/1")
    assert first.json() == charge
    history = (await clinic.bill(f"ChargeItem/{charge['id']}/_history")).json()
    Bundle.model_validate(history)
    assert [entry["resource"]["meta"]["versionId"] for entry in history["entry"]] == ["2", "1"]
    for path in ("_history/3", "_history/x", "_history/01"):
        assert (await clinic.bill(f"ChargeItem/{charge['id']}/{path}")).status_code == 404
    assert (await clinic.bill("ChargeItem/nonsense")).status_code == 404


SEARCHES = [
    ("status=billable", {"p1/99490", "p1/99439", "p2/99490"}),
    ("status=billed", set()),
    ("status=http://hl7.org/fhir/chargeitem-status|billable&patient=p2", {"p2/99490"}),
    ("patient=Patient/p1", {"p1/99490", "p1/99439"}),
    (f"patient={EHR_BASE}/Patient/p1", {"p1/99490", "p1/99439"}),
    ("patient=https://other.example/fhir/Patient/p1", set()),
    ("patient:identifier=https://north.example/mrn|MRN-p2", {"p2/99490"}),
    ("patient:identifier=MRN-p2", {"p2/99490"}),
    ("code=99439", {"p1/99439"}),
    ("code=99439,99490&patient=p1", {"p1/99490", "p1/99439"}),
    ("code=http://www.ama-assn.org/go/cpt|99439", {"p1/99439"}),
    ("code=http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets|99439", set()),
    ("occurrence=2026-10-31", {"p1/99490", "p1/99439", "p2/99490"}),
    ("occurrence=2026-10", {"p1/99490", "p1/99439", "p2/99490"}),
    ("occurrence=gt2026-10-31", set()),
    ("occurrence=lt2026-10-31", set()),
    ("occurrence=ge2026-10-31", {"p1/99490", "p1/99439", "p2/99490"}),
    ("service-month=2026-10", {"p1/99490", "p1/99439", "p2/99490"}),
    ("service-month=2026-11", set()),
    ("service-month=ge2026-11", set()),
    ("service-month=le2026-10", {"p1/99490", "p1/99439", "p2/99490"}),
    ("entered-date=2026-11-03", {"p1/99490", "p1/99439", "p2/99490"}),
    ("entered-date=gt2026-11-03T15:00:00Z", set()),
    ("_lastUpdated=ge2026-11-03", {"p1/99490", "p1/99439", "p2/99490"}),
    ("context=EpisodeOfCare/p1-episode", {"p1/99490", "p1/99439"}),
    ("account=Account/a1", set()),
    ("identifier=https://careledger.example/fhir/sid/charge|nothing", set()),
]


@pytest.mark.parametrize(("query", "expected"), SEARCHES)
async def test_search(clinic: Clinic, charges: dict[str, dict[str, Any]], query: str, expected: set[str]) -> None:
    answer = await clinic.bill(f"ChargeItem?{query}")
    assert answer.status_code == 200, answer.text
    Bundle.model_validate(answer.json())
    found = [entry["resource"] for entry in answer.json().get("entry", [])]
    assert {f"{_patient(one)}/{one['code']['coding'][0]['code']}" for one in found} == expected
    form = await clinic.ask(
        "POST",
        "/fhir/R4/ChargeItem/_search",
        scope=BILL,
        content=query,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert form.json().get("entry") == answer.json().get("entry")


async def test_search_by_our_identifier_and_id(clinic: Clinic, charges: dict[str, dict[str, Any]]) -> None:
    ident = charges["p2/99490"]["id"]
    for query in (f"_id={ident}", f"identifier={ident}", f"identifier=https://careledger.example/fhir/sid/charge|{ident}"):
        found = (await clinic.bill(f"ChargeItem?{query}")).json()["entry"]
        assert [entry["resource"]["id"] for entry in found] == [ident]
        assert found[0]["fullUrl"] == f"{PUBLIC_URL}/t/north/fhir/R4/ChargeItem/{ident}"


@pytest.mark.parametrize("sort", ["_lastUpdated", "-_lastUpdated", "entered-date", "-entered-date"])
async def test_pages_hold_each_charge_once(clinic: Clinic, charges: dict[str, dict[str, Any]], sort: str) -> None:
    seen: list[str] = []
    url: str | None = f"/t/north/fhir/R4/ChargeItem?_count=1&_sort={sort}"
    while url is not None:
        answer = (await clinic.http.get(url, headers=clinic.tokens.bearer("north", BILL, client_id="biller"))).json()
        seen += [entry["resource"]["id"] for entry in answer["entry"]]
        url = next((link["url"] for link in answer["link"] if link["relation"] == "next"), None)
    assert sorted(seen) == sorted(one["id"] for one in charges.values())


@pytest.mark.parametrize(
    "query",
    [
        "colour=red",
        "status=billable&colour=red",
        "_include=ChargeItem:subject",
        "status:not=billed",
        "_sort=code",
        "occurrence=soon",
    ],
)
async def test_what_is_not_understood_is_a_400(clinic: Clinic, query: str) -> None:
    """An ignored filter on money is a wrong bill."""
    answer = await clinic.bill(f"ChargeItem?{query}")
    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"


async def test_reading_needs_its_scope_and_nobody_writes(clinic: Clinic, charges: dict[str, dict[str, Any]]) -> None:
    ident = charges["p2/99490"]["id"]
    assert (await clinic.ask("GET", f"/fhir/R4/ChargeItem/{ident}", scope=ATTEST)).status_code == 403
    assert (await clinic.ask("GET", "/fhir/R4/ChargeItem", scope="system/ChargeItem.r")).status_code == 403
    for method in ("PUT", "DELETE", "PATCH"):
        answer = await clinic.ask(method, f"/fhir/R4/ChargeItem/{ident}", scope=BILL, json=charges["p2/99490"])
        assert answer.status_code == 405
    assert (await clinic.ask("POST", "/fhir/R4/ChargeItem", scope=BILL, json=charges["p2/99490"])).status_code == 405


async def test_a_client_of_one_patient_sees_that_patient_only(clinic: Clinic, charges: dict[str, dict[str, Any]]) -> None:
    headers = clinic.tokens.bearer("north", BILL, client_id="biller", patient="p2")
    base = "/t/north/fhir/R4/ChargeItem"
    found = (await clinic.http.get(base, headers=headers)).json()["entry"]
    assert {_patient(entry["resource"]) for entry in found} == {"p2"}
    feed = (await clinic.http.get(f"{base}?-after=0", headers=headers)).json()["entry"]
    assert {_patient(entry["resource"]) for entry in feed} == {"p2"}
    assert (await clinic.http.get(f"{base}/{charges['p1/99490']['id']}", headers=headers)).status_code == 404
    assert (await clinic.http.get(f"{base}/{charges['p1/99490']['id']}/_history", headers=headers)).status_code == 404
    manifest = await clinic.http.get("/t/north/billing/months/2026-10/manifest", headers=headers)
    assert manifest.status_code == 403


async def test_another_practice_sees_nothing(clinic: Clinic, charges: dict[str, dict[str, Any]]) -> None:
    clinic.tenant = "south"
    assert (await clinic.bill("ChargeItem")).json().get("entry") is None
    assert (await clinic.bill("ChargeItem?-after=0")).json().get("entry") is None
    assert (await clinic.bill(f"ChargeItem/{charges['p1/99490']['id']}")).status_code == 404
