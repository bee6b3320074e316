"""Tokens of CDS clients that must open nothing: a class of forgery or carelessness a row (requirement 7)."""

import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, RSAKey

from shared.contracts.tenant import CdsClient
from shared.kernel.errors import Unauthenticated
from shared.smart.cds_tokens import CdsTokenVerifier
from shared.smart.client_keys import ClientKeys
from shared.smart.jwks_fetch import JwksFetcher
from tests.fakes.tokens import PUBLIC_URL
from tests.security.test_access_token_corpus import b64, flipped, signed

pytestmark = [pytest.mark.requirement("standards-7"), pytest.mark.requirement("issue-11.2")]

RSA = RSAKey.generate_key(2048, auto_kid=True)
EC = ECKey.generate_key("P-384", auto_kid=True)
SMALL = ECKey.generate_key("P-256", auto_kid=True)
SOUTH, STRANGER = RSAKey.generate_key(2048, auto_kid=True), RSAKey.generate_key(2048, auto_kid=True)
ISSUER, OTHER, SHARED = "https://ehr.example/", "https://ehr.south.example/", "https://vendor.example"
ADDRESS = f"{PUBLIC_URL}/t/north/cds-services/care-management"
PEM = RSA.as_pem(private=False)


def _keys(*keys: RSAKey | ECKey) -> dict[str, Any]:
    return {"keys": [key.as_dict(private=False) for key in keys]}


CLIENTS = (
    CdsClient(iss=ISSUER, jwks=_keys(RSA, EC, SMALL)),
    CdsClient(iss=OTHER, jwks=_keys(SOUTH), algorithms=("ES384",)),
    CdsClient(iss=SHARED, jwks=_keys(STRANGER), organization="north-practice", token_seconds=300),
)


def head(**changes: object) -> dict[str, Any]:
    """Return a good header, changed; None takes a member away."""
    return {k: v for k, v in ({"alg": "RS384", "typ": "JWT", "kid": RSA.kid} | changes).items() if v is not None}


def body(**changes: object) -> dict[str, Any]:
    """Return good claims, changed; None takes one away."""
    now = int(time.time())
    claims: dict[str, object] = {"iss": ISSUER, "aud": ADDRESS, "iat": now, "exp": now + 300, "jti": str(uuid4())}
    return {k: v for k, v in (claims | changes).items() if v is not None}


def _mac(alg: str, secret: bytes, digest: str) -> str:
    first = f"{b64(head(alg=alg))}.{b64(body())}"
    return f"{first}.{b64(hmac.new(secret, first.encode(), digest).digest())}"


def _by(alg: str, key: RSAKey | ECKey, **header: object) -> str:
    return jws.serialize_compact(head(alg=alg, **header), json.dumps(body()).encode(), key, algorithms=[alg])


def _spoilt(spoil: Callable[[list[str]], list[str]]) -> str:
    return ".".join(spoil(signed(head(), body(), RSA).split(".")))


def _late(seconds: int) -> int:
    return int(time.time()) + seconds


