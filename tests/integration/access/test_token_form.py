"""The token request's form: what is read, what is refused, in the codes of RFC 6749 5.2."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from tests.integration.access.asking import TYPE, Keys, assertion, claims_of, form_of, token_url

Spoil = Callable[[dict[str, str]], dict[str, Any]]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def _without(name: str) -> Spoil:
    return lambda form: {"content": urlencode({k: v for k, v in form.items() if k != name}), "headers": FORM}


def _with(**changes: str) -> Spoil:
    return lambda form: {"content": urlencode(form | changes), "headers": FORM}


def _raw(change: Callable[[str], str | bytes], **headers: str) -> Spoil:
    return lambda form: {"content": change(urlencode(form)), "headers": FORM | headers}


CASES: dict[str, tuple[str, Spoil]] = {
    "JSON": ("invalid_request", lambda form: {"json": form}),
    "multipart": ("invalid_request", lambda form: {"files": {name: (None, value) for name, value in form.items()}}),
    "no content type": ("invalid_request", lambda form: {"content": urlencode(form).encode()}),
    "text": ("invalid_request", lambda form: {"content": urlencode(form), "headers": {"Content-Type": "text/plain"}}),
    "a parameter in the address": ("invalid_request", lambda form: {"data": form, "params": {"scope": "system/Task.r"}}),
    "scope twice": ("invalid_request", _raw(lambda body: body + "&scope=system%2FTask.r")),
    "grant_type twice, the same": ("invalid_request", _raw(lambda body: body + "&grant_type=client_credentials")),
    "an unknown parameter twice": ("invalid_request", _raw(lambda body: body + "&x=1&x=2")),
    "no equals sign": ("invalid_request", _raw(lambda body: body + "&x")),
    "bytes that are no ASCII": ("invalid_request", _raw(lambda body: body.encode() + b"&x=\xff")),
    "escapes that are no UTF-8": ("invalid_request", _raw(lambda body: body + "&x=%ff")),
    "too long": ("invalid_request", _raw(lambda body: body + "&x=" + "x" * 17_000)),
    "too many": ("invalid_request", _raw(lambda body: body + "".join(f"&x{n}=1" for n in range(30)))),
    "empty": ("invalid_request", _raw(lambda body: "")),
    "an Authorization header": ("invalid_request", _raw(lambda body: body, Authorization="Basic YmlsbGVyOng=")),
    "a client_secret": ("invalid_request", _with(client_secret="x")),
    "no grant_type": ("invalid_request", _without("grant_type")),
    "authorization_code": ("unsupported_grant_type", _with(grant_type="authorization_code")),
    "refresh_token": ("unsupported_grant_type", _with(grant_type="refresh_token")),
    "password": ("unsupported_grant_type", _with(grant_type="password")),
    "an empty grant_type": ("unsupported_grant_type", _with(grant_type="")),
    "no assertion": ("invalid_client", _without("client_assertion")),
    "no assertion type": ("invalid_client", _without("client_assertion_type")),
    "SAML": ("invalid_client", _with(client_assertion_type=TYPE.replace("jwt-bearer", "saml2-bearer"))),
    "another client_id": ("invalid_client", _with(client_id="ehr")),
    "no scope": ("invalid_scope", _without("scope")),
    "an empty scope": ("invalid_scope", _with(scope="")),
    "only blanks": ("invalid_scope", _with(scope="   ")),
    "two blanks between": ("invalid_scope", _with(scope="system/ChargeItem.r  system/ChargeItem.s")),
    "a tab between": ("invalid_scope", _with(scope="system/ChargeItem.r\tsystem/ChargeItem.s")),
    "letters out of order": ("invalid_scope", _with(scope="system/ChargeItem.sr")),
    "the undefined .dus": ("invalid_scope", _with(scope="system/ChargeItem.dus")),
    "a query that we would not enforce": ("invalid_scope", _with(scope="system/ChargeItem.rs?status=billable")),
    "what was not granted": ("invalid_scope", _with(scope="system/Task.r careledger/attest")),
    "patient context": ("invalid_scope", _with(scope="patient/ChargeItem.r")),
    "user context": ("invalid_scope", _with(scope="user/ChargeItem.r")),
    "quotes": ("invalid_scope", _with(scope='"system/ChargeItem.r"')),
    "letters of another script": ("invalid_scope", _with(scope="system/Chаrgeltem.r")),
}


@pytest.mark.parametrize("name", CASES)
async def test_a_bad_request_is_named(name: str, http: httpx.AsyncClient, keys: Keys) -> None:
    error, spoil = CASES[name]
    request = spoil(form_of(assertion(keys.rsa, claims_of("biller"))))
    answer = await http.post(token_url("lakeside"), **request)
    assert (answer.status_code, answer.json()["error"]) == (400, error), answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("name", ["its own client_id", "charset", "an unknown parameter", "accept anything"])
async def test_a_harmless_variation_passes(name: str, http: httpx.AsyncClient, keys: Keys) -> None:
    body = urlencode(form_of(assertion(keys.rsa, claims_of("biller"))))
    more = {"its own client_id": "&client_id=biller", "an unknown parameter": "&resource=x"}.get(name, "")
    headers = FORM | ({"Content-Type": FORM["Content-Type"] + "; charset=UTF-8"} if name == "charset" else {"Accept": "*/*"})
    answer = await http.post(token_url("lakeside"), content=body + more, headers=headers)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_only_post_is_offered(method: str, http: httpx.AsyncClient) -> None:
    answer = await http.request(method, token_url("lakeside"))
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
