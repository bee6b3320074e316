"""The FHIR side: versions, ETags, scopes, refusals as OperationOutcome, pages to the end."""

from typing import Any

import pytest

BASE = "https://ehr.test/fhir/R4"
FHIR = {"Content-Type": "application/fhir+json"}


def plan(**more: Any) -> dict[str, Any]:
    return {"resourceType": "CarePlan", "status": "active", "intent": "plan", "subject": {"reference": "Patient/p"}, **more}


async def test_metadata_and_discovery_are_open_and_agree_with_the_routes(ehr: Any) -> None:
    statement = (await ehr.http.get("/fhir/R4/metadata")).json()
    assert (statement["fhirVersion"], statement["implementation"]["url"]) == ("4.0.1", BASE)
    types = {one["type"]: {param["name"] for param in one["searchParam"]} for one in statement["rest"][0]["resource"]}
    assert len(types) == 14
    assert {"patient", "status", "type", "date"} <= types["EpisodeOfCare"] | types["Encounter"]
    found = (await ehr.http.get("/fhir/R4/.well-known/smart-configuration")).json()
    assert found["token_endpoint"] == "https://ehr.test/auth/token"
    assert found["token_endpoint_auth_signing_alg_values_supported"] == ["RS384", "ES384"]
    assert (found["issuer"], found["authorization_endpoint"]) == ("https://ehr.test/auth", "https://ehr.test/auth/authorize")
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert {"launch-ehr", "sso-openid-connect", "context-ehr-patient", "permission-user"} <= set(found["capabilities"])
    at_issuer = (await ehr.http.get("/auth/.well-known/openid-configuration")).json()
    assert found.items() <= at_issuer.items()
    assert at_issuer["id_token_signing_alg_values_supported"] == ["RS256"]


async def test_apps_of_the_browser_may_ask_the_endpoints_and_never_open_charts(ehr: Any) -> None:
    asked = {"Origin": "https://app.test", "Access-Control-Request-Method": "GET"}
    asked["Access-Control-Request-Headers"] = "authorization"
    for path in ("/fhir/R4/Patient/p", "/auth/token"):
        assert (await ehr.http.options(path, headers=asked)).headers["access-control-allow-origin"] == "*"
    refused = await ehr.http.get("/fhir/R4/Patient/p", headers={"Origin": "https://app.test"})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, "*")
    opened = await ehr.http.get("/", headers={"Origin": "https://app.test"})
    assert "access-control-allow-origin" not in opened.headers


async def test_create_read_update_vread(ehr: Any) -> None:
    headers = await ehr.bearer()
    made = await ehr.http.post("/fhir/R4/CarePlan", json=plan(id="mine", title="one"), headers=headers | FHIR)
    key = made.json()["id"]
    assert made.status_code == 201
    assert key != "mine"
    assert made.headers["location"] == f"{BASE}/CarePlan/{key}/_history/1"
    assert made.headers["etag"] == 'W/"1"'
    changed = await ehr.http.put(
        f"/fhir/R4/CarePlan/{key}", json=plan(id=key, title="two"), headers=headers | FHIR | {"If-Match": 'W/"1"'}
    )
    assert (changed.status_code, changed.headers["etag"]) == (200, 'W/"2"')
    late = await ehr.http.put(f"/fhir/R4/CarePlan/{key}", json=plan(id=key), headers=headers | FHIR | {"If-Match": 'W/"1"'})
    assert (late.status_code, late.json()["resourceType"]) == (412, "OperationOutcome")
    now = await ehr.http.get(f"/fhir/R4/CarePlan/{key}", headers=headers)
    assert (now.json()["title"], now.json()["meta"]["versionId"]) == ("two", "2")
    then = await ehr.http.get(f"/fhir/R4/CarePlan/{key}/_history/1", headers=headers)
    assert then.json()["title"] == "one"
    assert (await ehr.http.get(f"/fhir/R4/CarePlan/{key}/_history/3", headers=headers)).status_code == 404


async def test_decimals_come_back_as_they_were_written(ehr: Any) -> None:
    headers = await ehr.bearer()
    body = b'{"resourceType":"CarePlan","extension":[{"url":"https://x.test/d","valueDecimal":105.00}]}'
    made = await ehr.http.post("/fhir/R4/CarePlan", content=body, headers=headers | FHIR)
    assert b'"valueDecimal":105.00}' in made.content


