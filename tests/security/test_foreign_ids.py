"""A stranger's thing and one that never was answer alike, byte for byte (requirement 3), whatever the headers (requirement 6)."""

import ast
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
from starlette.types import Message

import shared
from tests.integration.consent.resources import with_reason
from tests.integration.timetrack.tasks import amended
from tests.security.place import ALL_SCOPES, NOW, Objects, Place, consent_of, task_of
from tests.security.principals import FIRST, FULL
from tests.security.test_matrix import routes_of, send

_REQUEST_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")

_TIMESTAMP = re.compile(r'"timestamp":"[^"]*",')


def _bare(answer: httpx.Response) -> tuple[int, list[tuple[bytes, bytes]], str]:
    """Return an answer without its request id and the ids that the request itself sent."""
    sent = str(answer.request.url)
    ids = set(re.findall(r"[0-9a-f-]{36}", sent))
    text = answer.text
    for ident in ids:
        text = text.replace(ident, "SENT")
    headers = [(name, value) for name, value in answer.headers.raw if name != b"x-request-id"]
    return answer.status_code, headers, _TIMESTAMP.sub("", _REQUEST_ID.sub("REQUEST", text))


@pytest.mark.requirement("standards-3")
async def test_foreign_and_unknown_things_answer_alike(place: Place) -> None:
    south, second = place.objects["south", "pat-south-1"], place.objects["north", "pat-north-2"]
    unknown = replace(south, **{name: str(uuid4()) for name in ("consent", "task", "charge", "timer", "review")})
    compared = 0
    for route in routes_of(place):
        if "_id}" not in route.path or route.example.absent is None:
            continue
        for principal, aim in ((FULL, south), (FIRST, second)):
            lost = replace(unknown, patient=aim.patient, nurse=aim.nurse)
            answers = [await send(place, route, principal, each) for each in (aim, lost)]
            assert _bare(answers[0]) == _bare(answers[1]), route.path
            compared += 1
    assert compared >= 40


@pytest.mark.requirement("standards-3")
async def test_foreign_and_unknown_practices_answer_alike(place: Place) -> None:
    own = place.objects["north", "pat-north-1"]
    for route in routes_of(place):
        if "{tenant}" not in route.path:
            continue
        answers = [await send(place, route, FULL, own, tenant=tenant) for tenant in ("south", "never", "asleep")]
        bare = []
        for answer, tenant in zip(answers, ("south", "never", "asleep"), strict=True):
            status, headers, text = _bare(answer)
            assert status == answers[0].status_code
            bare.append((status, [h for h in headers if h[0] != b"content-length"], text.replace(f"/t/{tenant}/", "/t/T/")))
        assert bare[0] == bare[1] == bare[2], route.path


@pytest.mark.requirement("standards-3")
async def test_they_run_the_same_statements(place: Place) -> None:
    south = place.objects["south", "pat-south-1"]
    unknown = replace(south, **{name: str(uuid4()) for name in ("consent", "task", "charge")})
    statements: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        statements.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        for route in routes_of(place):
            if route.method == "GET" and route.path.endswith(("{consent_id}", "{task_id}", "{charge_id}", "_history")):
                seen = []
                for aim in (south, unknown):
                    statements.clear()
                    await send(place, route, FULL, aim)
                    seen.append([text for text in statements if "registry" not in text])
                assert seen[0] == seen[1] != [], route.path
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)


def _hostile() -> Iterator[dict[str, str]]:
    rng = random.Random(8)
    hosts = [
        "evil.example",
        "api.example/public?x=",
        "127.0.0.1:8080/t/south",
        "[::1]",
        "",
        "a" * 300,
        "127.0.0.1@evil",
        "%2e%2e",
    ]
    names = ["X-Forwarded-Host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Prefix", "Forwarded", "X-Original-URL",
             "X-Rewrite-URL", "X-Real-IP", "X-HTTP-Method-Override", "X-Tenant", "X-Forwarded-Port"]  # fmt: skip
    values = [
        "/t/south/fhir/R4/Consent",
        "host=evil;proto=https",
        "127.0.0.1",
        "GET",
        "south",
        "https",
        "/internal/consent/metrics",
    ]
    for _ in range(200):
        headers = {rng.choice(names): rng.choice(values) for _ in range(rng.randint(1, 4))}
        yield headers | ({"Host": rng.choice(hosts)} if rng.random() < 0.7 else {})


@pytest.mark.requirement("standards-6")
async def test_no_header_but_the_token_decides(place: Place) -> None:
    own, foreign = place.objects["north", "pat-north-1"], place.objects["south", "pat-south-1"]
    routes = [route for route in routes_of(place) if route.method == "GET" and "{tenant}/" in route.path and route.example.absent]
    expected = {(r.part, r.path, aim.tenant): (await send(place, r, FULL, aim)) for r in routes for aim in (own, foreign)}
    for number, hostile in enumerate(_hostile()):
        route = routes[number % len(routes)]
        for aim in (own, foreign):
            principal = replace(FULL, headers=lambda tokens, extra=hostile: FULL.headers(tokens) | extra)
            answer = await send(place, route, principal, aim)
            plain = expected[route.part, route.path, aim.tenant]
            assert (answer.status_code, _REQUEST_ID.sub("", answer.text)) == (plain.status_code, _REQUEST_ID.sub("", plain.text))
            assert "evil" not in answer.text + str(answer.headers)


