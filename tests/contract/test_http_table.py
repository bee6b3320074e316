"""HTTP as standards.md 3.1 has it, cut by integration.md 4: negotiation, methods, conditions, errors (requirement 26)."""

from typing import Any

import httpx
import pytest

from tests.contract.asking import KINDS, WRITTEN, ask, body, made, own, refused
from tests.security.place import ALL_SCOPES, Place

pytestmark = pytest.mark.requirement("standards-26")

MEDIA = "application/fhir+json; charset=utf-8; fhirVersion=4.0"
kinds = pytest.mark.parametrize("kind", KINDS)
written = pytest.mark.parametrize("kind", WRITTEN)


@kinds
@pytest.mark.parametrize(
    "accept",
    [None, "*/*", "application/fhir+json", "application/json", "application/fhir+json; charset=utf-8", "text/html, */*;q=0.1",
     "application/fhir+json; fhirVersion=4.0", "application/*", "APPLICATION/JSON"],
)  # fmt: skip
async def test_what_a_client_may_accept(place: Place, kind: str, accept: str | None) -> None:
    answer = await ask(place, "GET", own(place, kind), headers={"Accept": accept or ""})
    assert (answer.status_code, answer.headers["content-type"]) == (200, MEDIA)


@kinds
@pytest.mark.parametrize("format_", ["json", "application/json", "application/fhir+json", "application/fhir%2Bjson"])
async def test_the_format_parameter_stands_over_accept(place: Place, kind: str, format_: str) -> None:
    for path in (f"{own(place, kind)}?_format={format_}", f"{kind}?patient=pat-north-1&_format={format_}"):
        assert (await ask(place, "GET", path, headers={"Accept": "text/html"})).status_code == 200, path


@kinds
async def test_what_is_not_json_is_not_acceptable(place: Place, kind: str) -> None:
    for headers in ({"Accept": "application/fhir+xml"}, {"Accept": "text/html"}, {"Accept": "text/turtle, application/xml"}):
        assert refused(await ask(place, "GET", own(place, kind), headers=headers), 406, "not-supported")
    for format_ in ("xml", "application/fhir+xml", "ttl", "html", ""):
        assert refused(await ask(place, "GET", f"{own(place, kind)}?_format={format_}"), 406)


@written
@pytest.mark.parametrize(
    "content_type",
    ["application/fhir+json", "application/json", "application/fhir+json; charset=utf-8", "application/json;charset=UTF-8",
     'application/fhir+json; charset="utf-8"', "application/fhir+json; fhirVersion=4.0", "Application/FHIR+JSON"],
)  # fmt: skip
async def test_what_a_body_may_be(place: Place, kind: str, content_type: str) -> None:
    answer = await ask(place, "POST", kind, json=body(kind), headers={"Content-Type": content_type})
    assert answer.status_code == 201, answer.text


@written
@pytest.mark.parametrize(
    "content_type",
    ["application/fhir+xml", "text/plain", "", "application/fhir+json; charset=latin-1", "application/fhir+json; fhirVersion=3.0",
     "multipart/form-data", "application/x-www-form-urlencoded", "application/json-patch+json"],
)  # fmt: skip
async def test_what_a_body_may_not_be(place: Place, kind: str, content_type: str) -> None:
    for method, path in (("POST", kind), ("PUT", own(place, kind))):
        answer = await ask(place, method, path, json=body(kind), headers={"Content-Type": content_type, "If-Match": 'W/"1"'})
        assert refused(answer, 415, "not-supported")


@kinds
async def test_head_is_get_without_a_body(place: Place, kind: str) -> None:
    for path in (own(place, kind), f"{own(place, kind)}/_history", f"{kind}?patient=pat-north-1", f"{kind}/unknown"):
        got, head = [await ask(place, method, path) for method in ("GET", "HEAD")]
        kept = ("content-type", "content-length", "etag", "last-modified")
        assert [head.headers.get(name) for name in kept] == [got.headers.get(name) for name in kept]
        assert (head.status_code, head.content) == (got.status_code, b"")


@kinds
@pytest.mark.parametrize("method", ["DELETE", "PATCH", "FOO"])
async def test_methods_that_are_not_offered(place: Place, kind: str, method: str) -> None:
    one = await ask(place, method, own(place, kind))
    assert refused(one, 405, "not-supported")
    assert one.headers["allow"] == ("GET, HEAD" if kind == "ChargeItem" else "GET, HEAD, PUT")
    every = await ask(place, method, kind)
    assert refused(every, 405)
    assert every.headers["allow"] == ("GET, HEAD" if kind == "ChargeItem" else "GET, HEAD, POST")


