"""The EHR as a CDS client, before a service that answers what a test wants."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.sandbox.clients import Client
from deploy.sandbox.ehr import create_ehr
from deploy.sandbox.smart import Settings
from deploy.sandbox.store import Store

pytestmark = pytest.mark.requirement("issue-11.2")

URL, BASE = "https://ehr.test", "https://advice.test/t/a/cds-services"
LAUNCH = "https://app.test/launch"
CARD: dict[str, Any] = {
    "uuid": "0f0e0d0c-0b0a-8908-8706-050403020101",
    "summary": "Consent ends <Nov 30>",
    "detail": "Nothing after\\. that \\<day\\>\n\n- one\n- two",
    "indicator": "warning",
    "source": {"label": "Careledger", "url": "https://source.test"},
    "overrideReasons": [{"system": "s", "code": "ask-later", "display": "Ask later"}],
    "links": [
        {"label": "Open the consent", "url": LAUNCH, "type": "smart", "appContext": '{"show": "consent"}'},
        {"label": "A stranger", "url": "https://evil.test/launch", "type": "smart"},
    ],
}


@dataclass
class Service:
    """The CDS service; keeps what it was asked, after verifying who asks."""

    status: int = 200
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    keys: dict[str, Any] = field(default_factory=dict)

    def app(self) -> Starlette:
        """Return it as an app."""
        path = urlsplit(BASE).path
        one = {"hook": "patient-view", "id": "x", "description": "d", "title": "t"}
        return Starlette(
            routes=[
                Route(path, lambda _: JSONResponse({"services": [one]})),
                Route(f"{path}/x", self.answer, methods=["POST"]),
                Route(f"{path}/x/feedback", self.answer, methods=["POST"]),
            ]
        )

    async def answer(self, request: Request) -> Response:
        """Answer a call."""
        token = request.headers["authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, KeySet.import_key_set(self.keys), algorithms=["ES384"]).claims
        assert claims["aud"] == f"https://advice.test{request.url.path}"
        assert (claims["iss"], claims["exp"] - claims["iat"]) == (f"{URL}/fhir/R4", 300)
        self.asked.append((request.url.path.rsplit("/", 1)[-1], await request.json()))
        return JSONResponse({"cards": [CARD]}, self.status)


@dataclass
class Chart:
    """The EHR and the service that it asks."""

    http: httpx.AsyncClient
    service: Service

    async def open(self, **query: str) -> str:
        """Return the chart's page."""
        page = await self.http.get("/chart/p", params={"user": "u"} | query)
        assert page.status_code == 200
        return page.text


@pytest.fixture
async def chart() -> AsyncIterator[Chart]:
    """A chart of the patient p, open for u."""
    service, store = Service(), Store(lambda: datetime(2026, 11, 3, tzinfo=UTC))
    store.put("Patient", "p", {"resourceType": "Patient", "id": "p", "name": [{"text": "Ada Test"}], "birthDate": "1950-01-01"})
    store.put("Practitioner", "u", {"resourceType": "Practitioner", "id": "u", "name": [{"text": "Nurse Test"}]})
    app = Client("app", ("launch",), jwks={"keys": []}, launch_url=LAUNCH, redirect_uris=("https://app.test/callback",))
    outward = httpx.AsyncClient(transport=httpx.ASGITransport(service.app()))
    ehr = create_ehr(store, Settings(URL, (app,), cds_services=BASE), http=outward)
    async with outward, httpx.AsyncClient(transport=httpx.ASGITransport(ehr), base_url=URL) as http:
        service.keys = (await http.get("/cds/jwks")).json()
        assert "d" not in service.keys["keys"][0]
        yield Chart(http, service)


async def test_an_opened_chart_asks_and_shows(chart: Chart) -> None:
    page = await chart.open()
    ((path, body),) = chart.service.asked
    assert (path, body["hook"], body["fhirServer"]) == ("x", "patient-view", f"{URL}/fhir/R4")
    assert body["context"] == {"userId": "Practitioner/u", "patientId": "p"}
    assert "Consent ends &lt;Nov 30&gt;" in page
    assert "Nothing after. that &lt;day&gt;" in page
    assert "A stranger" not in page


async def test_a_cards_link_opens_the_app_with_its_context(chart: Chart) -> None:
    found = re.search(r'href="(/chart/p\?[^"]*appContext[^"]*)"', await chart.open())
    assert found is not None
    query = dict(parse_qsl(urlsplit(found[1].replace("&amp;", "&")).query))
    assert (query["app"], json.loads(query["appContext"])) == ("app", {"show": "consent"})


async def test_a_card_set_aside_is_told(chart: Chart) -> None:
    form = {"card": CARD["uuid"], "reason": "s|ask-later"}
    answer = await chart.http.post("/chart/p/feedback?user=u", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/chart/p?user=u")
    ((path, body),) = chart.service.asked
    assert path == "feedback"
    (one,) = body["feedback"]
    assert (one["card"], one["outcome"]) == (CARD["uuid"], "overridden")
    assert one["overrideReason"] == {"reason": {"system": "s", "code": "ask-later"}}


async def test_a_service_that_fails_shows_no_card(chart: Chart) -> None:
    chart.service.status = 503
    page = await chart.open()
    assert "does not answer (503)" in page
    assert "Consent ends" not in page
