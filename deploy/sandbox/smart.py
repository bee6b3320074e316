"""The EHR's SMART server for backend services (SMART App Launch 2.2.0): registered clients, assertions, tokens, scopes."""

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

ALGORITHMS = ("RS384", "ES384")
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFETIME = 300
SKEW = 30

_SCOPE = re.compile(r"system/([A-Z][A-Za-z]*|\*)\.(c?r?u?d?s?|read|write|\*)\Z")
_V1 = {"read": "rs", "write": "cud", "*": "cruds"}
_KEY_TYPES = {"RS384": "RSA", "ES384": "EC"}


@dataclass(frozen=True)
class Client:
    """A registered backend client; its keys are the JWKS given here or the one at the registered address, never another's."""

    client_id: str
    scopes: tuple[str, ...]
    jwks: Mapping[str, Any] | None = None
    jwks_url: str | None = None


@dataclass(frozen=True)
class Settings:
    """Where the EHR is found by others (`public_url`, without a slash at its end) and who may ask it."""

    public_url: str
    clients: tuple[Client, ...] = ()

    @property
    def fhir_base(self) -> str:
        """The FHIR base, which is also the `iss` of this EHR."""
        return f"{self.public_url}/fhir/R4"

    @property
    def token_url(self) -> str:
        """The token endpoint, the audience of client assertions."""
        return f"{self.public_url}/auth/token"


class TokenRefused(Exception):
    """A token request refused with an OAuth error code (RFC 6749 5.2) and its HTTP status."""

    def __init__(self, error: str, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.error = error
        self.status = status


Scopes = dict[str, str]
"""Interactions by resource type, as letters of `cruds`; type `*` stands for all."""


@dataclass(frozen=True)
class Grant:
    """What an access token stands for."""

    client_id: str
    scopes: Scopes
    until: datetime

    def allows(self, kind: str, interaction: str) -> bool:
        """Say whether one interaction (a letter of `cruds`) with a resource type is granted."""
        return interaction in self.scopes.get(kind, "") or interaction in self.scopes.get("*", "")


@dataclass
class AuthorizationServer:
    """Answers token requests and knows the tokens that it gave; `now` is the real clock, `http` fetches registered JWKS."""

    settings: Settings
    http: httpx.AsyncClient
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _tokens: dict[str, Grant] = field(default_factory=dict)
    _seen: dict[tuple[str, str], float] = field(default_factory=dict)

    async def token(self, form: Mapping[str, str]) -> dict[str, str | int]:
        """Answer a client_credentials request (SMART 1.8); TokenRefused otherwise."""
        if form.get("grant_type") != "client_credentials":
            raise TokenRefused("unsupported_grant_type", "only client_credentials is offered")
        if form.get("client_assertion_type") != ASSERTION_TYPE or not form.get("client_assertion"):
            raise TokenRefused("invalid_request", "a client_assertion of type jwt-bearer is required")
        client = await self._authenticate(form["client_assertion"])
        scopes = granted(parse_scopes(form.get("scope", "")), parse_scopes(" ".join(client.scopes)))
        if not scopes:
            raise TokenRefused("invalid_scope", "none of the requested scopes is granted to this client")
        token = secrets.token_urlsafe(32)
        moment = self.now()
        self._tokens = {known: grant for known, grant in self._tokens.items() if grant.until > moment}
        self._tokens[token] = Grant(client.client_id, scopes, datetime.fromtimestamp(moment.timestamp() + LIFETIME, UTC))
        written = " ".join(f"system/{kind}.{letters}" for kind, letters in scopes.items())
        return {"access_token": token, "token_type": "bearer", "expires_in": LIFETIME, "scope": written}

    def grant(self, token: str) -> Grant | None:
        """Return what a token stands for; None if it is unknown or expired."""
        found = self._tokens.get(token)
        return found if found is not None and found.until > self.now() else None

    async def _authenticate(self, assertion: str) -> Client:
        """Return the client that signed the assertion (standards 1.7, 2.2); TokenRefused as invalid_client otherwise."""
        try:
            header, claims = _unverified(assertion)
            client = next((one for one in self.settings.clients if one.client_id == claims.get("iss")), None)
            if client is None:
                raise _bad_client("the client is not registered")
            key = _only_key(await self._keys(client), _checked_header(header, client))
            verified = jwt.decode(assertion, key, algorithms=list(ALGORITHMS)).claims
        except (JoseError, ValueError) as error:
            raise _bad_client("the assertion cannot be verified") from error
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
        if claims.get("aud") not in (self.settings.token_url, [self.settings.token_url]):
            raise _bad_client("aud must be the token endpoint")
        if not isinstance(expires, int | float) or not moment < expires <= moment + LIFETIME + SKEW:
            raise _bad_client("exp must lie at most five minutes ahead")
        if not isinstance(jti, str) or not jti:
            raise _bad_client("jti is required")
        self._seen = {known: until for known, until in self._seen.items() if until > moment}
        if (client.client_id, jti) in self._seen:
            raise _bad_client("this jti was used before")
        self._seen[client.client_id, jti] = float(expires)


def parse_scopes(text: str) -> Scopes:
    """Read system scopes, v1 and v2; what is none, or narrows by a query that we do not enforce, is left out."""
    scopes: Scopes = {}
    for word in text.split():
        match = _SCOPE.match(word)
        if match and match[2]:
            scopes[match[1]] = _union(scopes.get(match[1], ""), _V1.get(match[2], match[2]))
    return scopes


def granted(requested: Scopes, allowed: Scopes) -> Scopes:
    """Return what was both requested and allowed; `*` on one side takes the types of the other."""
    result: Scopes = {}
    for kind, wanted in requested.items():
        for other, letters in allowed.items():
            if "*" in (kind, other) or kind == other:
                common = "".join(letter for letter in wanted if letter in letters)
                name = other if kind == "*" else kind
                if common:
                    result[name] = _union(result.get(name, ""), common)
    return result


def discovery(settings: Settings) -> dict[str, Any]:
    """Return the smart-configuration document: backend services only, there is no launch yet."""
    return {
        "token_endpoint": settings.token_url,
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "scopes_supported": ["system/*.cruds"],
        "code_challenge_methods_supported": ["S256"],
        "capabilities": ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
    }


def _union(one: str, other: str) -> str:
    return "".join(letter for letter in "cruds" if letter in one + other)


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