async def test_nobody_writes_a_charge_but_billing(place: Place) -> None:
    for method, path in (("POST", "ChargeItem"), ("PUT", own(place, "ChargeItem")), ("POST", own(place, "ChargeItem"))):
        assert refused(await ask(place, method, path, json={"resourceType": "ChargeItem"}), 405)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "", 405),
        ("GET", "", 405),
        ("GET", "_history", 404),
        ("GET", "Consent/_history", 404),
        ("GET", "Task/_history", 404),
        ("GET", "Patient/1", 404),
        ("POST", "Subscription", 404),
        ("GET", "$export", 404),
        ("GET", "AuditEvent", 404),
        ("GET", "ChargeItemDefinition", 404),
        ("GET", "consent", 404),
        ("GET", "Consent/x/y/z", 404),
    ],
)
async def test_what_is_not_offered_is_an_operation_outcome(place: Place, method: str, path: str, status: int) -> None:
    assert refused(await ask(place, method, path), status)


@written
async def test_a_created_resource_tells_where_it_is(place: Place, kind: str) -> None:
    sent = body(kind) | {"id": "mine", "meta": {"versionId": "7", "lastUpdated": "2020-01-01T00:00:00Z"}}
    answer = await ask(place, "POST", kind, json=sent)
    got = answer.json()
    base = "http://127.0.0.1:8080/t/north/fhir/R4"
    assert (answer.status_code, answer.headers["etag"], got["meta"]["versionId"]) == (201, 'W/"1"', "1")
    assert answer.headers["location"] == f"{base}/{kind}/{got['id']}/_history/1"
    assert got["id"] != "mine" and not got["meta"]["lastUpdated"].startswith("2020")
    assert answer.headers["last-modified"].endswith("GMT")
    read = await place.ask("GET", answer.headers["location"].removeprefix("http://127.0.0.1:8080"),
                           headers=place.tokens.bearer("north", ALL_SCOPES))  # fmt: skip
    assert read.json() == got


@written
async def test_a_conditional_create(place: Place, kind: str) -> None:
    sent = body(kind)
    system, value = sent["identifier"][0]["system"], sent["identifier"][0]["value"]
    condition = {"If-None-Exist": f"identifier={system}|{value}"}
    first = await ask(place, "POST", kind, json=sent, headers=condition)
    second = await ask(place, "POST", kind, json=sent, headers=condition)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"] and second.json()["meta"]["versionId"] == "1"
    third = await ask(place, "POST", kind, json=sent, headers=condition, scope=f"system/{kind}.c")
    assert refused(third, 403)
    assert refused(await ask(place, "POST", kind, json=sent, headers={"If-None-Exist": "status=active"}), 400)
    assert refused(await ask(place, "POST", kind, json=sent, headers={"If-None-Exist": "identifier=x|y"}), 422)


async def test_a_condition_that_more_than_one_fulfils(place: Place) -> None:
    first, second = await made(place, "Consent"), await made(place, "Consent")
    names = [one["identifier"][1] for one in (first, second)]
    both = body("Consent") | {"identifier": names}
    answer = await ask(
        place, "POST", "Consent", json=both, headers={"If-None-Exist": f"identifier={names[0]['system']}|{names[0]['value']}"}
    )
    assert refused(answer, 412)


@written
async def test_an_update_says_what_it_saw(place: Place, kind: str) -> None:
    now = await made(place, kind)
    path = f"{kind}/{now['id']}"
    assert refused(await ask(place, "PUT", path, json=now), 400, "required")
    for stale in ('W/"7"', '"x"', "*", ""):
        assert refused(await ask(place, "PUT", path, json=now, headers={"If-Match": stale}), 412, "conflict")
    other = await ask(place, "PUT", path, json=body(kind) | {"id": "other"}, headers={"If-Match": 'W/"1"'})
    assert refused(other, 400)
    unknown = body(kind) | {"id": "0199b7a0-0000-7000-8000-000000000000"}
    gone = await ask(place, "PUT", f"{kind}/{unknown['id']}", json=unknown, headers={"If-Match": 'W/"1"'})
    assert refused(gone, 405) and gone.headers["allow"] == "GET, HEAD"


@kinds
async def test_what_a_client_holds_is_not_sent_again(place: Place, kind: str) -> None:
    path = own(place, kind)
    got = await ask(place, "GET", path)
    tag = got.headers["etag"]
    for held in (tag, tag.removeprefix("W/"), f'W/"99", {tag}', "*"):
        answer = await ask(place, "GET", path, headers={"If-None-Match": held})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    since = {"If-Modified-Since": got.headers["last-modified"]}
    assert (await ask(place, "GET", path, headers=since)).status_code == 304
    for other in (
        {"If-None-Match": 'W/"99"'},
        {"If-Modified-Since": "Sat, 01 Jan 2000 00:00:00 GMT"},
        {"If-Modified-Since": "x"},
    ):
        assert (await ask(place, "GET", path, headers=other)).status_code == 200
    assert (await ask(place, "GET", path, headers=since | {"If-None-Match": 'W/"99"'})).status_code == 200


@written
async def test_what_a_client_prefers_to_get_back(place: Place, kind: str) -> None:
    answers = {
        wanted: await ask(place, "POST", kind, json=body(kind), headers={"Prefer": f"return={wanted}"})
        for wanted in ("minimal", "representation", "OperationOutcome")
    }
    assert [answer.status_code for answer in answers.values()] == [201, 201, 201]
    assert all(answer.headers["location"] and answer.headers["etag"] for answer in answers.values())
    assert answers["minimal"].content == b""
    assert answers["representation"].json()["resourceType"] == kind
    assert answers["OperationOutcome"].json()["resourceType"] == "OperationOutcome"


