"""Access tokens that must open nothing: a class of forgery or carelessness a row (requirement 7).

Client assertions, the other verifier, meet theirs in tests/integration/access/test_assertion_refusals.py.
"""

import base64
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA384
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from shared.kernel.errors import Unauthenticated
from shared.smart.keys import KeySource
from shared.smart.tokens import TokenVerifier
from shared.web.routes import fhir_base
from tests.fakes.tokens import PUBLIC_URL

pytestmark = pytest.mark.requirement("standards-7")

RSA = RSAKey.generate_key(2048, auto_kid=True)
NEXT = RSAKey.generate_key(2048, auto_kid=True)
STRANGER = RSAKey.generate_key(2048, auto_kid=True)
EC = ECKey.generate_key("P-384", auto_kid=True)
Token = Callable[[], str]


def b64(data: bytes | str | dict[str, Any]) -> str:
    """Encode as base64url."""
    raw = json.dumps(data).encode() if isinstance(data, dict) else data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def head(**changes: object) -> dict[str, Any]:
    """Return a good header, changed; None takes a member away."""
    return {k: v for k, v in ({"alg": "RS384", "typ": "at+jwt", "kid": RSA.kid} | changes).items() if v is not None}


def body(**changes: object) -> dict[str, Any]:
    """Return good claims, changed; None takes one away."""
    now = int(time.time())
    claims: dict[str, object] = {
        "iss": PUBLIC_URL, "aud": fhir_base(PUBLIC_URL, "north"), "sub": "ehr", "client_id": "ehr", "tenant": "north",
        "jti": "1", "iat": now, "exp": now + 300, "scope": "system/Task.r",
    }  # fmt: skip
    return {k: v for k, v in (claims | changes).items() if v is not None}


def signed(header: dict[str, Any] | str, payload: dict[str, Any] | str | bytes, key: RSAKey = RSA) -> str:
    """Sign anything by RS384, whatever it says."""
    first = f"{b64(header)}.{b64(payload)}"
    return f"{first}.{b64(key.private_key.sign(first.encode(), PKCS1v15(), SHA384()))}"


def mac(alg: str, secret: bytes, digest: str) -> str:
    """Sign with a public key as if it were a shared secret."""
    first = f"{b64(head(alg=alg))}.{b64(body())}"
    return f"{first}.{b64(hmac.new(secret, first.encode(), digest).digest())}"


def other(alg: str, key: RSAKey | ECKey | OctKey, **header: object) -> str:
    """Sign by another algorithm, rightly."""
    return jws.serialize_compact(head(alg=alg, **header), json.dumps(body()).encode(), key, algorithms=[alg])


def spoilt(spoil: Callable[[list[str]], list[str]]) -> str:
    """Spoil the parts of a good token."""
    return ".".join(spoil(signed(head(), body()).split(".")))


def flipped(text: str, at: int = 10) -> str:
    """Change one character."""
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]


PEM = RSA.as_pem(private=False)
JWK = json.dumps(RSA.as_dict(private=False)).encode()
EC_HALF = b64(b"\0" * 96)