HEADERS: dict[str, dict[str, object]] = {
    "alg none": {"alg": "none"},
    "alg missing": {"alg": None},
    "alg a list": {"alg": ["RS384"]},
    "alg in small letters": {"alg": "rs384"},
    "alg of another kind": {"alg": "ES384"},
    "typ missing": {"typ": None},
    "typ of an access token": {"typ": "at+jwt"},
    "typ in small letters": {"typ": "jwt"},
    "kid missing": {"kid": None},
    "kid empty": {"kid": ""},
    "kid a number": {"kid": 1},
    "kid unknown": {"kid": "unknown"},
    "kid of another client": {"kid": SOUTH.kid},
    "kid of the EC key": {"kid": EC.kid},
    "kid a path": {"kid": "../../etc/passwd"},
    "jwk embedded": {"jwk": RSA.as_dict(private=False)},
    "jku of a stranger": {"jku": "https://evil.example/jwks.json"},
    "jku of the client": {"jku": f"{ISSUER}jwks"},
    "jku a list": {"jku": ["https://evil.example"]},
    "x5u": {"x5u": "https://evil.example/cert.pem"},
    "x5c": {"x5c": ["MIIB"]},
    "crit": {"crit": ["exp"]},
    "b64 false": {"b64": False},
}
CLAIMS: dict[str, Callable[[], dict[str, object]]] = {
    "iss missing": lambda: {"iss": None},
    "iss unknown": lambda: {"iss": "https://evil.example"},
    "iss without its slash": lambda: {"iss": ISSUER.rstrip("/")},
    "iss in capitals": lambda: {"iss": ISSUER.upper()},
    "iss a list": lambda: {"iss": [ISSUER]},
    "iss of another client": lambda: {"iss": OTHER},
    "iss of many practices": lambda: {"iss": SHARED},
    "aud missing": lambda: {"aud": None},
    "aud the base": lambda: {"aud": f"{PUBLIC_URL}/t/north/cds-services"},
    "aud the feedback": lambda: {"aud": f"{ADDRESS}/feedback"},
    "aud with a slash more": lambda: {"aud": f"{ADDRESS}/"},
    "aud with a query": lambda: {"aud": f"{ADDRESS}?a=b"},
    "aud of another practice": lambda: {"aud": ADDRESS.replace("north", "south")},
    "aud of another origin": lambda: {"aud": ADDRESS.replace(PUBLIC_URL, "https://evil.example")},
    "aud the token endpoint": lambda: {"aud": f"{PUBLIC_URL}/t/north/auth/token"},
    "aud two": lambda: {"aud": [ADDRESS, "https://other.example"]},
    "aud an empty list": lambda: {"aud": []},
    "exp missing": lambda: {"exp": None},
    "exp past": lambda: {"exp": _late(-1), "iat": _late(-200)},
    "exp now": lambda: {"exp": _late(0), "iat": _late(-200)},
    "exp a string": lambda: {"exp": str(_late(300))},
    "exp true": lambda: {"exp": True},
    "exp for ever": lambda: {"exp": 2**60},
    "exp beyond all numbers": lambda: {"exp": 10**400},
    "lives 901 seconds": lambda: {"exp": _late(901)},
    "lives long from the past": lambda: {"iat": _late(-86400), "exp": _late(60)},
    "iat missing": lambda: {"iat": None},
    "iat in the future": lambda: {"iat": _late(120), "exp": _late(400)},
    "iat a string": lambda: {"iat": "0"},
    "nbf in the future": lambda: {"nbf": _late(120)},
    "nbf a string": lambda: {"nbf": "0"},
    "jti missing": lambda: {"jti": None},
    "jti empty": lambda: {"jti": ""},
    "jti a number": lambda: {"jti": 1},
    "jti too long": lambda: {"jti": "x" * 257},
    "jti with a line break": lambda: {"jti": "a\nb"},
}
CORPUS: dict[str, Callable[[], str]] = {
    **{name: lambda changes=changes: signed(head(**changes), body(), RSA) for name, changes in HEADERS.items()},
    **{name: lambda make=make: signed(head(), body(**make()), RSA) for name, make in CLAIMS.items()},
    "alg none without a signature": lambda: f"{b64(head(alg='none'))}.{b64(body())}.",
    "HS256 with the public PEM": lambda: _mac("HS256", PEM, "sha256"),
    "HS384 with the public PEM": lambda: _mac("HS384", PEM, "sha384"),
    "HS512 with nothing": lambda: _mac("HS512", b"", "sha512"),
    "RS256 by the client's key": lambda: _by("RS256", RSA),
    "RS512 by the client's key": lambda: _by("RS512", RSA),
    "PS384 by the client's key": lambda: _by("PS384", RSA),
    "ES256 by a published key": lambda: _by("ES256", SMALL, kid=SMALL.kid),
    "ES384 of zeros": lambda: f"{b64(head(alg='ES384', kid=EC.kid))}.{b64(body())}.{b64(bytes(96))}",
    "an algorithm that the client does not use": lambda: signed(head(kid=SOUTH.kid), body(iss=OTHER), SOUTH),
    "a stranger's key": lambda: signed(head(), body(), STRANGER),
    "another client's key in this one's name": lambda: signed(head(kid=SOUTH.kid), body(), SOUTH),
    "for no practice of a shared client": lambda: signed(head(kid=STRANGER.kid), body(iss=SHARED), STRANGER),
    "for another practice of a shared client": lambda: signed(
        head(kid=STRANGER.kid), body(iss=SHARED, tenant="south-practice"), STRANGER
    ),
    "longer than this client's tokens live": lambda: signed(
        head(kid=STRANGER.kid), body(iss=SHARED, tenant="north-practice", exp=_late(301)), STRANGER
    ),
    "the payload is a list": lambda: signed(head(), "[]", RSA),
    "the payload is no JSON": lambda: signed(head(), "{", RSA),
    "the payload is not UTF-8": lambda: signed(head(), b"\xff\xfe", RSA),
    "the payload is nested": lambda: signed(head(), "[" * 5000, RSA),
    "the header is a list": lambda: signed("[]", body(), RSA),
    "alg twice": lambda: signed(f'{{"alg":"none","alg":"RS384","typ":"JWT","kid":"{RSA.kid}"}}', body(), STRANGER),
    "the signature is empty": lambda: _spoilt(lambda p: [p[0], p[1], ""]),
    "the signature is missing": lambda: _spoilt(lambda p: p[:2]),
    "the signature is changed": lambda: _spoilt(lambda p: [p[0], p[1], flipped(p[2])]),
    "the payload is changed": lambda: _spoilt(lambda p: [p[0], b64(body()), p[2]]),
    "four parts": lambda: _spoilt(lambda p: [*p, p[2]]),
    "padded": lambda: _spoilt(lambda p: [p[0] + "=", p[1], p[2]]),
    "a line break": lambda: _spoilt(lambda p: [p[0], p[1] + "\n", p[2]]),
    "not ASCII": lambda: "ä" + signed(head(), body(), RSA),
    "a megabyte": lambda: "A" * 1_000_000,
    "nothing": lambda: "",
    "dots": lambda: "..",
}  # fmt: skip