@kinds
async def test_unknown_parameters(place: Place, kind: str) -> None:
    lenient = await ask(place, "GET", f"{kind}?patient=pat-north-1&colour=blue")
    if kind == "ChargeItem":
        assert refused(lenient, 400)
    else:
        outcome = lenient.json()["entry"][-1]
        assert outcome["search"]["mode"] == "outcome" and outcome["resource"]["issue"][0]["severity"] == "warning"
        assert "colour" not in lenient.json()["link"][0]["url"]
    strict = await ask(place, "GET", f"{kind}?patient=pat-north-1&colour=blue", headers={"Prefer": "handling=strict"})
    assert refused(strict, 400)
    assert refused(await ask(place, "GET", f"{kind}?colour=blue"), 400)
    for path in (f"{kind}?patient:missing=true", f"{kind}?status:not=x", f"{kind}?_include=*", f"{kind}?_elements=id",
                 f"{kind}?patient.name=x", f"{kind}?_count=-1", f"{kind}?_sort=colour", f"{kind}?_lastUpdated=xx2020",
                 f"{kind}?_revinclude=AuditEvent:entity", f"{kind}?_after=x"):  # fmt: skip
        assert refused(await ask(place, "GET", path), 400), path


@kinds
async def test_a_form_searches_as_an_address_does(place: Place, kind: str) -> None:
    by_get = (await ask(place, "GET", f"{kind}?patient=pat-north-1&_count=5")).json()
    by_form = (await ask(place, "POST", f"{kind}/_search", data={"patient": "pat-north-1", "_count": "5"})).json()
    assert by_get["entry"] == by_form["entry"] and by_get["link"][0] == by_form["link"][0]
    mixed = await ask(place, "POST", f"{kind}/_search?patient=pat-north-2", data={"patient": "pat-north-1"})
    assert refused(mixed, 400)


async def test_a_feed_that_is_no_more_is_gone(place: Place) -> None:
    lost = await ask(place, "GET", "ChargeItem?-after=0199b7a0-0000-7000-8000-000000000000.5")
    assert refused(lost, 410, "deleted")


def _with(kind: str, **changes: Any) -> dict[str, Any]:
    return body(kind) | changes


@written
@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"colour": "blue"}, (400, 422)),
        ({"modifierExtension": [{"url": "https://x.example/m", "valueBoolean": True}]}, (422,)),
        ({"contained": [{"resourceType": "Patient", "id": "p"}]}, (422,)),
        ({"implicitRules": "https://x.example"}, (422,)),
        ({"text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml"><script>x</script></div>'}}, (422,)),
        ({"status": "draft"}, (422,)),
        ({"status": "nonsense"}, (400, 422)),
        ({"identifier": []}, (400,)),
        ({"language": ""}, (400,)),
        ({"resourceType": "Patient"}, (400, 422)),
    ],
    ids=["element", "modifier", "contained", "rules", "script", "draft", "code", "empty list", "empty text", "type"],
)
async def test_what_is_not_ours_is_refused(place: Place, kind: str, change: dict[str, Any], status: tuple[int, ...]) -> None:
    before = place.stored("consent", "timetrack")
    answer = await ask(place, "POST", kind, json=_with(kind, **change))
    assert answer.status_code in status and refused(answer, answer.status_code), answer.text
    assert place.stored("consent", "timetrack") == before


@written
async def test_large_and_deep_bodies(place: Place, kind: str) -> None:
    large = b'{"resourceType":"' + b"x" * 1_048_577 + b'"}'
    assert refused(await ask(place, "POST", kind, content=large), 413, "too-long")
    deep = b'{"a":' * 65 + b"1" + b"}" * 65
    assert refused(await ask(place, "POST", kind, content=deep), 400)

    async def chunks() -> Any:
        for _ in range(20):
            yield b"x" * 100_000

    assert refused(await ask(place, "POST", kind, content=chunks()), 413)


@kinds
async def test_errors_of_ours_say_nothing_of_theirs(place: Place, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    part = {"Consent": "consent", "Task": "timetrack", "ChargeItem": "billing"}[kind]

    class Broken:
        async def tenant(self, slug: str) -> None:
            raise RuntimeError(f"secret of {slug}")

    monkeypatch.setitem(place.apps[part].state._state, "registry", Broken())
    answer: httpx.Response = await ask(place, "GET", own(place, kind))
    assert refused(answer, 500, "exception")
    assert "secret" not in answer.text and "Traceback" not in answer.text


async def test_security_headers(place: Place) -> None:
    for answer in (
        await ask(place, "GET", own(place, "Task")),
        await ask(place, "GET", "Task/x"),
        await ask(place, "PATCH", "Task"),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["strict-transport-security"].startswith("max-age=31536000")
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "server" not in answer.headers
