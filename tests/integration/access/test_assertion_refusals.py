"""Assertions that must get no token: a class of forgery or carelessness a row (requirement 7)."""

import base64
import hmac
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA384
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from shared.access import main
from shared.access.settings import AccessSettings
from tests.fakes.tokens import PUBLIC_URL
from tests.integration.access.asking import Keys, assertion, claims_of, form_of, public_set, token_url


def b64(data: bytes | dict[str, Any] | str) -> str:
    """Encode bytes, text or JSON as base64url."""
    raw = json.dumps(data).encode() if isinstance(data, dict) else data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass(frozen=True)
class Forge:
    """Makes bad assertions of the RSA client `biller` (or of `ehr`, with its EC key)."""

    keys: Keys
    stranger: RSAKey
    small_curve: ECKey

    def header(self, **changes: object) -> dict[str, Any]:
        """Return a good header, changed; None takes a member away."""
        header = {"alg": "RS384", "typ": "JWT", "kid": self.keys.rsa.kid} | changes
        return {name: value for name, value in header.items() if value is not None}

    def signed(self, header: dict[str, Any] | bytes, payload: dict[str, Any] | bytes, key: RSAKey | None = None) -> str:
        """Sign any header and payload by RS384, whatever they say."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        signer = key or self.keys.rsa
        first = f"{b64(header)}.{b64(body)}"
        return f"{first}.{b64(signer.private_key.sign(first.encode(), PKCS1v15(), SHA384()))}"

    def claims(self, **changes: object) -> str:
        """Sign good claims, changed."""
        return self.signed(self.header(), claims_of("biller", **changes))

    def heads(self, **changes: object) -> str:
        """Sign good claims under a header that is changed."""
        return self.signed(self.header(**changes), claims_of("biller"))

    def raw(self, body: str | bytes) -> str:
        """Sign a payload that json would not write."""
        return self.signed(self.header(), body if isinstance(body, bytes) else body.encode())

    def mac(self, alg: str, secret: bytes, digest: str) -> str:
        """Sign with a public key as if it were a shared secret."""
        first = f"{b64(self.header(alg=alg))}.{b64(claims_of('biller'))}"
        return f"{first}.{b64(hmac.new(secret, first.encode(), digest).digest())}"

    def library(self, alg: str, key: RSAKey | ECKey, client: str = "biller") -> str:
        """Sign with another algorithm, rightly."""
        header = {"alg": alg, "typ": "JWT", "kid": str(key.kid)}
        return jws.serialize_compact(header, json.dumps(claims_of(client)).encode(), key, algorithms=[alg])

    def spoilt(self, spoil: Callable[[str, str, str], str]) -> str:
        """Take a good assertion's three parts and put them together otherwise."""
        return spoil(*self.claims().split("."))


def _now() -> int:
    return int(time.time())


def _flip(text: str) -> str:
    return ("B" if text[0] == "A" else "A") + text[1:]


def _raw_claims(exp: str) -> str:
    claims = json.dumps(claims_of("biller", exp=None))
    return f'{claims[:-1]}, "exp": {exp}}}'


