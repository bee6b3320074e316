"""Client key sets: which keys serve, which one an assertion means, and what is never taken in."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from shared.access.domain.assertion import StatedAssertion
from shared.access.domain.client import KeySet
from shared.smart.client_keys import ClientKeys, KeysInvalid, check_jwks, read_jwks
from shared.smart.jwks_fetch import JwksFetcher

RSA = RSAKey.generate_key(2048, auto_kid=True).as_dict(private=False)
EC = ECKey.generate_key("P-384", auto_kid=True).as_dict(private=False)
PRIVATE = ECKey.generate_key("P-384", auto_kid=True).as_dict(private=True)
SMALL = ECKey.generate_key("P-256", auto_kid=True).as_dict(private=False)


def _set(*keys: Any) -> str:
    return json.dumps({"keys": list(keys)})


def _stated(kid: str, algorithm: str = "RS384", url: str | None = None) -> StatedAssertion:
    return StatedAssertion("biller", algorithm, kid, url, "jti", datetime(2026, 10, 1, tzinfo=UTC))


async def _find(stated: StatedAssertion, *keys: Any, url: str | None = None) -> Any:
    fetcher = JwksFetcher(dev=False)
    try:
        return await ClientKeys(fetcher).find(stated, KeySet(jwks=_set(*keys)) if url is None else KeySet(jwks_url=url))
    finally:
        await fetcher.close()


async def test_exactly_one_key_by_kid_and_type() -> None:
    found = await _find(_stated(RSA["kid"]), RSA, EC)
    assert found.key_type == "RSA"
    assert (await _find(_stated("k"), RSA | {"kid": "k"}, EC | {"kid": "k"})).key_type == "RSA"
    assert (await _find(_stated("k", "ES384"), RSA | {"kid": "k"}, EC | {"kid": "k"})).key_type == "EC"
    assert await _find(_stated("k"), RSA | {"kid": "k"}, RSA | {"kid": "k"}) is None
    assert await _find(_stated(EC["kid"]), RSA, EC) is None
    assert await _find(_stated("other"), RSA, EC) is None
    assert await _find(_stated(RSA["kid"], url="https://example.org/jwks"), RSA) is None
    assert await _find(_stated(EC["kid"], "ES384"), EC | {"alg": "RS384"}) is None


@pytest.mark.parametrize(
    "key",
    [
        SMALL,
        RSA | {"use": "enc"},
        RSA | {"key_ops": ["encrypt"]},
        RSA | {"key_ops": 1},
        RSA | {"alg": "RS256"},
        RSA | {"alg": ["RS384"]},
        RSA | {"kid": ""},
        RSA | {"kid": 1},
        RSA | {"n": "AQAB"},
        RSA | {"n": "A" * 60_000},
        RSA | {"n": 5},
        RSA | {"n": "!" * 342},
        RSA | {"kty": "EC"},
        EC | {"kty": "RSA"},
        EC | {"x": EC["y"]},
        EC | {"crv": "P-999"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "o"},
        {"kid": "empty"},
    ],
    ids=lambda key: f"{key.get('kty')} {' '.join(sorted(key))}",
)
def test_a_key_that_cannot_serve_is_not_taken(key: dict[str, Any]) -> None:
    assert read_jwks(_set(key)) == []
    with pytest.raises(KeysInvalid):
        check_jwks(_set(key))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"keys": {}}',
        '{"keys": [1]}',
        "[" * 2000,
        _set(PRIVATE),
        _set(OctKey.generate_key(256).as_dict(private=True)),
        _set(*[RSA | {"kid": str(n)} for n in range(21)]),
    ],
    ids=["empty", "list", "no keys", "object", "number", "deep", "private", "secret", "many"],
)
def test_what_is_no_public_key_set_is_refused(text: str) -> None:
    with pytest.raises(KeysInvalid):
        read_jwks(text)


def test_a_registered_set_names_each_key_once() -> None:
    with pytest.raises(KeysInvalid, match="same kid"):
        check_jwks(_set(RSA, RSA))
    assert [key["kid"] for key in json.loads(check_jwks(_set(RSA, EC, SMALL)))["keys"]] == [RSA["kid"], EC["kid"]]
