"""The token endpoint gives tokens to the registered client alone, and only for what was granted (standards 1.7, 1.8, 2.2)."""

from datetime import timedelta
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey


@pytest.mark.parametrize("alg", ["RS384", "ES384"])
async def test_a_registered_key_of_either_algorithm_gets_a_short_token(ehr: Any, alg: str) -> None:
    answer = await ehr.token("system/Patient.rs", client_assertion=ehr.assertion(alg))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["token_type"] == "bearer"
    assert body["expires_in"] == 300
    assert body["scope"] == "system/Patient.rs"
    assert set(body) == {"access_token", "token_type", "expires_in", "scope"}


WRONG_CLAIMS: dict[str, dict[str, Any]] = {
    "another audience": {"aud": "https://ehr.test/fhir/R4"},
    "two audiences": {"aud": ["https://ehr.test/auth/token", "https://other.test"]},
    "no audience": {"aud": None},
    "another subject": {"sub": "writer"},
    "an unknown client": {"iss": "writer", "sub": "writer"},
    "no jti": {"jti": None},
    "no exp": {"exp": None},
    "exp too far": {"exp": 1790856000 + 331},
    "exp passed": {"exp": 1790856000},
    "exp as text": {"exp": "tomorrow"},
}


@pytest.mark.parametrize("changes", WRONG_CLAIMS.values(), ids=WRONG_CLAIMS.keys())
async def test_wrong_claims_are_no_client(ehr: Any, changes: dict[str, Any]) -> None:
    assert ehr.clock[0].timestamp() == 1790856000
    answer = await ehr.token(client_assertion=ehr.assertion(**changes))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_exp_at_the_edge_is_accepted(ehr: Any) -> None:
    answer = await ehr.token(client_assertion=ehr.assertion(exp=1790856000 + 330))
    assert answer.status_code == 200


WRONG_HEADERS: dict[str, dict[str, Any]] = {
    "unknown kid": {"kid": "other"},
    "kid of the other key": {"kid": "ES384"},
    "jku elsewhere": {"jku": "https://evil.test/jwks"},
    "x5u": {"x5u": "https://evil.test/cert"},
    "another type": {"typ": "at+jwt"},
}


@pytest.mark.parametrize("header", WRONG_HEADERS.values(), ids=WRONG_HEADERS.keys())
async def test_wrong_headers_are_no_client(ehr: Any, header: dict[str, Any]) -> None:
    answer = await ehr.token(client_assertion=ehr.assertion(header=header))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_a_stranger_who_borrows_the_kid_is_no_client(ehr: Any) -> None:
    own = dict(ehr.keys)
    ehr.keys = own | {
        "RS384": RSAKey.generate_key(2048, {"kid": "RS384"}, private=True),
        "ES384": ECKey.generate_key("P-384", {"kid": "ES384"}, private=True),
    }
    for alg in ("RS384", "ES384"):
        answer = await ehr.token(client_assertion=ehr.assertion(alg))
        assert answer.json()["error"] == "invalid_client"


@pytest.mark.parametrize("text", ["", "a.b.c", "e30.e30.", "é", "eyJhbGciOiJub25lIn0.eyJpc3MiOiJyZWFkZXIifQ."])
async def test_what_is_no_assertion_is_refused(ehr: Any, text: str) -> None:
    answer = await ehr.token(client_assertion=text)
    assert answer.status_code in (400, 401)
    assert answer.json()["error"] in ("invalid_request", "invalid_client")


async def test_a_jti_serves_once_while_its_assertion_lives(ehr: Any) -> None:
    used = ehr.assertion(jti="once")
    assert (await ehr.token(client_assertion=used)).status_code == 200
    assert (await ehr.token(client_assertion=used)).json()["error"] == "invalid_client"
    assert (await ehr.token(client_assertion=ehr.assertion("ES384", jti="once"))).json()["error"] == "invalid_client"


async def test_an_assertion_that_was_refused_does_not_burn_its_jti(ehr: Any) -> None:
    await ehr.token(client_assertion=ehr.assertion(jti="kept", aud="https://other.test"))
    assert (await ehr.token(client_assertion=ehr.assertion(jti="kept"))).status_code == 200


async def test_other_grants_and_doubled_parameters_are_refused(ehr: Any) -> None:
    answer = await ehr.token(grant_type="password")
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")
    answer = await ehr.token(client_assertion_type="other")
    assert answer.json()["error"] == "invalid_request"
    twice = "grant_type=client_credentials&grant_type=client_credentials"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await ehr.http.post("/auth/token", content=twice, headers=form)).json()["error"] == "invalid_request"
    assert (await ehr.http.post("/auth/token", json={"grant_type": "client_credentials"})).json()["error"] == "invalid_request"


async def test_scopes_outside_the_grant_end_in_invalid_scope(ehr: Any) -> None:
    for scope in ("system/Coverage.rs", "patient/Patient.rs", "launch", "", "system/Patient.sr"):
        answer = await ehr.token(scope)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


async def test_keys_come_from_the_registered_address_only(make_ehr: Any, keys: dict[str, Any]) -> None:
    ehr = make_ehr(jwks_url="https://client.test/jwks")
    assert (await ehr.token()).status_code == 200
    assert (await ehr.token(client_assertion=ehr.assertion(header={"jku": "https://client.test/jwks"}))).status_code == 200
    ehr.hosted.remove(keys["RS384"])
    assert (await ehr.token()).json()["error"] == "invalid_client"
    assert (await ehr.token(client_assertion=ehr.assertion("ES384"))).status_code == 200
    astray = make_ehr(jwks_url="https://client.test/moved")
    assert (await astray.token()).json()["error"] == "invalid_client"


async def test_two_keys_of_one_kid_are_no_key(make_ehr: Any, keys: dict[str, Any]) -> None:
    key = keys["RS384"].as_dict(private=False)
    ehr = make_ehr(jwks={"keys": [key, key]})
    assert (await ehr.token()).json()["error"] == "invalid_client"


@pytest.mark.parametrize("jwks", [{}, {"keys": [{"kty": "weird"}]}, {"keys": []}])
async def test_a_registration_without_usable_keys_lets_nobody_in(make_ehr: Any, jwks: dict[str, Any]) -> None:
    assert (await make_ehr(jwks=jwks).token()).json()["error"] == "invalid_client"


async def test_a_token_ends_after_its_time(ehr: Any) -> None:
    headers = await ehr.bearer()
    ehr.clock[0] += timedelta(seconds=299)
    assert (await ehr.http.get("/fhir/R4/Patient", headers=headers)).status_code == 200
    ehr.clock[0] += timedelta(seconds=1)
    assert (await ehr.http.get("/fhir/R4/Patient", headers=headers)).status_code == 401