CORPUS: dict[str, Token] = {
    "alg none": lambda: f"{b64(head(alg='none'))}.{b64(body())}.",
    "alg None": lambda: f"{b64(head(alg='None'))}.{b64(body())}.",
    "alg nOnE with the signature left": lambda: signed(head(alg="nOnE"), body()),
    "alg empty": lambda: signed(head(alg=""), body()),
    "alg missing": lambda: signed(head(alg=None), body()),
    "alg a list": lambda: signed(head(alg=["RS384"]), body()),
    "alg a number": lambda: signed(head(alg=384), body()),
    "alg null": lambda: signed(json.dumps({"alg": None, "typ": "at+jwt", "kid": RSA.kid}), body()),
    "alg in small letters": lambda: signed(head(alg="rs384"), body()),
    "HS256 with the public PEM": lambda: mac("HS256", PEM, "sha256"),
    "HS384 with the public PEM": lambda: mac("HS384", PEM, "sha384"),
    "HS512 with the public JWK": lambda: mac("HS512", JWK, "sha512"),
    "HS256 with nothing": lambda: mac("HS256", b"", "sha256"),
    "HS384 with the kid": lambda: mac("HS384", str(RSA.kid).encode(), "sha384"),
    "RS384 named, HMAC inside": lambda: mac("RS384", PEM, "sha384"),
    "RS256 by our key": lambda: other("RS256", RSA),
    "RS512 by our key": lambda: other("RS512", RSA),
    "PS384 by our key": lambda: other("PS384", RSA),
    "PS256 by our key": lambda: other("PS256", RSA),
    "ES384 by a published EC key": lambda: other("ES384", EC, kid=EC.kid),
    "ES384 of zeros": lambda: f"{b64(head(alg='ES384', kid=EC.kid))}.{b64(body())}.{EC_HALF}",
    "RS384 under the kid of an EC key": lambda: signed(head(kid=EC.kid), body()),
    "EdDSA named": lambda: signed(head(alg="EdDSA"), body()),
    "a stranger's key": lambda: signed(head(), body(), STRANGER),
    "a stranger's key under its kid": lambda: signed(head(kid=STRANGER.kid), body(), STRANGER),
    "our other key under this kid": lambda: signed(head(), body(), NEXT),
    "kid missing": lambda: signed(head(kid=None), body()),
    "kid empty": lambda: signed(head(kid=""), body()),
    "kid a number": lambda: signed(head(kid=1), body()),
    "kid a list": lambda: signed(head(kid=[RSA.kid]), body()),
    "kid a path": lambda: signed(head(kid="../../etc/passwd"), body()),
    "kid with a statement": lambda: signed(head(kid="' OR 1=1 --"), body()),
    "kid with spaces around": lambda: signed(head(kid=f" {RSA.kid} "), body()),
    "jwk embedded": lambda: signed(head(jwk=STRANGER.as_dict(private=False)), body(), STRANGER),
    "jwk embedded, kid missing": lambda: signed(head(jwk=STRANGER.as_dict(private=False), kid=None), body(), STRANGER),
    "jku": lambda: signed(head(jku="https://evil.example/jwks.json"), body()),
    "jku of ours": lambda: signed(head(jku=f"{PUBLIC_URL}/.well-known/jwks.json"), body()),
    "x5u": lambda: signed(head(x5u="https://evil.example/cert.pem"), body()),
    "x5c": lambda: signed(head(x5c=["MIIB"]), body()),
    "crit": lambda: signed(head(crit=["exp"]), body()),
    "crit empty": lambda: signed(head(crit=[]), body()),
    "b64 false": lambda: signed(head(b64=False), body()),
    "typ JWT": lambda: signed(head(typ="JWT"), body()),
    "typ missing": lambda: signed(head(typ=None), body()),
    "typ of a logout token": lambda: signed(head(typ="logout+jwt"), body()),
    "typ application/at+jwt": lambda: signed(head(typ="application/at+jwt"), body()),
    "a header too large": lambda: signed(head(pad="x" * 5000), body()),
    "the header is a list": lambda: signed("[]", body()),
    "the header is no JSON": lambda: signed("{", body()),
    "alg twice": lambda: signed(f'{{"alg":"none","alg":"RS384","typ":"at+jwt","kid":"{RSA.kid}"}}', body(), STRANGER),
    "the payload is a list": lambda: signed(head(), "[]"),
    "the payload is no JSON": lambda: signed(head(), "{"),
    "the payload is a string": lambda: signed(head(), '"admin"'),
    "the payload is empty": lambda: signed(head(), ""),
    "the payload is not UTF-8": lambda: signed(head(), b"\xff\xfe"),
    "the signature is empty": lambda: spoilt(lambda p: [p[0], p[1], ""]),
    "the signature is missing": lambda: spoilt(lambda p: p[:2]),
    "the signature is cut": lambda: spoilt(lambda p: [p[0], p[1], p[2][:-8]]),
    "the signature is changed": lambda: spoilt(lambda p: [p[0], p[1], flipped(p[2])]),
    "the signature is of another token": lambda: spoilt(lambda p: [p[0], p[1], signed(head(), body(sub="x")).split(".")[2]]),
    "the payload is changed": lambda: spoilt(lambda p: [p[0], b64(body(scope="system/*.cruds")), p[2]]),
    "the header is changed": lambda: spoilt(lambda p: [b64(head(extra=1)), p[1], p[2]]),
    "four parts": lambda: spoilt(lambda p: [*p, p[2]]),
    "five parts, as a JWE": lambda: spoilt(lambda p: [*p, p[1], p[2]]),
    "padded base64": lambda: spoilt(lambda p: [p[0] + "=", p[1], p[2]]),
    "a line break inside": lambda: spoilt(lambda p: [p[0], p[1] + "\n", p[2]]),
    "not ASCII": lambda: "ä" + signed(head(), body()),
    "JSON serialisation": lambda: json.dumps({"payload": b64(body()), "signatures": []}),
    "expired a second ago": lambda: signed(head(), body(exp=int(time.time()) - 1, iat=int(time.time()) - 200)),
    "lives 301 seconds": lambda: signed(head(), body(exp=int(time.time()) + 301)),
    "lives for ever": lambda: signed(head(), body(exp=2**60)),
    "exp missing": lambda: signed(head(), body(exp=None)),
    "exp a string": lambda: signed(head(), body(exp=str(int(time.time()) + 300))),
    "exp a fraction": lambda: signed(head(), body(exp=time.time() + 300)),
    "exp true": lambda: signed(head(), body(exp=True)),
    "exp below zero": lambda: signed(head(), body(exp=-1)),
    "iat missing": lambda: signed(head(), body(iat=None)),
    "iat in the future": lambda: signed(head(), body(iat=int(time.time()) + 60)),
    "iat a string": lambda: signed(head(), body(iat="0")),
    "nbf": lambda: signed(head(), body(nbf=int(time.time()) + 100)),
    "iss of another": lambda: signed(head(), body(iss="https://evil.example")),
    "iss with a slash more": lambda: signed(head(), body(iss=f"{PUBLIC_URL}/")),
    "iss missing": lambda: signed(head(), body(iss=None)),
    "iss a list": lambda: signed(head(), body(iss=[PUBLIC_URL])),
    "aud a list": lambda: signed(head(), body(aud=[fhir_base(PUBLIC_URL, "north")])),
    "aud missing": lambda: signed(head(), body(aud=None)),
    "tenant missing": lambda: signed(head(), body(tenant=None)),
    "tenant a list": lambda: signed(head(), body(tenant=["north", "south"])),
    "sub missing": lambda: signed(head(), body(sub=None)),
    "client_id missing": lambda: signed(head(), body(client_id=None)),
    "jti missing": lambda: signed(head(), body(jti=None)),
    "scope missing": lambda: signed(head(), body(scope=None)),
    "scope a list": lambda: signed(head(), body(scope=["system/*.cruds"])),
    "patient a list": lambda: signed(head(), body(patient=["p-1"])),
    "roles a string": lambda: signed(head(), body(roles="program-lead")),
    "sid a number": lambda: signed(head(), body(sid=1)),
    "an id_token": lambda: signed(head(typ="JWT"), body(nonce="n", aud="careledger", scope=None)),
    "nothing": lambda: "",
    "a word": lambda: "token",
    "dots": lambda: "..",
    "a megabyte": lambda: "A" * 1_000_000,
}  # fmt: skip


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> TokenVerifier:
    """A verifier that knows today's and tomorrow's RSA key, and an EC key that somebody published by mistake."""
    file: Path = tmp_path_factory.mktemp("keys") / "jwks.json"
    file.write_text(json.dumps({"keys": [key.as_dict(private=False) for key in (RSA, NEXT, EC)]}))
    return TokenVerifier(KeySource(str(file)), issuer=PUBLIC_URL)


@pytest.mark.parametrize("name", CORPUS)
async def test_a_bad_token_is_refused_without_saying_why(verifier: TokenVerifier, name: str) -> None:
    token = CORPUS[name]()
    for _ in range(2):  # the second time it could come from the cache
        with pytest.raises(Unauthenticated) as refused:
            await verifier.verify(token)
        assert str(refused.value) == "the access token is not valid here"


def test_the_corpus_is_large() -> None:
    assert len(CORPUS) >= 60
    assert len({make() for make in CORPUS.values()}) == len(CORPUS), "two classes are the same token"


@pytest.mark.parametrize("key", [RSA, NEXT], ids=["today", "tomorrow"])
async def test_a_good_token_of_each_key_is_taken(verifier: TokenVerifier, key: RSAKey) -> None:
    token = jwt.encode(head(kid=key.kid), body(), key, algorithms=["RS384"])
    assert [(await verifier.verify(token)).client_id for _ in range(2)] == ["ehr", "ehr"]


async def test_a_token_is_not_remembered_beyond_its_end(verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch) -> None:
    token = signed(head(), body(exp=int(time.time()) + 2))
    await verifier.verify(token)
    later = time.time() + 3
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)