REFUSED: list[tuple[str, str, bytes, dict[str, str], int]] = [
    ("POST", "CarePlan", b"{", FHIR, 400),
    ("POST", "CarePlan", b"[]", FHIR, 400),
    ("POST", "CarePlan", b'{"resourceType":"Patient"}', FHIR, 400),
    ("POST", "CarePlan", b'{"resourceType":"CarePlan","meta":1}', FHIR, 400),
    ("POST", "CarePlan", b"<CarePlan/>", {"Content-Type": "application/fhir+xml"}, 415),
    ("PUT", "CarePlan/unknown", b'{"resourceType":"CarePlan","id":"unknown"}', FHIR, 405),
    ("GET", "Claim", b"", {}, 404),
    ("GET", "CarePlan/unknown", b"", {}, 404),
    ("DELETE", "CarePlan/unknown", b"", {}, 405),
    ("POST", "Patient", b'{"resourceType":"Patient"}', FHIR, 403),
    ("GET", "Coverage?patient=p", b"", {}, 403),
    ("GET", "Encounter/e", b"", {}, 403),
    ("GET", "Condition?code:in=x", b"", {}, 400),
    ("GET", "CarePlan?date=yesterday", b"", {}, 400),
    ("GET", "Patient?shoe=9", b"", {"Prefer": "handling=strict"}, 400),
    ("GET", "Patient?_count=many", b"", {}, 400),
]


@pytest.mark.parametrize(("method", "path", "body", "more", "status"), REFUSED)
async def test_refusals_are_operation_outcomes(
    ehr: Any, method: str, path: str, body: bytes, more: dict[str, str], status: int
) -> None:
    answer = await ehr.http.request(method, f"/fhir/R4/{path}", content=body, headers=await ehr.bearer() | more)
    assert answer.status_code == status
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert answer.headers["content-type"] == "application/fhir+json"


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer guess"}, {"Authorization": "Basic cmVhZGVyOg=="}])
async def test_nothing_is_read_without_a_token(ehr: Any, header: dict[str, str]) -> None:
    for path in ("Patient", "Patient/p", "Patient/p/_history/1", "Claim"):
        answer = await ehr.http.get(f"/fhir/R4/{path}", headers=header)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json()["issue"][0]["code"] == "login"


async def test_pages_show_every_resource_once(ehr: Any) -> None:
    for number in range(23):
        ehr.store.put("Patient", f"p{number}", {"resourceType": "Patient"})
    headers, seen, url, pages = await ehr.bearer(), [], f"{BASE}/Patient?_count=5&shoe=9", 0
    while url:
        page = (await ehr.http.get(url, headers=headers)).json()
        links = {link["relation"]: link["url"] for link in page["link"]}
        assert (page["total"], "shoe" in links["self"]) == (23, False)
        seen += [entry["resource"]["id"] for entry in page.get("entry", [])]
        url, pages = links.get("next", ""), pages + 1
        if pages == 2:
            ehr.store.put("Patient", "p22", {"resourceType": "Patient", "active": True})
    assert (sorted(seen), pages) == (sorted(f"p{number}" for number in range(23)), 5)


async def test_a_search_may_be_posted_and_counted(ehr: Any) -> None:
    for number in range(3):
        condition = {"resourceType": "Condition", "subject": {"reference": f"Patient/p{number % 2}"}}
        ehr.store.put("Condition", f"c{number}", condition)
    headers = await ehr.bearer()
    found = (await ehr.http.post("/fhir/R4/Condition/_search", data={"patient": "p0"}, headers=headers)).json()
    assert [entry["fullUrl"] for entry in found["entry"]] == [f"{BASE}/Condition/c0", f"{BASE}/Condition/c2"]
    counted = (await ehr.http.get("/fhir/R4/Condition?_count=0", headers=headers)).json()
    assert (counted["total"], "entry" in counted) == (3, False)
    wrong = await ehr.http.post("/fhir/R4/Condition/_search", json={"patient": "p0"}, headers=headers)
    assert wrong.status_code == 415


async def test_a_conditional_create_keeps_one(ehr: Any) -> None:
    headers = await ehr.bearer() | FHIR
    body = plan(identifier=[{"system": "urn:x", "value": "1"}])

    async def create(query: str) -> Any:
        return await ehr.http.post("/fhir/R4/CarePlan", json=body, headers=headers | {"If-None-Exist": query})

    made, again = await create("identifier=urn%3Ax%7C1"), await create("identifier=urn:x|1")
    assert (made.status_code, again.status_code) == (201, 200)
    assert (again.json(), again.headers["etag"]) == (made.json(), 'W/"1"')
    assert (await create("identifier=urn:x|2")).status_code == 201
    assert (await create("status=active")).status_code == 412
    for wrong in ("unheard=of", "_count=1", ""):
        assert (await create(wrong)).status_code == 400
    assert len((await ehr.http.get("/fhir/R4/CarePlan", headers=headers)).json()["entry"]) == 2
