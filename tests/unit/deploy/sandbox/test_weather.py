"""Simulated weather: each answer on request, once, and only at an EHR that was started for it."""

import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from deploy.sandbox.weather import ANSWERS


async def forecast(app: Any, at: str, answer: str, **more: Any) -> None:
    told = await app.ehr.http.post("/control/weather", json={"at": at, "answer": answer, **more})
    assert told.status_code == 201


OAUTH_ERRORS = {at: [one for one in ANSWERS[at] if "_" in one and one.split("_")[0] not in ("wrong", "no")] for at in ANSWERS}


@pytest.mark.parametrize("error", OAUTH_ERRORS["authorize"])
async def test_authorize_answers_with_the_error_once(app: Any, error: str) -> None:
    await forecast(app, "authorize", error)
    launch = await app.launch()
    answer = await app.authorize(launch)
    assert (answer["error"], answer["state"], answer["iss"]) == (error, "s" * 22, "https://ehr.test/auth")
    assert "code" in await app.authorize(launch)


@pytest.mark.parametrize(("fault", "changed"), [("wrong_iss", "iss"), ("no_iss", "iss"), ("wrong_state", "state")])
async def test_authorize_answers_with_one_thing_wrong(app: Any, fault: str, changed: str) -> None:
    await forecast(app, "authorize", fault)
    answer, right = await app.authorize(), await app.authorize()
    assert "code" in answer
    assert {name for name in right if answer.get(name) != right[name]} == {"code", changed}


@pytest.mark.parametrize("error", OAUTH_ERRORS["token"])
async def test_a_code_is_answered_with_the_error_and_stays_good(app: Any, error: str) -> None:
    await forecast(app, "token", error)
    code = (await app.authorize())["code"]
    answer = await app.exchange(code)
    status = {"invalid_client": 401, "server_error": 500, "temporarily_unavailable": 503}.get(error, 400)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert (await app.exchange(code)).status_code == 200


@pytest.mark.parametrize(("fault", "missing"), [("no_patient", "patient"), ("no_id_token", "id_token")])
async def test_a_token_answer_lacks_one_thing(app: Any, fault: str, missing: str) -> None:
    await forecast(app, "token", fault)
    answer, right = await app.tokens(), await app.tokens()
    assert set(right) - set(answer) == {missing}


@pytest.mark.parametrize("wrong", ANSWERS["id_token"])
async def test_an_id_token_is_wrong_in_one_way(app: Any, wrong: str) -> None:
    keys = KeySet.import_key_set((await app.ehr.http.get("/auth/jwks")).json())
    right = jwt.decode((await app.tokens())["id_token"], keys, algorithms=["RS256"])
    await forecast(app, "id_token", wrong)
    token = (await app.tokens())["id_token"]
    if wrong in ("sig", "kid", "alg"):
        with pytest.raises((JoseError, ValueError)):
            jwt.decode(token, keys, algorithms=["RS256"])
        return
    spoilt = jwt.decode(token, keys, algorithms=["RS256"])
    assert spoilt.header == right.header
    changed = {name for name, value in spoilt.claims.items() if right.claims.get(name) != value}
    assert changed == {"azp": {"aud", "azp"}, "exp": {"exp", "iat"}}.get(wrong, {wrong})
    assert (await app.tokens())["id_token"] != token


@pytest.mark.parametrize("error", OAUTH_ERRORS["refresh"])
async def test_a_refresh_is_answered_with_the_error(app: Any, error: str) -> None:
    body = await app.tokens(scope="launch online_access")
    await forecast(app, "refresh", error)
    assert (await app.refresh(body["refresh_token"])).json()["error"] == error
    assert (await app.refresh(body["refresh_token"])).status_code == 200


async def test_an_ehr_may_not_rotate(app: Any) -> None:
    body = await app.tokens(scope="launch online_access")
    await forecast(app, "refresh", "no_rotation", times=2)
    for _ in range(2):
        answer = await app.refresh(body["refresh_token"])
        assert (answer.status_code, "refresh_token" in answer.json()) == (200, False)


@pytest.mark.parametrize("status", [one for one in ANSWERS["fhir"] if one.isdecimal()])
async def test_reads_of_a_user_fail_and_a_backends_do_not(app: Any, status: str) -> None:
    token = (await app.tokens())["access_token"]
    await forecast(app, "fhir", status)
    assert (await app.ehr.http.get("/fhir/R4/Patient", headers=await app.ehr.bearer())).status_code == 200
    answer = await app.read(token, "Patient/p")
    assert (answer.status_code, answer.json()["resourceType"]) == (int(status), "OperationOutcome")
    assert ("retry-after" in answer.headers) == (status in ("429", "503"))
    assert (await app.read(token, "Patient/p")).status_code == 200


async def test_a_slow_answer_waits_and_is_right(app: Any) -> None:
    await forecast(app, "token", "slow", seconds=0.05)
    code = (await app.authorize())["code"]
    before = time.monotonic()
    assert (await app.exchange(code)).status_code == 200
    assert time.monotonic() - before >= 0.05


async def test_a_rotated_key_signs_and_the_old_one_stays_published(app: Any) -> None:
    old = KeySet.import_key_set((await app.ehr.http.get("/auth/jwks")).json())
    before = (await app.tokens())["id_token"]
    assert (await app.ehr.http.post("/control/rotate-keys")).status_code == 204
    after = (await app.tokens())["id_token"]
    both = KeySet.import_key_set((await app.ehr.http.get("/auth/jwks")).json())
    assert len(both.keys) == 2
    for token in (before, after):
        assert jwt.decode(token, both, algorithms=["RS256"]).claims["aud"] == "reader"
    with pytest.raises((JoseError, ValueError)):
        jwt.decode(after, old, algorithms=["RS256"])


async def test_faults_are_met_in_order_and_can_be_called_off(app: Any) -> None:
    for error in ("access_denied", "server_error", "invalid_scope"):
        await forecast(app, "authorize", error)
    launch = await app.launch()
    assert [(await app.authorize(launch))["error"] for _ in range(2)] == ["access_denied", "server_error"]
    waiting = (await app.ehr.http.get("/control/weather")).json()
    assert waiting == [{"at": "authorize", "answer": "invalid_scope", "times": 1, "seconds": 2.0}]
    assert (await app.ehr.http.delete("/control/weather")).status_code == 204
    assert "code" in await app.authorize(launch)


@pytest.mark.parametrize(
    "body",
    [
        {"at": "authorize", "answer": "sunshine"},
        {"at": "nowhere", "answer": "slow"},
        {"at": "token", "answer": "slow", "seconds": 61},
        {"at": "token", "answer": "slow", "seconds": 0},
        {"at": "token", "answer": "server_error", "times": 0},
        {"at": "token", "answer": "server_error", "often": 2},
        {"at": "token"},
    ],
)
async def test_weather_that_there_is_not_is_refused(app: Any, body: dict[str, Any]) -> None:
    assert (await app.ehr.http.post("/control/weather", json=body)).status_code == 400
    assert (await app.ehr.http.get("/control/weather")).json() == []


async def test_without_the_flag_there_is_no_control(make_app: Any) -> None:
    app = make_app()
    for path in ("/control/weather", "/control/rotate-keys"):
        assert (await app.ehr.http.post(path, json={})).status_code == 404
