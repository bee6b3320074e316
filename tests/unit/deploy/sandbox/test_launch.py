"""The authorization endpoint: what it asks of a request, where it leads, how long handles live (standards 1.1, 1.10)."""

from datetime import timedelta
from typing import Any

import pytest

ISSUER = "https://ehr.test/auth"


async def test_a_right_request_leads_back_with_a_code_the_state_and_the_issuer(app: Any) -> None:
    answer = await app.authorize(state="kept as it is &=+é")
    assert set(answer) == {"code", "state", "iss"}
    assert (answer["state"], answer["iss"]) == ("kept as it is &=+é", ISSUER)
    assert len(answer["code"]) >= 32


async def test_a_request_may_be_posted(app: Any) -> None:
    request = await app.request()
    answer = await app.ehr.http.post("/auth/authorize", data=request)
    assert (answer.status_code, answer.headers["cache-control"]) == (303, "no-store")
    assert "code=" in answer.headers["location"]
    assert (await app.ehr.http.post("/auth/authorize", json=request)).status_code == 400


REFUSED: dict[str, tuple[dict[str, str | None], str]] = {
    "another response type": ({"response_type": "token"}, "unsupported_response_type"),
    "no response type": ({"response_type": None}, "unsupported_response_type"),
    "no state": ({"state": None}, "invalid_request"),
    "empty state": ({"state": ""}, "invalid_request"),
    "no aud": ({"aud": None}, "invalid_request"),
    "aud with a slash": ({"aud": "https://ehr.test/fhir/R4/"}, "invalid_request"),
    "aud of another EHR": ({"aud": "https://other.test/fhir/R4"}, "invalid_request"),
    "no challenge": ({"code_challenge": None}, "invalid_request"),
    "a short challenge": ({"code_challenge": "c" * 42}, "invalid_request"),
    "plain": ({"code_challenge_method": "plain"}, "invalid_request"),
    "no method": ({"code_challenge_method": None}, "invalid_request"),
    "no launch": ({"launch": ""}, "invalid_request"),
    "an unknown launch": ({"launch": "guess"}, "invalid_request"),
    "no scope": ({"scope": None}, "invalid_scope"),
    "no scope launch": ({"scope": "openid fhirUser patient/Patient.r"}, "invalid_scope"),
}


@pytest.mark.parametrize(("changes", "error"), REFUSED.values(), ids=REFUSED.keys())
async def test_wrong_requests_lead_back_with_an_error(app: Any, changes: dict[str, str | None], error: str) -> None:
    answer = await app.authorize(**changes)
    assert (answer["error"], answer["iss"]) == (error, ISSUER)
    assert answer.get("state") == changes.get("state", "s" * 22)
    assert "code" not in answer


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "stranger"},
        {"client_id": None},
        {"redirect_uri": None},
        {"redirect_uri": "https://app.test/callback/"},
        {"redirect_uri": "https://app.test/callback?more=1"},
        {"redirect_uri": "https://evil.test/callback"},
    ],
)
async def test_nothing_is_led_to_an_address_that_is_not_registered(app: Any, changes: dict[str, str | None]) -> None:
    answer = await app.ehr.http.get("/auth/authorize", params=await app.request(**changes))
    assert (answer.status_code, "location" in answer.headers) == (400, False)
    assert answer.headers["content-type"].startswith("text/html")


async def test_a_doubled_parameter_is_refused(app: Any) -> None:
    request = [*(await app.request()).items(), ("redirect_uri", "https://app.test/other")]
    assert (await app.ehr.http.get("/auth/authorize", params=request)).status_code == 400


async def test_a_handle_serves_one_code(app: Any) -> None:
    launch = await app.launch()
    assert (await app.authorize(launch, aud="https://other.test"))["error"] == "invalid_request"
    assert "code" in await app.authorize(launch)
    assert (await app.authorize(launch))["error"] == "invalid_request"


async def test_a_handle_is_for_the_app_that_was_opened(app: Any) -> None:
    launch = await app.launch()
    assert (await app.authorize(launch, client_id="other"))["error"] == "invalid_request"
    assert "code" in await app.authorize(await app.launch(app="other"), client_id="other")


async def test_a_handle_ends_after_five_minutes(app: Any) -> None:
    launches = [await app.launch(), await app.launch()]
    app.ehr.clock[0] += timedelta(seconds=299)
    assert "code" in await app.authorize(launches[0])
    app.ehr.clock[0] += timedelta(seconds=1)
    assert (await app.authorize(launches[1]))["error"] == "invalid_request"


async def test_an_address_with_a_query_keeps_it(make_app: Any) -> None:
    app = make_app(redirect_uris=("https://app.test/callback?tenant=1",), launch_url="https://app.test/launch?tenant=1")
    assert (await app.opened()).startswith("https://app.test/launch?tenant=1&iss=https%3A%2F%2Fehr.test%2Ffhir%2FR4&launch=")
    request = await app.request(redirect_uri="https://app.test/callback?tenant=1")
    answer = await app.ehr.http.get("/auth/authorize", params=request)
    assert answer.headers["location"].startswith("https://app.test/callback?tenant=1&code=")