CASES: dict[str, Callable[[Forge], str]] = {
    # the algorithm
    "none": lambda f: f"{b64(f.header(alg='none'))}.{b64(claims_of('biller'))}.",
    "none with a signature": lambda f: f.heads(alg="none"),
    "none in mixed case": lambda f: f.heads(alg="nOnE"),
    "HS256 by the public PEM": lambda f: f.mac("HS256", f.keys.rsa.as_pem(private=False), "sha256"),
    "HS384 by the public PEM": lambda f: f.mac("HS384", f.keys.rsa.as_pem(private=False), "sha384"),
    "HS256 by the public JWK": lambda f: f.mac("HS256", json.dumps(f.keys.rsa.as_dict(private=False)).encode(), "sha256"),
    "HS256 by nothing": lambda f: f.mac("HS256", b"", "sha256"),
    "HS256 by the modulus": lambda f: f.mac("HS256", str(f.keys.rsa.as_dict(private=False)["n"]).encode(), "sha256"),
    "RS256": lambda f: f.library("RS256", f.keys.rsa),
    "RS512": lambda f: f.library("RS512", f.keys.rsa),
    "PS384": lambda f: f.library("PS384", f.keys.rsa),
    "ES256": lambda f: f.library("ES256", f.small_curve),
    "RS384 said, RS256 done": lambda f: ".".join(
        [b64(f.header()), *f.library("RS256", f.keys.rsa).split(".")[1:]],
    ),
    "ES384 said of an RSA key": lambda f: f.heads(alg="ES384"),
    "RS384 said of an EC key": lambda f: f.signed(f.header(kid=f.keys.ec.kid), claims_of("ehr")),
    "no alg": lambda f: f.heads(alg=None),
    "alg as a list": lambda f: f.heads(alg=["RS384"]),
    "alg in lower case": lambda f: f.heads(alg="rs384"),
    "alg with a blank": lambda f: f.heads(alg="RS384 "),
    # the signature
    "no signature": lambda f: f.spoilt(lambda h, p, s: f"{h}.{p}."),
    "a bit turned": lambda f: f.spoilt(lambda h, p, s: f"{h}.{p}.{_flip(s)}"),
    "cut short": lambda f: f.spoilt(lambda h, p, s: f"{h}.{p}.{s[:-8]}"),
    "longer": lambda f: f.spoilt(lambda h, p, s: f"{h}.{p}.{s}AAAA"),
    "of another payload": lambda f: f.spoilt(lambda h, p, s: f"{h}.{b64(claims_of('biller'))}.{s}"),
    "of another header": lambda f: f.spoilt(lambda h, p, s: f"{b64(f.header(x=1))}.{p}.{s}"),
    "all zeros": lambda f: f.spoilt(lambda h, p, s: f"{h}.{p}.{b64(bytes(256))}"),
    "ES384 with r and s zero": lambda f: (
        f"{b64(f.header(alg='ES384', kid=f.keys.ec.kid))}.{b64(claims_of('ehr'))}.{b64(bytes(96))}"
    ),
    "ES384 of half the length": lambda f: assertion(f.keys.ec, claims_of("ehr"))[:-64],
    # the key
    "a stranger's key under the client's kid": lambda f: f.signed(f.header(), claims_of("biller"), f.stranger),
    "a stranger's kid and key": lambda f: f.signed(f.header(kid=f.stranger.kid), claims_of("biller"), f.stranger),
    "another client's kid": lambda f: f.heads(kid=f.keys.ec.kid),
    "another client's key and kid": lambda f: assertion(f.keys.ec, claims_of("biller")),
    "another client's name": lambda f: f.signed(f.header(), claims_of("ehr")),
    "no kid": lambda f: f.heads(kid=None),
    "an empty kid": lambda f: f.heads(kid=""),
    "kid as a number": lambda f: f.heads(kid=1),
    "kid as a path": lambda f: f.heads(kid="../../keys/ehr.pem"),
    "kid as SQL": lambda f: f.heads(kid="' OR 1=1 --"),
    "an embedded jwk": lambda f: f.signed(f.header(jwk=f.stranger.as_dict(private=False)), claims_of("biller"), f.stranger),
    "an embedded jwk beside a good signature": lambda f: f.heads(jwk={"kty": "RSA"}),
    "x5c": lambda f: f.heads(x5c=["MIIB"]),
    "x5u": lambda f: f.heads(x5u="https://example.org/c.pem"),
    "crit": lambda f: f.heads(crit=["exp"], exp=1),
    "b64": lambda f: f.heads(b64=False),
    "jku of a stranger": lambda f: f.heads(jku="https://example.org/jwks.json"),
    "jku of ours": lambda f: f.heads(jku=f"{PUBLIC_URL}/.well-known/jwks.json"),
    "jku as a number": lambda f: f.heads(jku=7),
    # the type
    "no typ": lambda f: f.heads(typ=None),
    "typ of an access token": lambda f: f.heads(typ="at+jwt"),
    "typ of something else": lambda f: f.heads(typ="dpop+jwt"),
    "typ as a list": lambda f: f.heads(typ=["JWT"]),
    # the times
    "ended": lambda f: f.claims(exp=_now() - 1),
    "ended long ago": lambda f: f.claims(exp=0),
    "ends before time": lambda f: f.claims(exp=-5),
    "lives too long": lambda f: f.claims(exp=_now() + 340),
    "lives for ever": lambda f: f.claims(exp=2**63),
    "no exp": lambda f: f.claims(exp=None),
    "exp as text": lambda f: f.claims(exp=str(_now() + 200)),
    "exp as a truth": lambda f: f.claims(exp=True),
    "exp as a list": lambda f: f.claims(exp=[_now() + 200]),
    "exp null": lambda f: f.raw(_raw_claims("null")),
    "exp NaN": lambda f: f.raw(_raw_claims("NaN")),
    "exp Infinity": lambda f: f.raw(_raw_claims("Infinity")),
    "exp beyond numbers": lambda f: f.raw(_raw_claims("1e400")),
    "exp of five thousand digits": lambda f: f.raw(_raw_claims("9" * 5000)),
    "nbf ahead": lambda f: f.claims(nbf=_now() + 60),
    "nbf as text": lambda f: f.claims(nbf="now"),
    "iat ahead": lambda f: f.claims(iat=_now() + 60),
    "iat as an object": lambda f: f.claims(iat={}),
    # the audience
    "no aud": lambda f: f.claims(aud=None),
    "another tenant's token endpoint": lambda f: f.claims(aud=token_url("hillside")),
    "the FHIR base as aud": lambda f: f.claims(aud=f"{PUBLIC_URL}/t/lakeside/fhir/R4"),
    "the issuer as aud": lambda f: f.claims(aud=PUBLIC_URL),
    "aud as a list": lambda f: f.claims(aud=[token_url("lakeside")]),
    "aud as a list of two": lambda f: f.claims(aud=[token_url("lakeside"), "https://example.org"]),
    "aud with a slash more": lambda f: f.claims(aud=token_url("lakeside") + "/"),
    "aud in upper case": lambda f: f.claims(aud=token_url("lakeside").upper()),
    "aud with a query": lambda f: f.claims(aud=token_url("lakeside") + "?x"),
    "aud empty": lambda f: f.claims(aud=""),
    # who
    "no iss": lambda f: f.claims(iss=None),
    "no sub": lambda f: f.claims(sub=None),
    "iss and sub differ": lambda f: f.claims(sub="ehr"),
    "an unknown client": lambda f: f.claims(iss="nobody", sub="nobody"),
    "a disabled client": lambda f: f.claims(iss="gone", sub="gone"),
    "iss as a number": lambda f: f.claims(iss=1, sub=1),
    "iss as a list": lambda f: f.claims(iss=["biller"], sub=["biller"]),
    "iss with a zero byte": lambda f: f.claims(iss="biller\0", sub="biller\0"),
    "iss in upper case": lambda f: f.claims(iss="BILLER", sub="BILLER"),
    # the id
    "no jti": lambda f: f.claims(jti=None),
    "an empty jti": lambda f: f.claims(jti=""),
    "jti as a number": lambda f: f.claims(jti=12),
    "a jti too long": lambda f: f.claims(jti="x" * 257),
    "a jti with a zero byte": lambda f: f.claims(jti="a\0b"),
    "a jti with a lone surrogate": lambda f: f.raw(json.dumps(claims_of("biller", jti="\ud800"))),
    # the form
    "an empty assertion": lambda f: "",
    "not a JWT": lambda f: "hello",
    "two parts": lambda f: f.spoilt(lambda h, p, s: f"{h}.{p}"),
    "four parts": lambda f: f.spoilt(lambda h, p, s: f"{h}.{p}.{s}.{s}"),
    "five parts, as if encrypted": lambda f: f.spoilt(lambda h, p, s: f"{h}.{p}.{s}.{h}.{p}"),
    "padded": lambda f: f.spoilt(lambda h, p, s: f"{h}.{p}.{s}="),
    "a newline at the end": lambda f: f.claims() + "\n",
    "a blank before": lambda f: " " + f.claims(),
    "JSON serialization": lambda f: f.spoilt(lambda h, p, s: json.dumps({"protected": h, "payload": p, "signature": s})),
    "detached": lambda f: f.spoilt(lambda h, p, s: f"{h}..{s}"),
    "a header that is no JSON": lambda f: f.signed(b"{", claims_of("biller")),
    "a header that is a list": lambda f: f.signed(b"[]", claims_of("biller")),
    "a huge header": lambda f: f.heads(x="x" * 3000),
    "claims that are no JSON": lambda f: f.raw("{"),
    "claims that are a list": lambda f: f.raw("[]"),
    "claims that are a number": lambda f: f.raw("1"),
    "claims in another encoding": lambda f: f.raw(b"\xff\xfe{}"),
    "claims a thousand deep": lambda f: f.raw('{"a":' * 1000 + "1" + "}" * 1000),
    "longer than any": lambda f: f.claims(x="x" * 9000),
    "an access token of ours": lambda f: f"{b64({'alg': 'RS384', 'typ': 'at+jwt', 'kid': 'k'})}.{b64(claims_of('biller'))}.AAAA",
}


