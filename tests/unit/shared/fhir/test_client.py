"""Reading an EHR: what is there, what is not, and what cannot be told apart from silence."""

import asyncio
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from shared.fhir.client import MOST_BYTES, MOST_PAGES, EhrRefused, EhrUnavailable, FhirClient, Found
from shared.fhir.json_text import dump

BASE = "https://ehr.example/fhir/R4"
COVERAGE = {
    "resourceType": "Coverage",
    "id": "c1",
    "meta": {"versionId": "3"},
    "beneficiary": {"reference": "Patient/p1"},
    "costToBeneficiary": [{"valueMoney": {"value": Decimal("105.00"), "currency": "USD"}}],
}


async def token() -> str:
    return "secret"


def client(answer: Callable[[httpx.Request], httpx.Response], **options: Any) -> FhirClient:
    http = httpx.AsyncClient(transport=httpx.MockTransport(answer), follow_redirects=True)
    return FhirClient(http, BASE + "/", token, **options)


def answering(body: Any, status: int = 200, **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    content = body if isinstance(body, bytes) else dump(body)
    return lambda request: httpx.Response(status, content=content, headers=headers)


def bundle(*resources: dict[str, Any], following: str | None = None) -> dict[str, Any]:
    links = [{"relation": "next", "url": following}] if following else []
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [{"resource": found} for found in resources],
        "link": [{"relation": "self", "url": f"{BASE}/Coverage"}, *links],
    }


async def test_reads_a_resource_with_version_and_digits() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, content=dump(COVERAGE))

    assert await client(answer).read("Coverage", "c1", patient="p1") == Found(COVERAGE, "3")
    assert str(asked[0].url) == f"{BASE}/Coverage/c1"
    assert asked[0].headers["authorization"] == "Bearer secret"
    assert asked[0].headers["accept"] == "application/fhir+json"


@pytest.mark.parametrize("status", [404, 410])
async def test_none_is_said_by_the_ehr_only(status: int) -> None:
    assert await client(answering({"resourceType": "OperationOutcome"}, status)).read("Coverage", "c1") is None
    with pytest.raises(EhrUnavailable):
        await client(answering({}, status)).search("Coverage", {"patient": "p1"})


@pytest.mark.parametrize("ident", ["", "a/b", "../Patient/p2", "a?x=1", "a" * 65])
async def test_what_is_no_id_is_not_asked_for(ident: str) -> None:
    assert await client(answering(b"", 500)).read("Coverage", ident) is None


@pytest.mark.parametrize(
    "answer",
    [
        answering(b"", 500),
        answering(b"", 401),
        answering(b"", 302, location=f"{BASE}/Coverage/c2"),
        answering(b"<html>", 200),
        answering(b"[]", 200),
        answering({**COVERAGE, "id": "c2"}),
        answering({**COVERAGE, "resourceType": "Patient"}),
        answering({**COVERAGE, "beneficiary": {"reference": "Patient/p2"}}),
        answering({**COVERAGE, "beneficiary": {"reference": "https://other.example/Patient/p1"}}),
        answering({"resourceType": "Coverage", "id": "c1"}),
        answering(b" " * (MOST_BYTES + 1)),
    ],
)
async def test_every_other_answer_is_none_at_all(answer: Callable[[httpx.Request], httpx.Response]) -> None:
    with pytest.raises(EhrUnavailable):
        await client(answer).read("Coverage", "c1", patient="p1")


async def test_a_patient_is_its_own() -> None:
    patient = {"resourceType": "Patient", "id": "p1"}
    assert await client(answering(patient)).read("Patient", "p1", patient="p1") == Found(patient, None)
    with pytest.raises(EhrUnavailable):
        await client(answering(patient)).read("Patient", "p1", patient="p2")


async def test_a_patient_may_lie_on_an_alias() -> None:
    elsewhere = {**COVERAGE, "beneficiary": {"reference": "https://alias.example/r4/Patient/p1"}}
    found = await client(answering(elsewhere), aliases=["alias.example"]).read("Coverage", "c1", patient="p1")
    assert found == Found(elsewhere, "3")


async def test_no_answer_is_no_answer() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(EhrUnavailable, match="ConnectError"):
        await client(answer).read("Coverage", "c1")


async def test_a_call_ends_in_time() -> None:
    class Silent(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"{"
            await asyncio.Event().wait()

    with pytest.raises(EhrUnavailable, match="too long"):
        await client(lambda request: httpx.Response(200, stream=Silent()), seconds=0.01).read("Coverage", "c1")


async def test_searches_to_the_last_page() -> None:
    asked: list[str] = []
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "processing"}]}

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        if request.url.params.get("page") is None:
            return httpx.Response(200, content=dump(bundle(COVERAGE, following="?page=2")))
        return httpx.Response(200, content=dump(bundle({**COVERAGE, "id": "c2"}, outcome)))

    found = await client(answer).search("Coverage", {"patient": "p1"}, patient="p1")
    assert [each.resource["id"] for each in found] == ["c1", "c2"]
    assert asked == [f"{BASE}/Coverage?patient=p1", f"{BASE}/Coverage?page=2"]


