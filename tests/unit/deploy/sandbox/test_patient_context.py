"""A launched app reads what its scopes say: `patient/` keeps it to the launch's patient, `user/` to what the user may see."""

from typing import Any

import pytest

FHIR = {"Content-Type": "application/fhir+json"}
BOTH = "launch patient/*.rs patient/CarePlan.cu user/Practitioner.r user/Patient.s"


def plan(patient: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "CarePlan", "subject": {"reference": f"Patient/{patient}"}, **more}


READS = [
    ("Patient/p", 200),
    ("Patient/q", 403),
    ("Patient/p/_history/1", 200),
    ("Patient/q/_history/1", 403),
    ("Condition/cp", 200),
    ("Condition/cq", 403),
    ("Encounter/eq", 403),
    ("Condition/none", 404),
    ("Practitioner/w", 200),
    ("Practitioner", 403),
    ("Organization", 403),
]


@pytest.mark.parametrize(("path", "status"), READS)
async def test_reads_are_kept_to_the_patient(app: Any, path: str, status: int) -> None:
    answer = await app.read((await app.tokens(scope=BOTH))["access_token"], path)
    assert answer.status_code == status
    assert (answer.json()["resourceType"] == "OperationOutcome") == (status >= 400)


async def test_searches_find_only_the_patients_own(app: Any) -> None:
    token = (await app.tokens(scope=BOTH))["access_token"]
    for query in ("Condition", "Condition?patient=p", "Condition?subject=Patient/p", "Condition?_count=1"):
        body = (await app.read(token, query)).json()
        assert [entry["resource"]["id"] for entry in body["entry"]] == ["cp"]
        assert body["total"] == 1
    assert (await app.read(token, "Condition?patient=q")).json()["total"] == 0


async def test_a_users_scope_reaches_every_patient(app: Any) -> None:
    token = (await app.tokens(scope=BOTH))["access_token"]
    assert (await app.read(token, "Patient")).json()["total"] == 2
    menu = (await app.tokens(await app.launch("/menu"), scope="launch user/Patient.s"))["access_token"]
    assert (await app.read(menu, "Patient")).json()["total"] == 2
    assert (await app.read(menu, "Patient/p")).status_code == 403


async def test_writes_are_kept_to_the_patient(app: Any) -> None:
    bearer = {"Authorization": f"Bearer {(await app.tokens(scope=BOTH))['access_token']}"}
    http = app.ehr.http
    made = await http.post("/fhir/R4/CarePlan", json=plan("p"), headers=bearer | FHIR)
    key = made.json()["id"]
    assert made.status_code == 201
    assert (await http.post("/fhir/R4/CarePlan", json=plan("q"), headers=bearer | FHIR)).status_code == 403
    assert (await http.put(f"/fhir/R4/CarePlan/{key}", json=plan("q"), headers=bearer | FHIR)).status_code == 403
    app.ehr.store.put("CarePlan", "theirs", plan("q"))
    assert (await http.put("/fhir/R4/CarePlan/theirs", json=plan("p"), headers=bearer | FHIR)).status_code == 403
    assert (await http.put(f"/fhir/R4/CarePlan/{key}", json=plan("p", title="new"), headers=bearer | FHIR)).status_code == 200
    assert (await http.get("/fhir/R4/CarePlan/theirs", headers=await app.ehr.bearer("system/CarePlan.r"))).json()["subject"] == {
        "reference": "Patient/q"
    }


async def test_what_was_not_granted_is_refused(app: Any) -> None:
    token = (await app.tokens(scope="launch patient/Patient.r"))["access_token"]
    for path in ("Condition/cp", "Patient", "Practitioner/u"):
        answer = await app.read(token, path)
        assert answer.status_code == 403
        assert answer.headers["www-authenticate"] == 'Bearer error="insufficient_scope"'