@pytest.mark.requirement("standards-6")
def test_no_code_decides_by_the_url_of_a_request() -> None:
    root, found = Path(shared.__file__).parents[1], []
    outgoing = root / "shared" / "ops" / "egress.py"  # its requests are those that we make
    for file in {*root.glob("services/**/*.py"), *root.glob("shared/**/*.py")} - {outgoing}:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            chain = isinstance(node, ast.Attribute) and node.attr in ("url", "base_url") and isinstance(node.value, ast.Name)
            if chain and isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "request":
                found.append(f"{file.relative_to(root)}:{node.lineno}")
    assert found == []


async def _change(place: Place, kind: str, body: dict[str, object], *, bound: bool = True) -> httpx.Response:
    claims = {"patient": "pat-north-1"} if bound else {}
    headers = place.tokens.bearer("north", ALL_SCOPES, **claims) | {"If-Match": 'W/"1"', "Content-Type": "application/fhir+json"}
    return await place.ask("PUT", f"/t/north/fhir/R4/{kind}/{body['id']}", headers=headers, json=body)


@pytest.mark.requirement("standards-5")
@pytest.mark.parametrize("bound", [True, False])
async def test_a_change_moves_nothing_to_another_patient(place: Place, bound: bool) -> None:
    fhir, before = "/t/north/fhir/R4", place.stored("consent", "timetrack")
    own: Objects = place.objects["north", "pat-north-1"]
    read = {kind: await place.expect(200, "GET", f"{fhir}/{kind}/{getattr(own, kind.lower())}", tenant="north")
            for kind in ("Consent", "Task")}  # fmt: skip
    consent = with_reason(read["Consent"], "moved", patient={"reference": "Patient/pat-north-2"})
    task = amended(read["Task"]) | {"for": {"reference": "Patient/pat-north-2"}}
    assert [
        (await _change(place, kind, body, bound=bound)).status_code for kind, body in (("Consent", consent), ("Task", task))
    ] == [
        422,
        422,
    ]
    assert place.stored("consent", "timetrack") == before


@pytest.mark.requirement("standards-5")
async def test_a_task_belongs_to_whom_it_is_for(place: Place) -> None:
    """R4's patient compartment does not know Task: a filter by compartment would show it to nobody, or to everybody."""
    own, other = place.objects["north", "pat-north-1"], place.objects["north", "pat-north-2"]
    headers = FIRST.headers(place.tokens)
    found = await place.ask("GET", "/t/north/fhir/R4/Task?_count=500", headers=headers)
    subjects = {entry["resource"]["for"]["reference"].rsplit("/", 1)[-1] for entry in found.json()["entry"]}
    read = [await place.ask("GET", f"/t/north/fhir/R4/Task/{one.task}", headers=headers) for one in (own, other)]
    assert (subjects, [answer.status_code for answer in read]) == ({"pat-north-1"}, [200, 404])


@pytest.mark.requirement("standards-1")
async def test_an_identifier_shows_no_other_patients_consent(place: Place) -> None:
    """If-None-Exist answers with what it finds: not with what another patient's principal may not see."""
    body = consent_of("north", "pat-north-1", "c-pat-north-2")
    headers = FIRST.headers(place.tokens) | {"Content-Type": "application/fhir+json"}
    condition = {"If-None-Exist": "identifier=https://ehr.example/consents|c-pat-north-2"}
    for extra in ({}, condition):
        answer = await place.ask("POST", "/t/north/fhir/R4/Consent", headers=headers | extra, json=body)
        assert (answer.status_code, "pat-north-2" in answer.text.replace("c-pat-north-2", "")) == (409, False)
    task = task_of("north", "pat-north-1", NOW)
    assert task["for"] == {"reference": "Patient/pat-north-1"}


@pytest.mark.requirement("standards-6")
async def test_an_address_is_read_as_it_came(place: Place) -> None:
    """Dots and doubled slashes reach no other route: nothing normalises an address after the proxy chose the part."""
    own = place.objects["south", "pat-south-1"]
    sent: list[Message] = []
    for path in (
        f"/t/north/fhir/R4/Task/../Consent/{own.consent}",
        f"/t/north/../south/fhir/R4/Consent/{own.consent}",
        f"/t/north//fhir/R4/Consent/{own.consent}",
        f"/t/north/fhir/R4/Consent/{own.consent}/",
        f"/t/south;x=/fhir/R4/Consent/{own.consent}",
    ):
        for part in ("consent", "timetrack", "billing", "access"):
            sent.clear()
            headers = [(b"authorization", FULL.headers(place.tokens)["Authorization"].encode())]
            scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"",
                     "headers": headers, "server": ("127.0.0.1", 80), "scheme": "http", "root_path": "",
                     "http_version": "1.1", "app": place.apps[part]}  # fmt: skip

            async def receive() -> Message:
                return {"type": "http.request", "body": b"", "more_body": False}

            async def send_back(message: Message) -> None:
                sent.append(message)

            await place.apps[part](scope, receive, send_back)
            assert sent[0]["status"] in (404, 405), (path, part)
            assert b"pat-south" not in b"".join(message.get("body", b"") for message in sent)
