"""The EHR's SMART server (SMART App Launch 2.2.0): settings, tokens for backends and launched apps, discovery."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import httpx

from deploy.sandbox.clients import ALGORITHMS, Client, ClientAuthentication, TokenRefused
from deploy.sandbox.id_token import ALGORITHM, IdTokenSigner
from deploy.sandbox.id_token import LIFETIME as ID_TOKEN_LIFETIME
from deploy.sandbox.launch import Context, Grant, Launches
from deploy.sandbox.scopes import LAUNCH_WORDS, Scopes
from deploy.sandbox.weather import STATUS, Weather

BACKEND_LIFETIME = 300
REFRESH_LIFETIME = timedelta(hours=12)
GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials")

Answer = dict[str, str | int | bool]


@dataclass(frozen=True)
class Settings:
    """Where others find the EHR (`public_url`, without a slash at its end), who may ask it, how long users' tokens live.

    `cds_services` is the base of the CDS services that each opened chart asks; None: none is asked.
    """

    public_url: str
    clients: tuple[Client, ...] = ()
    user_token_seconds: int = 3600
    cds_services: str | None = None

    @property
    def fhir_base(self) -> str:
        """The FHIR base, which is also the `iss` of launches."""
        return f"{self.public_url}/fhir/R4"

    @property
    def issuer(self) -> str:
        """The `iss` of id_tokens and authorization answers: not the FHIR base, as at most EHRs."""
        return f"{self.public_url}/auth"

    @property
    def token_url(self) -> str:
        """The token endpoint, the audience of client assertions."""
        return f"{self.issuer}/token"


@dataclass(frozen=True)
class AccessToken:
    """What an access token stands for: a grant, of whose scopes it may carry fewer."""

    grant: Grant
    scopes: Scopes
    until: datetime


@dataclass
class _RefreshToken:
    grant: Grant
    until: datetime
    used: bool = False


@dataclass
class AuthorizationServer:
    """Answers token requests and knows the tokens that it gave; `now` is the real clock, `http` fetches registered JWKS."""

    settings: Settings
    http: httpx.AsyncClient
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    signer: IdTokenSigner = field(default_factory=IdTokenSigner)
    weather: Weather = field(default_factory=Weather)
    _tokens: dict[str, AccessToken] = field(default_factory=dict)
    _refresh: dict[str, _RefreshToken] = field(default_factory=dict)

    def __post_init__(self) -> None:
        settings = self.settings
        self.launches = Launches(settings.clients, settings.fhir_base, settings.issuer, self.now)
        self._clients = ClientAuthentication(settings.clients, settings.token_url, self.http, self.now)

    async def token(self, form: Mapping[str, str]) -> Answer:
        """Answer a token request of one of GRANT_TYPES (SMART 1.1, 1.7, 1.8); TokenRefused otherwise."""
        if form.get("grant_type") not in GRANT_TYPES:
            raise TokenRefused("unsupported_grant_type", f"offered are {', '.join(GRANT_TYPES)}")
        client = await self._clients.authenticate(form)
        if form["grant_type"] == "authorization_code":
            return await self._code(client, form)
        if form["grant_type"] == "refresh_token":
            return await self._refreshed(client, form)
        return self._backend(client, form)

    def access(self, token: str) -> AccessToken | None:
        """Return what a token stands for; None if it is unknown, expired or void."""
        found = self._tokens.get(token)
        return found if found is not None and found.until > self.now() and not found.grant.ended else None

    def sign_out(self, user: str) -> None:
        """End what apps were given while this user was signed in; what they got for offline_access stays."""
        grants = [one.grant for one in self._tokens.values()] + [one.grant for one in self._refresh.values()]
        for grant in grants:
            if grant.context is not None and grant.context.user == user and "offline_access" not in grant.scopes.words:
                grant.ended = True

    def _backend(self, client: Client, form: Mapping[str, str]) -> Answer:
        asked = Scopes.read(form.get("scope", "")).meet(Scopes.read(" ".join(client.scopes)))
        scopes = asked.where(lambda key: key.level == "system")
        if not scopes.letters:
            raise TokenRefused("invalid_scope", "none of the requested scopes is granted to this client")
        return self._given(Grant(client.client_id, Scopes(letters=scopes.letters)), None, BACKEND_LIFETIME)

    async def _code(self, client: Client, form: Mapping[str, str]) -> Answer:
        fault = await self._spared("token", "no_patient", "no_id_token")
        grant, nonce = self.launches.redeem(client, form)
        answer = self._given(grant, None, self.settings.user_token_seconds) | self._new_refresh_token(grant)
        if "openid" in grant.scopes.words and grant.context is not None and fault != "no_id_token":
            wrong = await self.weather.meet("id_token")
            answer["id_token"] = self.signer.sign(self._claims(grant, grant.context, nonce), wrong=wrong)
        if fault == "no_patient":
            answer.pop("patient", None)
        return answer

    async def _refreshed(self, client: Client, form: Mapping[str, str]) -> Answer:
        """Answer with a new pair of tokens; a refresh token that comes twice ends its grant (RFC 9700 4.14)."""
        fault = await self._spared("refresh", "no_rotation")
        found = self._refresh.get(form.get("refresh_token", ""))
        if found is None or found.grant.client_id != client.client_id or found.grant.ended or found.until <= self.now():
            raise TokenRefused("invalid_grant", "the refresh token is unknown, expired or void")
        if found.used:
            found.grant.ended = True
            raise TokenRefused("invalid_grant", "the refresh token was used before: its grant is void")
        scopes = _narrowed(found.grant.scopes, form["scope"]) if "scope" in form else None
        answer = self._given(found.grant, scopes, self.settings.user_token_seconds)
        if fault == "no_rotation":
            return answer
        found.used = True
        return answer | self._new_refresh_token(found.grant)

    async def _spared(self, at: str, *others: str) -> str | None:
        """Refuse as the weather says; return what it says that is no refusal, one of `others`."""
        fault = await self.weather.meet(at)
        if fault is None or fault in others:
            return fault
        raise TokenRefused(fault, "simulated", STATUS.get(fault, 400))

    def _given(self, grant: Grant, scopes: Scopes | None, seconds: int) -> Answer:
        """Keep a new access token and return its answer, with the launch's context where there is one."""
        moment, token, scopes = self.now(), secrets.token_urlsafe(32), scopes or grant.scopes
        self._tokens = {known: one for known, one in self._tokens.items() if one.until > moment}
        self._tokens[token] = AccessToken(grant, scopes, moment + timedelta(seconds=seconds))
        answer: Answer = {"access_token": token, "token_type": "bearer", "expires_in": seconds, "scope": str(scopes)}
        if grant.context is not None:
            context = {name: getattr(grant.context, name) for name in ("patient", "encounter", "intent")}
            answer |= {name: value for name, value in context.items() if value is not None}
            answer["need_patient_banner"] = grant.context.banner
            if grant.context.app_context is not None:
                answer["appContext"] = grant.context.app_context
        return answer

    def _new_refresh_token(self, grant: Grant) -> Answer:
        if not {"online_access", "offline_access"} & set(grant.scopes.words):
            return {}
        moment, token = self.now(), secrets.token_urlsafe(32)
        self._refresh = {known: one for known, one in self._refresh.items() if one.until > moment}
        self._refresh[token] = _RefreshToken(grant, moment + REFRESH_LIFETIME)
        return {"refresh_token": token}

    def _claims(self, grant: Grant, context: Context, nonce: str | None) -> dict[str, Any]:
        moment = int(self.now().timestamp())
        claims = {"iss": self.settings.issuer, "sub": sha256(context.user.encode()).hexdigest()[:24], "aud": grant.client_id}
        more = {"nonce": nonce} if nonce is not None else {}
        if "fhirUser" in grant.scopes.words:
            more["fhirUser"] = f"{self.settings.fhir_base}/Practitioner/{context.user}"
        return claims | more | {"iat": moment, "exp": moment + ID_TOKEN_LIFETIME}


