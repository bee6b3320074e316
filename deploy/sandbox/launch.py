"""EHR launch (SMART App Launch 2.2.0): handles that a chart gives out, and the authorization codes that they turn into."""

import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from urllib.parse import urlencode

from deploy.sandbox.clients import Client, TokenRefused
from deploy.sandbox.scopes import ScopeKey, Scopes
from deploy.sandbox.search import PARAMETERS

HANDLE_LIFETIME = timedelta(minutes=5)
CODE_LIFETIME = timedelta(seconds=60)
PATIENT_TYPES = frozenset({"Patient"} | {kind for kind, known in PARAMETERS.items() if "patient" in known})
"""The types whose resources belong to a patient: `patient/` scopes are for these only."""

_KEPT = timedelta(minutes=10)
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z")


@dataclass(frozen=True)
class Context:
    """What a launch says: who is signed in (a Practitioner's id), whose chart is open, and how the app is shown.

    `app_context` is what a CDS card asked to be told to the app (CDS Hooks 2.0.1, Link).
    """

    user: str
    patient: str | None = None
    encounter: str | None = None
    intent: str | None = None
    banner: bool = True
    app_context: str | None = None


@dataclass
class Grant:
    """What a client was given, in a launch's context or, for a backend, without one; once ended, all its tokens are void."""

    client_id: str
    scopes: Scopes
    context: Context | None = None
    ended: bool = False


class NoSuchApp(Exception):
    """An authorization request that names no registered app and redirect address: it is answered by a page, never a redirect."""


class AuthorizeRefused(Exception):
    """An authorization request refused by a redirect with an OAuth error code (RFC 6749 4.1.2.1)."""

    def __init__(self, error: str, text: str) -> None:
        super().__init__(text)
        self.error = error


@dataclass(frozen=True)
class _Launch:
    client: Client
    context: Context
    until: datetime


@dataclass
class _Code:
    grant: Grant
    redirect_uri: str
    challenge: str
    nonce: str | None
    until: datetime
    used: bool = False


@dataclass
class Launches:
    """Gives out launch handles, turns each into one code at most, and each code into one grant at most.

    `fhir_base` is the `iss` of launches and the `aud` to be asked for, `issuer` the `iss` of answers (RFC 9207).
    """

    clients: tuple[Client, ...]
    fhir_base: str
    issuer: str
    now: Callable[[], datetime]
    _handles: dict[str, _Launch] = field(default_factory=dict)
    _codes: dict[str, _Code] = field(default_factory=dict)

    def open(self, client: Client, context: Context) -> str:
        """Return the address that a chart opens for this client: its launch URL with `iss` and a fresh `launch`."""
        moment, handle = self.now(), secrets.token_urlsafe(24)
        self._handles = {known: one for known, one in self._handles.items() if one.until > moment}
        self._handles[handle] = _Launch(client, context, moment + HANDLE_LIFETIME)
        return with_query(client.launch_url or "", {"iss": self.fhir_base, "launch": handle})

    def authorize(self, asked: Mapping[str, str], fault: str | None = None) -> str:
        """Return where an authorization request leads: the redirect address with a code or an error, `state` and `iss`.

        `fault` is simulated weather, an error code or one of wrong_state, wrong_iss, no_iss. NoSuchApp if it can lead nowhere.
        """
        client = next((one for one in self.clients if one.client_id == asked.get("client_id")), None)
        if client is None or asked.get("redirect_uri") not in client.redirect_uris:
            raise NoSuchApp("the client is not registered with this redirect_uri")
        oddity = fault if fault in ("wrong_state", "wrong_iss", "no_iss") else None
        try:
            if fault and not oddity:
                raise AuthorizeRefused(fault, "simulated")
            answer = {"code": self._code(client, asked)}
        except AuthorizeRefused as error:
            answer = {"error": error.error, "error_description": str(error)}
        if "state" in asked:
            answer["state"] = "another" if oddity == "wrong_state" else asked["state"]
        if oddity != "no_iss":
            answer["iss"] = f"{self.issuer}/another" if oddity == "wrong_iss" else self.issuer
        return with_query(asked["redirect_uri"], answer)

    def redeem(self, client: Client, form: Mapping[str, str]) -> tuple[Grant, str | None]:
        """Return the grant and the nonce of a code, once; TokenRefused (invalid_grant) otherwise.

        An attempt burns the code, whatever is wrong with it; a second one ends what the first was given (RFC 6749 4.1.2).
        """
        code = self._codes.get(form.get("code", ""))
        if code is None or code.grant.client_id != client.client_id:
            raise TokenRefused("invalid_grant", "the code is unknown")
        if code.used:
            code.grant.ended = True
            raise TokenRefused("invalid_grant", "the code was used before: what it gave is void")
        code.used = True
        if code.until <= self.now():
            raise TokenRefused("invalid_grant", "the code has expired")
        if form.get("redirect_uri") != code.redirect_uri:
            raise TokenRefused("invalid_grant", "redirect_uri is not that of the authorization request")
        verifier = form.get("code_verifier", "")
        if not _VERIFIER.match(verifier) or s256(verifier) != code.challenge:
            raise TokenRefused("invalid_grant", "code_verifier does not fit the challenge")
        return code.grant, code.nonce

    def _code(self, client: Client, asked: Mapping[str, str]) -> str:
        """Return a fresh code for a right request, using up its handle; AuthorizeRefused otherwise."""
        if asked.get("response_type") != "code":
            raise AuthorizeRefused("unsupported_response_type", "only response_type=code is offered")
        if not asked.get("state"):
            raise AuthorizeRefused("invalid_request", "state is required")
        if asked.get("aud") != self.fhir_base:
            raise AuthorizeRefused("invalid_request", "aud must be the FHIR base of this EHR")
        if asked.get("code_challenge_method") != "S256" or not _CHALLENGE.match(asked.get("code_challenge", "")):
            raise AuthorizeRefused("invalid_request", "a code_challenge with method S256 is required")
        moment = self.now()
        launch = self._handles.get(asked.get("launch", ""))
        if launch is None or launch.client is not client or launch.until <= moment:
            raise AuthorizeRefused("invalid_request", "the launch is unknown, was used or has expired")
        scopes = _granted(client, asked.get("scope", ""), launch.context)
        del self._handles[asked["launch"]]
        self._codes = {known: one for known, one in self._codes.items() if one.until + _KEPT > moment}
        code = secrets.token_urlsafe(32)
        grant = Grant(client.client_id, scopes, launch.context)
        self._codes[code] = _Code(
            grant, asked["redirect_uri"], asked["code_challenge"], asked.get("nonce"), moment + CODE_LIFETIME
        )
        return code


def _granted(client: Client, scope: str, context: Context) -> Scopes:
    """Return what a launch gives of the scopes asked for: no `system/`, and `patient/` only for types of a patient in context."""

    def meant(key: ScopeKey) -> bool:
        of_patient = context.patient is not None and (key.kind == "*" or key.kind in PATIENT_TYPES)
        return key.level == "user" or (key.level == "patient" and of_patient)

    scopes = Scopes.read(scope).meet(Scopes.read(" ".join(client.scopes))).where(meant)
    if "launch" not in scopes.words:
        raise AuthorizeRefused("invalid_scope", "an EHR launch asks for the scope launch")
    return scopes


def s256(verifier: str) -> str:
    """Return the PKCE challenge of a verifier (RFC 7636 4.2)."""
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def with_query(address: str, parameters: Mapping[str, str]) -> str:
    """Return the address with parameters added to the query that it may have."""
    return f"{address}{'&' if '?' in address else '?'}{urlencode(parameters)}"
