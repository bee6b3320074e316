"""Registered clients and how they prove themselves: signed assertions (SMART App Launch 2.2.0, `private_key_jwt`)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
import msgspec
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

ALGORITHMS = ("RS384", "ES384")
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFETIME = 300
SKEW = 30

_KEY_TYPES = {"RS384": "RSA", "ES384": "EC"}


@dataclass(frozen=True)
class Client:
    """A registered client: its keys are the JWKS given here or the one at the registered address, never another's.

    One with a `launch_url` is an app that a chart can open; codes go to exactly one of its `redirect_uris`.
    """

    client_id: str
    scopes: tuple[str, ...]
    jwks: Mapping[str, Any] | None = None
    jwks_url: str | None = None
    launch_url: str | None = None
    redirect_uris: tuple[str, ...] = ()


class TokenRefused(Exception):
    """A token request refused with an OAuth error code (RFC 6749 5.2) and its HTTP status."""

    def __init__(self, error: str, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.error = error
        self.status = status


@dataclass
class ClientAuthentication:
    """Tells which client signed an assertion; `http` fetches the JWKS at registered addresses."""

    clients: tuple[Client, ...]
    token_url: str
    http: httpx.AsyncClient
    now: Callable[[], datetime]
    _seen: dict[tuple[str, str], float] = field(default_factory=dict)

    async def authenticate(self, form: Mapping[str, str]) -> Client:
        """Return the client whose assertion the form carries (standards 1.7, 2.2); TokenRefused otherwise."""
        if form.get("client_assertion_type") != ASSERTION_TYPE or not form.get("client_assertion"):
            raise TokenRefused("invalid_request", "a client_assertion of type jwt-bearer is required")
        assertion = form["client_assertion"]
        try:
            header, claims = _unverified(assertion)
            client = next((one for one in self.clients if one.client_id == claims.get("iss")), None)
            if client is None:
                raise _bad_client("the client is not registered")
            key = _only_key(await self._keys(client), _checked_header(header, client))
            verified = jwt.decode(assertion, key, algorithms=list(ALGORITHMS)).claims
        except (JoseError, ValueError) as error:
            raise _bad_client("the assertion cannot be verified") from error
        if form.get("client_id", client.client_id) != client.client_id:
            raise _bad_client("client_id is not the client of the assertion")
        self._check_claims(verified, client)
        return client

    async def _keys(self, client: Client) -> KeySet:
        """Return the client's registered keys, fetched anew each time: a sandbox has no need of a cache that may be stale."""
        try:
            if client.jwks_url is None:
                return KeySet.import_key_set({"keys": list((client.jwks or {})["keys"])})
            answer = await self.http.get(client.jwks_url, follow_redirects=False, timeout=2)
            return KeySet.import_key_set(answer.raise_for_status().json())
        except (httpx.HTTPError, KeyError, TypeError) as error:
            raise _bad_client("the registered keys cannot be read") from error

    def _check_claims(self, claims: Mapping[str, Any], client: Client) -> None:
        moment = self.now().timestamp()
        expires, jti = claims.get("exp"), claims.get("jti")
        if claims.get("sub") != client.client_id or claims.get("iss") != client.client_id:
            raise _bad_client("iss and sub must both be the client id")
        if claims.get("aud") not in (self.token_url, [self.token_url]):
            raise _bad_client("aud must be the token endpoint")
        if not isinstance(expires, int | float) or not moment < expires <= moment + ASSERTION_LIFETIME + SKEW:
            raise _bad_client("exp must lie at most five minutes ahead")
        if not isinstance(jti, str) or not jti:
            raise _bad_client("jti is required")
        self._seen = {known: until for known, until in self._seen.items() if until > moment}
        if (client.client_id, jti) in self._seen:
            raise _bad_client("this jti was used before")
        self._seen[client.client_id, jti] = float(expires)


def _bad_client(text: str) -> TokenRefused:
    return TokenRefused("invalid_client", text, 401)


def _unverified(assertion: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Read header and claims before the signature is checked: only to learn which registered client to check it against."""
    parts = jws.extract_compact(assertion.encode())
    claims = msgspec.json.decode(parts.payload)
    if not isinstance(claims, dict):
        raise ValueError("the claims are no object")
    return parts.headers(), claims


def _checked_header(header: Mapping[str, Any], client: Client) -> Mapping[str, Any]:
    if header.get("alg") not in ALGORITHMS or not isinstance(header.get("kid"), str):
        raise _bad_client("the header needs alg RS384 or ES384 and a kid")
    if any(name in header for name in ("jwk", "x5u", "x5c", "crit")) or header.get("typ", "JWT") != "JWT":
        raise _bad_client("the header carries what is not accepted")
    if header.get("jku", client.jwks_url) != client.jwks_url:
        raise _bad_client("jku is not the registered address")
    return header


def _only_key(keys: KeySet, header: Mapping[str, Any]) -> Key:
    fitting = [key for key in keys.keys if key.kid == header["kid"] and key.key_type == _KEY_TYPES[header["alg"]]]
    if len(fitting) != 1:
        raise _bad_client("the kid does not name exactly one registered key")
    return fitting[0]
