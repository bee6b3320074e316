"""id_tokens (OpenID Connect Core) of this EHR, signed RS256 as SMART asks, and the keys to check them by."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.jwk import RSAKey

ALGORITHM = "RS256"
LIFETIME = 300


class IdTokenSigner:
    """Holds the signing key, `key` or a new one, and after a rotation the one before it, still published for tokens under way."""

    def __init__(self, key: RSAKey | None = None) -> None:
        self._keys = [key or new_key()]

    def jwks(self) -> dict[str, Any]:
        """Return the public keys, the one in use first."""
        return {"keys": [key.as_dict(private=False) for key in self._keys]}

    def rotate(self) -> None:
        """Sign with a new key from now on."""
        self._keys = [new_key(), self._keys[0]]

    def sign(self, claims: Mapping[str, Any], *, wrong: str | None = None) -> str:
        """Return a signed token; `wrong` spoils it in one way, by the names of `weather.ANSWERS`.

        iss differs by a slash, aud is another app, azp another of two apps, exp has passed, the nonce is another, fhirUser lies
        on another host; sig is by a stranger's key under our kid, alg is none, without a signature, kid names no key of ours.
        """
        key, spoilt = self._keys[0], dict(claims) | _spoilt(claims, wrong)
        header = {"alg": ALGORITHM, "typ": "JWT", "kid": key.kid}
        if wrong == "alg":
            unsigned = [urlsafe_b64encode(msgspec.json.encode(part)).rstrip(b"=") for part in (header | {"alg": "none"}, spoilt)]
            return b".".join([*unsigned, b""]).decode()
        if wrong in ("sig", "kid"):
            key = new_key()
            header["kid"] = header["kid"] if wrong == "sig" else key.kid
        return jwt.encode(header, spoilt, key, algorithms=[ALGORITHM])


def _spoilt(claims: Mapping[str, Any], wrong: str | None) -> dict[str, Any]:
    user = str(claims.get("fhirUser")).rpartition("/")[2]
    apart: dict[str, dict[str, Any]] = {
        "iss": {"iss": f"{claims['iss']}/"},
        "aud": {"aud": "another-app"},
        "azp": {"aud": [claims["aud"], "another-app"], "azp": "another-app"},
        "exp": {"iat": claims["iat"] - 3600, "exp": claims["exp"] - 3600},
        "nonce": {"nonce": "another"},
        "fhirUser": {"fhirUser": f"https://elsewhere.example/fhir/R4/Practitioner/{user}"},
    }
    return apart.get(wrong or "", {})


def new_key() -> RSAKey:
    """Return a key to sign with, named by its thumbprint."""
    return RSAKey.generate_key(2048, {"use": "sig", "alg": ALGORITHM}, private=True, auto_kid=True)