def _narrowed(granted: Scopes, text: str) -> Scopes:
    """Return the scopes asked for at a refresh; TokenRefused if they are more than was granted (RFC 6749 6)."""
    asked = Scopes.read(text)
    if not text.split() or asked.meet(granted) != asked or set(str(asked).split()) != set(text.split()):
        raise TokenRefused("invalid_scope", "a refresh cannot ask for more than was granted")
    return asked


def discovery(settings: Settings) -> dict[str, Any]:
    """Return the smart-configuration document."""
    return {
        "issuer": settings.issuer,
        "jwks_uri": f"{settings.issuer}/jwks",
        "authorization_endpoint": f"{settings.issuer}/authorize",
        "token_endpoint": settings.token_url,
        "grant_types_supported": list(GRANT_TYPES),
        "response_types_supported": ["code"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "scopes_supported": [*LAUNCH_WORDS, "patient/*.crus", "user/*.crus", "system/*.crus"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "capabilities": [
            "launch-ehr",
            "authorize-post",
            "client-confidential-asymmetric",
            "sso-openid-connect",
            "context-banner",
            "context-ehr-patient",
            "context-ehr-encounter",
            "permission-offline",
            "permission-online",
            "permission-patient",
            "permission-user",
            "permission-v1",
            "permission-v2",
        ],
    }


def openid_configuration(settings: Settings) -> dict[str, Any]:
    """Return the document at the issuer's `.well-known/openid-configuration` (OpenID Connect Discovery)."""
    return discovery(settings) | {
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "claims_supported": ["iss", "sub", "aud", "iat", "exp", "nonce", "fhirUser"],
    }
