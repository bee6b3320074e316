"""The token endpoint: what a good client gets, and that an assertion's id is spent once (requirements 4, 7, 8)."""

import asyncio
import json
import time
from datetime import datetime
from uuid import uuid4

import httpx
import psycopg
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from shared.access.settings import AccessSettings
from tests.fakes.tokens import PUBLIC_URL
from tests.integration.access.asking import Keys, assertion, claims_of, form_of, token_url


async def test_a_client_gets_a_token_of_five_minutes(http: httpx.AsyncClient, keys: Keys) -> None:
    answer = await http.post(token_url("lakeside"), data=form_of(assertion(keys.rsa, claims_of("biller"))))
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("bearer", 300, "system/ChargeItem.rus")
    jwks = (await http.get("/.well-known/jwks.json")).json()
    token = jwt.decode(body["access_token"], KeySet.import_key_set(jwks), algorithms=["RS384"])
    assert token.header["typ"] == "at+jwt"
    assert token.header["kid"] == jwks["keys"][0]["kid"]
    claims = token.claims
    assert claims.keys() == {"iss", "aud", "sub", "client_id", "tenant", "jti", "iat", "exp", "scope"}
    assert (claims["iss"], claims["aud"]) == (PUBLIC_URL, f"{PUBLIC_URL}/t/lakeside/fhir/R4")
    assert (claims["sub"], claims["client_id"], claims["tenant"]) == ("biller", "biller", "lakeside")
    assert claims["exp"] - claims["iat"] == 300


async def test_es384_is_accepted_and_scopes_are_intersected(http: httpx.AsyncClient, keys: Keys) -> None:
    wanted = "system/Task.read system/Consent.cruds system/ChargeItem.rs careledger/timers careledger/attest system/Task.r?x=1"
    answer = await http.post(token_url("lakeside"), data=form_of(assertion(keys.ec, claims_of("ehr")), wanted))
    assert answer.json()["scope"] == "system/Consent.crus system/Task.rs careledger/timers"


async def test_a_wildcard_is_narrowed_to_the_grant(http: httpx.AsyncClient, keys: Keys) -> None:
    answer = await http.post(token_url("lakeside"), data=form_of(assertion(keys.rsa, claims_of("biller")), "system/*.rs"))
    assert answer.json()["scope"] == "system/ChargeItem.rs"


@pytest.mark.requirement("standards-8")
async def test_fifty_equal_assertions_give_one_token(http: httpx.AsyncClient, keys: Keys) -> None:
    for _ in range(4):
        form = form_of(assertion(keys.rsa, claims_of("biller")))
        answers = await asyncio.gather(*(http.post(token_url("lakeside"), data=form) for _ in range(50)))
        assert sorted(answer.status_code for answer in answers) == [200] + [400] * 49
        assert {answer.json()["error"] for answer in answers if answer.status_code == 400} == {"invalid_client"}


async def test_an_id_may_be_used_by_each_client_once(http: httpx.AsyncClient, keys: Keys) -> None:
    jti = str(uuid4())
    for key, client, scope in ((keys.rsa, "biller", "system/ChargeItem.r"), (keys.ec, "ehr", "system/Task.r")):
        form = form_of(assertion(key, claims_of(client, jti=jti)), scope)
        assert (await http.post(token_url("lakeside"), data=form)).status_code == 200
        again = form_of(assertion(key, claims_of(client, jti=jti)), scope)
        assert (await http.post(token_url("lakeside"), data=again)).status_code == 400


async def test_spent_ids_are_forgotten_long_after_their_end(
    http: httpx.AsyncClient, keys: Keys, settings: AccessSettings
) -> None:
    with psycopg.connect(settings.worker_database_url.replace("access_worker@", "careledger@"), autocommit=True) as connection:
        connection.execute(
            "INSERT INTO client_jti VALUES ('biller', 'old', now() - interval '6 minutes'), "
            "('biller', 'young', now() - interval '4 minutes')"
        )
        await http.post(token_url("lakeside"), data=form_of(assertion(keys.rsa, claims_of("biller"))))
        left = {row[0] for row in connection.execute("SELECT jti FROM client_jti WHERE jti IN ('old', 'young')")}
    assert left == {"young"}


async def test_whoami_tells_who_asks(http: httpx.AsyncClient, keys: Keys) -> None:
    answer = await http.post(token_url("lakeside"), data=form_of(assertion(keys.rsa, claims_of("biller"))))
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    me = await http.get("/t/lakeside/auth/whoami", headers=bearer)
    assert me.status_code == 200
    body = me.json()
    assert abs(time.time() - datetime.fromisoformat(body.pop("clock")).timestamp()) < 60
    assert body == {"client_id": "biller", "tenant": "lakeside", "scope": "system/ChargeItem.rus"}
    for tenant in ("hillside", "nowhere"):
        refused = await http.get(f"/t/{tenant}/auth/whoami", headers=bearer)
        assert refused.status_code == 404
    assert (await http.get("/t/lakeside/auth/whoami")).status_code == 401


async def test_foreign_unknown_and_sleeping_tenants_answer_alike(http: httpx.AsyncClient, keys: Keys) -> None:
    answers = []
    for tenant in ("hillside", "nowhere", "asleep", "no%00where", "x" * 70):
        url = token_url(tenant.replace("%00", "\0"))
        signed = assertion(keys.rsa, claims_of("biller", aud=url))
        answers.append(await http.post(f"/t/{tenant}/auth/token", data=form_of(signed)))
    assert {answer.status_code for answer in answers} == {400}
    assert len({answer.content for answer in answers}) == 1
    assert json.loads(answers[0].content)["error"] == "invalid_client"
