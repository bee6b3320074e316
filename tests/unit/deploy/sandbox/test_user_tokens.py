"""Codes become tokens once, for who asked for them; refresh tokens rotate, and one that comes twice ends its grant."""

from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from deploy.sandbox.launch import s256


async def id_claims(app: Any, token: str) -> dict[str, Any]:
    """Check an id_token by the published keys and return its claims."""
    found = (await app.ehr.http.get("/fhir/R4/.well-known/smart-configuration")).json()
    keys = KeySet.import_key_set((await app.ehr.http.get(found["jwks_uri"])).json())
    decoded = jwt.decode(token, keys, algorithms=["RS256"])
    assert decoded.header["kid"] == keys.keys[0].thumbprint()
    return dict(decoded.claims)


async def test_a_launch_gives_tokens_and_its_context(app: Any) -> None:
    launch = await app.launch(encounter="ep", intent="month-review")
    answer = await app.exchange(
        (await app.authorize(launch, scope="launch openid fhirUser online_access patient/Patient.r"))["code"]
    )
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    body = answer.json()
    tokens = {name: body.pop(name) for name in ("access_token", "refresh_token", "id_token")}
    assert all(tokens.values())
    assert body == {
        "token_type": "bearer",
        "expires_in": 3600,
        "scope": "launch openid fhirUser online_access patient/Patient.r",
        "patient": "p",
        "encounter": "ep",
        "intent": "month-review",
        "need_patient_banner": False,
    }


async def test_the_id_token_says_who_is_signed_in(app: Any) -> None:
    claims = await id_claims(app, (await app.tokens())["id_token"])
    moment = int(app.ehr.clock[0].timestamp())
    subject = claims.pop("sub")
    assert claims == {
        "iss": "https://ehr.test/auth",
        "aud": "reader",
        "nonce": "n" * 22,
        "fhirUser": "https://ehr.test/fhir/R4/Practitioner/u",
        "iat": moment,
        "exp": moment + 300,
    }
    assert (await id_claims(app, (await app.tokens())["id_token"]))["sub"] == subject
    other = await app.tokens(await app.launch(user="w"))
    assert (await id_claims(app, other["id_token"]))["sub"] != subject


async def test_what_was_not_asked_for_is_not_given(app: Any) -> None:
    body = await app.tokens(scope="launch openid", nonce=None)
    assert "refresh_token" not in body
    assert not {"nonce", "fhirUser"} & set(await id_claims(app, body["id_token"]))
    assert "id_token" not in await app.tokens(scope="launch patient/Patient.r")


async def test_scopes_of_v1_are_granted_in_their_own_words(app: Any) -> None:
    body = await app.tokens(scope="launch patient/Patient.read user/Practitioner.read user/Claim.read")
    assert body["scope"] == "launch patient/Patient.read user/Practitioner.r"


async def test_a_launch_without_a_patient_grants_nothing_about_one(app: Any) -> None:
    body = await app.tokens(await app.launch("/menu"), scope="launch patient/Patient.r patient/*.rs user/Practitioner.r")
    assert body["scope"] == "launch user/Practitioner.r"
    assert "patient" not in body


async def test_patient_scopes_are_for_types_of_a_patient(app: Any) -> None:
    body = await app.tokens(scope="launch patient/Practitioner.rs patient/Organization.r patient/Condition.rs")
    assert body["scope"] == "launch patient/Condition.rs"


async def test_a_launch_never_grants_what_is_for_backends_nor_the_reverse(app: Any) -> None:
    assert (await app.tokens(scope="launch system/Patient.rs"))["scope"] == "launch"
    answer = await app.ehr.token("launch openid user/Practitioner.r patient/Patient.r system/Patient.r")
    assert answer.json()["scope"] == "system/Patient.r"
    assert (await app.ehr.token("launch patient/Patient.r")).json()["error"] == "invalid_scope"


WRONG_EXCHANGES: dict[str, dict[str, str]] = {
    "another verifier": {"code_verifier": "w" * 43},
    "no verifier": {"code_verifier": ""},
    "the challenge as verifier": {"code_verifier": s256("v" * 43)},
    "another registered address": {"redirect_uri": "https://app.test/other"},
    "no address": {"redirect_uri": ""},
}


@pytest.mark.parametrize("changes", WRONG_EXCHANGES.values(), ids=WRONG_EXCHANGES.keys())
async def test_a_wrong_exchange_is_refused_and_burns_the_code(app: Any, changes: dict[str, str]) -> None:
    code = (await app.authorize())["code"]
    answer = await app.exchange(code, **changes)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert (await app.exchange(code)).json()["error"] == "invalid_grant"


