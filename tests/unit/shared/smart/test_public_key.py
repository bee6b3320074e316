"""A client's public key in PEM, as openssl writes it, becomes its key set."""

import json

import pytest
from joserfc.jwk import ECKey, RSAKey

from shared.smart.client_keys import KeysInvalid, check_jwks, jwks_of_pem

KEYS = {"RSA": RSAKey.generate_key(2048), "EC": ECKey.generate_key("P-384")}


@pytest.mark.parametrize("kind", KEYS)
def test_it_is_named_by_its_thumbprint_and_holds_nothing_secret(kind: str) -> None:
    key = KEYS[kind]
    (found,) = json.loads(check_jwks(jwks_of_pem(key.as_pem(private=False))))["keys"]
    assert (found["kty"], found["kid"], found["use"]) == (kind, key.thumbprint(), "sig")
    assert "d" not in found


@pytest.mark.parametrize("body", [KEYS["RSA"].as_pem(private=True), b"no key", b""], ids=("private", "garbage", "empty"))
def test_what_is_no_public_key_is_refused(body: bytes) -> None:
    with pytest.raises(KeysInvalid, match="pubout"):
        jwks_of_pem(body)