@pytest.mark.parametrize(
    "page",
    [
        bundle(COVERAGE, following="https://evil.example/Coverage?page=2"),
        bundle(COVERAGE, following="http://ehr.example/fhir/R4/Coverage?page=2"),
        bundle(COVERAGE, following="https://ehr.example@evil.example/"),
        bundle(COVERAGE, following="https://[broken"),
        bundle({**COVERAGE, "beneficiary": {"reference": "Patient/p2"}}),
        bundle({"resourceType": "Patient", "id": "p1"}),
        bundle({"resourceType": "Coverage"}),
        {**bundle(), "entry": [{"fullUrl": "x"}]},
        {**bundle(), "entry": {}},
        {**bundle(), "type": "batch-response"},
        COVERAGE,
    ],
)
async def test_a_result_is_whole_and_of_this_patient_or_nothing(page: dict[str, Any]) -> None:
    with pytest.raises(EhrUnavailable):
        await client(answering(page)).search("Coverage", {"patient": "p1"}, patient="p1")


async def test_pages_and_bytes_are_bounded() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request, padding: bytes = b"") -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, content=dump(bundle(COVERAGE, following="?page=2")) + padding)

    with pytest.raises(EhrUnavailable, match="pages"):
        await client(answer).search("Coverage", {})
    assert len(asked) == MOST_PAGES
    asked.clear()
    with pytest.raises(EhrUnavailable, match="larger"):
        await client(lambda request: answer(request, b" " * (MOST_BYTES // 2))).search("Coverage", {})
    assert len(asked) == 2


DOCUMENT = {
    "resourceType": "DocumentReference",
    "subject": {"reference": "Patient/p1"},
    "identifier": [{"system": "urn:x", "value": "1|é"}],
}
KEY = "urn:x|1|é"


def keeping(*answers: httpx.Response, kept: tuple[dict[str, Any], ...] = ()) -> tuple[FhirClient, list[httpx.Request]]:
    """Return a client of an EHR that finds `kept` in every search, and answers creates one after the other."""
    asked: list[httpx.Request] = []
    following = iter(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return next(following) if request.method == "POST" else httpx.Response(200, content=dump(bundle(*kept)))

    return client(answer), asked


def outcome(status: int, **issue: Any) -> httpx.Response:
    return httpx.Response(status, content=dump({"resourceType": "OperationOutcome", "issue": [issue]}))


async def test_creates_what_is_not_there() -> None:
    ehr, asked = keeping(httpx.Response(201, headers={"Location": f"{BASE}/DocumentReference/d7/_history/1"}))
    assert await ehr.create("DocumentReference", DOCUMENT, patient="p1", identifier=KEY) == "d7"
    looked, made = asked
    assert dict(looked.url.params) == {"patient": "p1", "identifier": KEY}
    assert made.headers["if-none-exist"] == "identifier=urn%3Ax%7C1%7C%C3%A9"
    assert made.headers["content-type"] == "application/fhir+json"
    assert made.content == dump(DOCUMENT)


async def test_creates_nothing_where_it_is_kept_already() -> None:
    other = {**DOCUMENT, "id": "d1", "identifier": [{"system": "urn:y", "value": "1|é"}]}
    ehr, asked = keeping(kept=(other, {**DOCUMENT, "id": "d2"}))
    assert await ehr.create("DocumentReference", DOCUMENT, patient="p1", identifier=KEY) == "d2"
    assert [request.method for request in asked] == ["GET"]


async def test_what_the_ehr_will_not_keep_is_refused_in_its_words() -> None:
    for given, words in (
        (outcome(422, code="invalid", details={"text": "type is not allowed"}), "422: type is not allowed"),
        (outcome(403, code="forbidden", diagnostics="x" * 900), f"403: {'x' * 300}"),
        (httpx.Response(400, content=b"<html>"), "400: it does not say why"),
        (outcome(412, code="multiple-matches"), "412: multiple-matches"),
    ):
        ehr, _ = keeping(given)
        with pytest.raises(EhrRefused) as refused:
            await ehr.create("DocumentReference", DOCUMENT, patient="p1", identifier=KEY)
        assert str(refused.value) == words


@pytest.mark.parametrize("status", [401, 429, 500, 503, 302])
async def test_an_ehr_that_gives_no_word_refuses_nothing(status: int) -> None:
    ehr, _ = keeping(httpx.Response(status))
    with pytest.raises(EhrUnavailable):
        await ehr.create("DocumentReference", DOCUMENT, patient="p1", identifier=KEY)


async def test_an_ehr_that_does_not_say_the_id_is_not_believed() -> None:
    ehr, _ = keeping(httpx.Response(201, content=dump({"resourceType": "OperationOutcome"})))
    with pytest.raises(EhrUnavailable):
        await ehr.create("DocumentReference", DOCUMENT, patient="p1", identifier=KEY)