@pytest.fixture(scope="module")
async def forge(keys: Keys, settings: AccessSettings, http: httpx.AsyncClient) -> Forge:
    """The forger, and a client `gone` that was disabled; both clients' keys are biller's."""
    await main.add_client(
        settings,
        client_id="gone",
        name="Gone",
        tenants=["lakeside"],
        scope="system/ChargeItem.rus",
        jwks=public_set(keys.rsa),
    )
    await main.disable_client(settings, client_id="gone")
    return Forge(keys, RSAKey.generate_key(2048, auto_kid=True), ECKey.generate_key("P-256", auto_kid=True))


@pytest.mark.parametrize("name", CASES)
async def test_no_token_for(name: str, http: httpx.AsyncClient, forge: Forge) -> None:
    answer = await http.post(token_url("lakeside"), data=form_of(CASES[name](forge)))
    assert answer.status_code == 400, answer.text
    body = answer.json()
    assert body.keys() == {"error", "error_description"}
    assert body["error"] == ("invalid_request" if "too long" in body["error_description"] else "invalid_client")
    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+", body["error_description"])
    assert answer.headers["cache-control"] == "no-store"


async def test_the_corpus_is_large_enough_and_its_honest_sibling_passes(http: httpx.AsyncClient, forge: Forge) -> None:
    assert len(CASES) >= 60
    answer = await http.post(token_url("lakeside"), data=form_of(forge.claims()))
    assert answer.status_code == 200


@pytest.mark.parametrize("name", ["all times", "a fraction", "more"])
async def test_what_is_merely_unusual_passes(name: str, http: httpx.AsyncClient, forge: Forge) -> None:
    claims: dict[str, dict[str, Any]] = {
        "all times": {"exp": _now() + 290, "iat": _now(), "nbf": _now()},
        "a fraction": {"exp": time.time() + 200.5},
        "more": {"extra": [1]},
    }
    answer = await http.post(token_url("lakeside"), data=form_of(forge.claims(**claims[name])))
    assert answer.status_code == 200, answer.text