async def test_a_code_lives_for_a_minute(app: Any) -> None:
    codes = [(await app.authorize())["code"] for _ in range(2)]
    app.ehr.clock[0] += timedelta(seconds=59)
    assert (await app.exchange(codes[0])).status_code == 200
    app.ehr.clock[0] += timedelta(seconds=1)
    assert (await app.exchange(codes[1])).json()["error"] == "invalid_grant"


async def test_a_code_that_comes_twice_voids_what_it_gave(app: Any) -> None:
    code = (await app.authorize(scope="launch online_access patient/Patient.r"))["code"]
    body = (await app.exchange(code)).json()
    assert (await app.read(body["access_token"], "Patient/p")).status_code == 200
    assert (await app.exchange(code)).json()["error"] == "invalid_grant"
    assert (await app.read(body["access_token"], "Patient/p")).status_code == 401
    assert (await app.refresh(body["refresh_token"])).json()["error"] == "invalid_grant"


async def test_an_exchange_needs_the_clients_own_proof(app: Any) -> None:
    code = (await app.authorize())["code"]
    for changes in ({"client_assertion": ""}, {"client_assertion": app.ehr.assertion(aud="https://ehr.test")}):
        assert (await app.exchange(code, **changes)).json()["error"] in ("invalid_request", "invalid_client")
    assert (await app.exchange(code, client_id="other")).json()["error"] == "invalid_client"
    assert (await app.exchange(code, client_id="reader")).status_code == 200
    assert (await app.exchange("guess")).json()["error"] == "invalid_grant"


async def test_another_client_cannot_use_a_code_or_a_refresh_token(app: Any) -> None:
    code = (await app.authorize(scope="launch online_access"))["code"]
    body = await app.tokens(scope="launch online_access")
    proof = {"client_assertion": app.ehr.assertion(iss="other", sub="other")}
    assert (await app.exchange(code, **proof)).json()["error"] == "invalid_grant"
    proof = {"client_assertion": app.ehr.assertion(iss="other", sub="other")}
    assert (await app.refresh(body["refresh_token"], **proof)).json()["error"] == "invalid_grant"
    assert (await app.exchange(code)).status_code == 200
    assert (await app.refresh(body["refresh_token"])).status_code == 200


async def test_a_refresh_gives_a_new_pair_and_the_same_context(app: Any) -> None:
    body = await app.tokens(scope="launch online_access patient/Patient.r patient/Condition.rs")
    app.ehr.clock[0] += timedelta(seconds=3600)
    assert (await app.read(body["access_token"], "Patient/p")).status_code == 401
    fresh = (await app.refresh(body["refresh_token"])).json()
    assert (fresh["scope"], fresh["patient"], fresh["expires_in"]) == (body["scope"], "p", 3600)
    assert fresh["refresh_token"] != body["refresh_token"]
    assert (await app.read(fresh["access_token"], "Patient/p")).status_code == 200


async def test_a_refresh_token_that_comes_twice_ends_the_grant(app: Any) -> None:
    body = await app.tokens(scope="launch online_access patient/Patient.r")
    fresh = (await app.refresh(body["refresh_token"])).json()
    answer = await app.refresh(body["refresh_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert (await app.refresh(fresh["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await app.read(fresh["access_token"], "Patient/p")).status_code == 401


async def test_a_refresh_can_narrow_and_never_widen(app: Any) -> None:
    body = await app.tokens(scope="launch online_access patient/Patient.r patient/Condition.rs")
    for scope in ("patient/*.r", "patient/Patient.rs", "user/Practitioner.r", "openid", "", "patient/Patient.r nonsense"):
        assert (await app.refresh(body["refresh_token"], scope=scope)).json()["error"] == "invalid_scope"
    narrow = (await app.refresh(body["refresh_token"], scope="patient/Patient.r")).json()
    assert narrow["scope"] == "patient/Patient.r"
    assert (await app.read(narrow["access_token"], "Condition/cp")).status_code == 403
    assert (await app.refresh(narrow["refresh_token"])).json()["scope"] == body["scope"]


async def test_a_refresh_token_ends_after_twelve_hours(app: Any) -> None:
    body = await app.tokens(scope="launch online_access")
    app.ehr.clock[0] += timedelta(hours=12)
    assert (await app.refresh(body["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await app.refresh("guess")).json()["error"] == "invalid_grant"


async def test_signing_out_ends_online_access_of_that_user_only(app: Any) -> None:
    scope = "launch patient/Patient.r "
    online, offline = await app.tokens(scope=scope + "online_access"), await app.tokens(scope=scope + "offline_access")
    other = await app.tokens(await app.launch(user="w"), scope=scope + "online_access")
    assert (await app.ehr.http.post("/sign-out", data={"user": "u"})).status_code == 303
    assert (await app.refresh(online["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await app.read(online["access_token"], "Patient/p")).status_code == 401
    assert (await app.read(offline["access_token"], "Patient/p")).status_code == 200
    assert (await app.refresh(other["refresh_token"])).status_code == 200
