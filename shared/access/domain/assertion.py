"""What a client's signed assertion must say (standards.md 1.7, 2.2; SMART backend services; RFC 7523)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from shared.access.domain.client import is_client_id
from shared.kernel.errors import Malformed
from shared.kernel.signatures import KEY_TYPES

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LONGEST_SECONDS = 300
_SKEW_SECONDS = 30
_TOKEN_ID = re.compile(r"[\x21-\x7e]{1,256}\Z")


class OAuthError(StrEnum):
    """The error codes of RFC 6749 5.2 that this endpoint uses."""

    INVALID_REQUEST = "invalid_request"
    INVALID_CLIENT = "invalid_client"
    INVALID_SCOPE = "invalid_scope"
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"


class TokenRefused(Malformed):
    """No token is given; `error` is the code for the client, the text says what it can know of the reason."""

    rule = "token-refused"

    def __init__(self, error: OAuthError, text: str) -> None:
        super().__init__(text)
        self.error = error


def not_authenticated(text: str = "the client could not be authenticated here") -> TokenRefused:
    """Return the refusal of a client; the default text serves for all that depends on what we know of clients and tenants."""
    return TokenRefused(OAuthError.INVALID_CLIENT, text)


@dataclass(frozen=True)
class StatedAssertion:
    """What an assertion says, well formed and in time, its signature not yet checked."""

    client_id: str
    algorithm: str
    key_id: str
    key_url: str | None
    token_id: str
    expires_at: datetime


@dataclass(frozen=True)
class SignedAssertion:
    """An assertion that the client's registered key has signed."""

    client_id: str
    token_id: str
    expires_at: datetime


def read_assertion(
    header: Mapping[str, object], claims: Mapping[str, object], *, token_url: str, now: datetime
) -> StatedAssertion:
    """Read header and claims; TokenRefused (invalid_client) names the first that is missing or wrong.

    The audience is exactly `token_url`, as one string; the end lies at most 300 s ahead (and 30 s for clocks that differ).
    """
    algorithm, key_id, key_url = header.get("alg"), header.get("kid"), header.get("jku")
    if not isinstance(algorithm, str) or algorithm not in KEY_TYPES:
        raise not_authenticated(f"header alg must be one of {', '.join(KEY_TYPES)}")
    if header.get("typ") != "JWT":
        raise not_authenticated("header typ must be JWT")
    if not isinstance(key_id, str) or not key_id:
        raise not_authenticated("header kid must name the signing key")
    if key_url is not None and not isinstance(key_url, str):
        raise not_authenticated("header jku must be a text")
    issuer, token_id = claims.get("iss"), claims.get("jti")
    if not isinstance(issuer, str) or not is_client_id(issuer) or claims.get("sub") != issuer:
        raise not_authenticated("iss and sub must both be the client id")
    if claims.get("aud") != token_url:
        raise not_authenticated("aud must be the address of this token endpoint, as one string")
    if not isinstance(token_id, str) or not _TOKEN_ID.match(token_id):
        raise not_authenticated("jti must be 1 to 256 printable ASCII characters")
    expires_at = _check_times(claims, now)
    return StatedAssertion(issuer, algorithm, key_id, key_url, token_id, expires_at)


def _check_times(claims: Mapping[str, object], now: datetime) -> datetime:
    present = now.timestamp()
    end = _seconds(claims, "exp")
    if end is None or not present < end <= present + _LONGEST_SECONDS + _SKEW_SECONDS:
        raise not_authenticated(f"exp must lie ahead, by at most {_LONGEST_SECONDS} seconds")
    for name in ("iat", "nbf"):
        start = _seconds(claims, name)
        if name in claims and (start is None or not start <= present + _SKEW_SECONDS):
            raise not_authenticated(f"{name} must be a time that has come")
    return datetime.fromtimestamp(end, UTC)


def _seconds(claims: Mapping[str, object], name: str) -> float | int | None:
    value = claims.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