@pytest.fixture(scope="module")
async def verifier() -> AsyncIterator[CdsTokenVerifier]:
    """A verifier that can fetch from nowhere: no token makes it connect."""
    fetcher = JwksFetcher(dev=False)
    yield CdsTokenVerifier(ClientKeys(fetcher))
    await fetcher.close()


@pytest.mark.parametrize("name", CORPUS)
async def test_a_bad_token_is_refused_without_saying_why(verifier: CdsTokenVerifier, name: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        await verifier.verify(CORPUS[name](), clients=CLIENTS, address=ADDRESS)
    assert str(refused.value) == "the token of the CDS client is not valid here"


def test_the_corpus_is_large() -> None:
    assert len(CORPUS) >= 60


@pytest.mark.parametrize("key", [RSA, EC], ids=["RS384", "ES384"])
async def test_a_good_token_is_taken(verifier: CdsTokenVerifier, key: RSAKey | ECKey) -> None:
    algorithm = "RS384" if key is RSA else "ES384"
    claims = body(aud=[ADDRESS], exp=_late(900), nbf=_late(-300), sub="epic-client", tenant="any")
    token = jwt.encode(head(alg=algorithm, kid=key.kid), claims, key, algorithms=[algorithm])
    call = await verifier.verify(token, clients=CLIENTS, address=ADDRESS)
    assert (call.client.iss, call.token_id) == (ISSUER, claims["jti"])


async def test_a_shared_client_speaks_for_its_practice(verifier: CdsTokenVerifier) -> None:
    token = signed(head(kid=STRANGER.kid), body(iss=SHARED, tenant="north-practice"), STRANGER)
    assert (await verifier.verify(token, clients=CLIENTS, address=ADDRESS)).client.organization == "north-practice"


async def test_without_clients_nobody_is_taken(verifier: CdsTokenVerifier) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(signed(head(), body(), RSA), clients=(), address=ADDRESS)
