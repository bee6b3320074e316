"""Our app at an EHR: discovery, the authorization request, tokens and id_token, over the one HTTP client."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from shared.access.domain.id_token import SignedIn, read_id_token
from shared.access.domain.launch import Issuer, LaunchContext, LaunchTransaction, is_fhir_id, requested_scope
from shared.access.domain.launch_refusals import LaunchRefused, refused_by_ehr
from shared.access.usecases.launch_ports import EhrSessionOver, EhrSilent, EhrTokenSet
from shared.contracts.tenant import EhrConnection
from shared.ops.egress import EgressRefused
from shared.smart.ehr_tokens import client_assertion
from shared.smart.tokens import peek_header

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_DEFAULT_SECONDS = 300
_LONGEST_SECONDS = 12 * 3600
_KEYS_SECONDS = 3600
_UNKNOWN_KID_SECONDS = 60
_MOST_BYTES = 256 * 1024
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


@dataclass
class _Keys:
    found: dict[str, RSAKey | ECKey] = field(default_factory=dict)
    read_at: float = float("-inf")
    searched_at: float = float("-inf")


class HttpEhrApp:
    """See `usecases.launch_ports.EhrApp`. Every address comes from a practice's document or from what was pinned under it."""

    def __init__(self, http: httpx.AsyncClient, key_file: Path, *, redirect_uri: str, dev: bool) -> None:
        self._http = http
        self._key_file = key_file
        self._redirect_uri = redirect_uri
        self._dev = dev
        self._keys: dict[str, _Keys] = {}
        self._lock = asyncio.Lock()

    async def discover(self, iss: str, ehr: EhrConnection) -> Issuer:
        """Read the endpoints of a configured `iss`; LaunchRefused if they are not there or lie elsewhere than allowed."""
        status, document = await self._get_json(f"{iss}/.well-known/smart-configuration")
        if status != 200:
            raise LaunchRefused("ehr-not-answering", "smart-configuration")
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        for name in names:
            if not _allowed(document.get(name), ehr, iss, dev=self._dev):
                raise LaunchRefused("ehr-set-up", f"smart-configuration {name}")
        issuer = document.get("issuer")
        if not isinstance(issuer, str) or "S256" not in document.get("code_challenge_methods_supported", ()):
            raise LaunchRefused("ehr-set-up", "smart-configuration issuer or PKCE")
        authorize_url, token_url, jwks_url = (str(document[name]) for name in names)
        names_issuer = document.get("authorization_response_iss_parameter_supported") is True
        return Issuer(iss, authorize_url, token_url, jwks_url, issuer, names_issuer)

    def authorize_url(
        self, issuer: Issuer, ehr: EhrConnection, *, launch: str, state: str, transaction: LaunchTransaction
    ) -> str:
        """Return where the browser asks for a code."""
        address: str = prepare_grant_uri(
            issuer.authorize_url,
            ehr.app_client,
            "code",
            redirect_uri=self._redirect_uri,
            scope=requested_scope(v1=ehr.v1_scopes),
            state=state,
            launch=launch,
            aud=issuer.iss,
            nonce=transaction.nonce,
            code_challenge=create_s256_code_challenge(transaction.code_verifier),
            code_challenge_method="S256",
        )
        return address

    async def redeem(
        self, issuer: Issuer, ehr: EhrConnection, *, code: str, transaction: LaunchTransaction
    ) -> tuple[EhrTokenSet, LaunchContext]:
        """Exchange a code; LaunchRefused if the EHR refuses or its answer is not proved."""
        form = prepare_token_request(
            "authorization_code", redirect_uri=self._redirect_uri, code=code, code_verifier=transaction.code_verifier
        )
        try:
            status, answer = await self._ask(issuer, ehr, form)
        except EhrSilent as error:
            raise LaunchRefused("ehr-not-answering", str(error)) from error
        if status != 200:
            error_code = answer.get("error")
            raise LaunchRefused("launch-expired", "code") if error_code == "invalid_grant" else refused_by_ehr(str(error_code))
        try:
            tokens = _token_set(answer)
        except EhrSilent as error:
            raise LaunchRefused("ehr-not-answering", str(error)) from error
        signed_in = await self._signed_in(issuer, ehr, answer.get("id_token"), transaction.nonce)
        for name in ("patient", "encounter"):
            if answer.get(name) is not None and not is_fhir_id(answer[name]):
                raise LaunchRefused("ehr-set-up", f"{name} of the token answer")
        scope = answer.get("scope")
        return tokens, LaunchContext(
            base=issuer.iss,
            subject=signed_in.subject,
            fhir_user=f"{signed_in.kind}/{signed_in.id}",
            scopes=frozenset(scope.split() if isinstance(scope, str) else ()),
            patient=answer.get("patient"),
            encounter=answer.get("encounter"),
        )

    async def refresh(self, issuer: Issuer, ehr: EhrConnection, refresh_token: str) -> EhrTokenSet:
        """Exchange a refresh token, which is not to be used again; EhrSessionOver or EhrSilent otherwise."""
        form = prepare_token_request("refresh_token", refresh_token=refresh_token)
        status, answer = await self._ask(issuer, ehr, form)
        if status != 200:
            if answer.get("error") == "invalid_grant":
                raise EhrSessionOver
            raise EhrSilent(f"the EHR refreshes nothing: {status}")
        return _token_set(answer)

    async def _ask(self, issuer: Issuer, ehr: EhrConnection, form: str) -> tuple[int, dict[str, Any]]:
        proof = await asyncio.to_thread(
            client_assertion, self._key_file, ehr.app_client, issuer.token_url, algorithm=ehr.algorithm
        )
        body = str(httpx.QueryParams(form).merge({"client_assertion_type": _ASSERTION_TYPE, "client_assertion": proof}))
        return await self._send("POST", issuer.token_url, content=body, headers=_FORM)

    async def _get_json(self, url: str) -> tuple[int, dict[str, Any]]:
        try:
            return await self._send("GET", url, headers={"Accept": "application/json"})
        except EhrSilent as error:
            raise LaunchRefused("ehr-not-answering", str(error)) from error

    async def _send(self, method: str, url: str, **what: Any) -> tuple[int, dict[str, Any]]:
        try:
            answer = await self._http.request(method, url, **what)
            body = json.loads(answer.content) if len(answer.content) <= _MOST_BYTES else None
        except (httpx.HTTPError, EgressRefused, ValueError, RecursionError) as error:
            raise EhrSilent(f"the EHR gives no answer: {type(error).__name__}") from error
        if not isinstance(body, dict):
            raise EhrSilent("the EHR answers no JSON object")
        return answer.status_code, body

    async def _signed_in(self, issuer: Issuer, ehr: EhrConnection, id_token: object, nonce: str) -> SignedIn:
        """Verify an id_token's signature by the EHR's pinned key set, then its claims."""
        try:
            if not isinstance(id_token, str) or len(id_token) > 16_384:
                raise ValueError("no id_token")
            header = peek_header(id_token)
            algorithm, kid = header.get("alg"), header.get("kid")
            if algorithm not in ehr.id_token_algorithms:
                raise ValueError("alg")
            key = await self._key(issuer.jwks_url, kid if isinstance(kid, str) else None)
            if key.key_type != ("RSA" if str(algorithm).startswith("RS") else "EC"):
                raise ValueError("kty")
            claims = jwt.decode(id_token, key, algorithms=[str(algorithm)]).claims
        except (JoseError, ValueError, TypeError) as error:
            raise LaunchRefused("sign-in-not-proved", f"id_token {type(error).__name__}") from error
        return read_id_token(
            claims,
            issuer=issuer.issuer,
            client_id=ehr.app_client,
            nonce=nonce,
            now=time.time(),
            fhir_base=issuer.iss,
            hosts=ehr.hosts,
        )

    async def _key(self, url: str, kid: str | None) -> RSAKey | ECKey:
        """Return the key of that kid (of a set with one key, that key if the token names none); ValueError if there is none."""
        async with self._lock:
            held, now = self._keys.setdefault(url, _Keys()), time.monotonic()
            stale = now - held.read_at > _KEYS_SECONDS
            if stale or (kid not in held.found and now - held.searched_at > _UNKNOWN_KID_SECONDS):
                if not stale:
                    held.searched_at = now
                held.found, held.read_at = await self._read_keys(url), now
            if kid is None and len(held.found) == 1:
                return next(iter(held.found.values()))
            if kid is None or kid not in held.found:
                raise ValueError("kid")
            return held.found[kid]

    async def _read_keys(self, url: str) -> dict[str, RSAKey | ECKey]:
        status, document = await self._get_json(url)
        if status != 200:
            raise LaunchRefused("ehr-not-answering", "keys")
        public = [key for key in document.get("keys", ()) if isinstance(key, dict) and key.get("kty") in ("RSA", "EC")]
        keys = KeySet.import_key_set({"keys": public}).keys
        return {str(key.kid): key for key in keys if isinstance(key, RSAKey | ECKey)}


def _token_set(answer: Mapping[str, Any]) -> EhrTokenSet:
    access, kind, refresh = answer.get("access_token"), answer.get("token_type"), answer.get("refresh_token")
    if not isinstance(access, str) or not access or str(kind).lower() != "bearer":
        raise EhrSilent("the EHR's token answer holds no bearer token")
    given = str(answer.get("expires_in"))
    seconds = min(int(given), _LONGEST_SECONDS) if given.isascii() and given.isdigit() and len(given) < 9 else _DEFAULT_SECONDS
    return EhrTokenSet(access, refresh if isinstance(refresh, str) and refresh else None, seconds)


def _allowed(url: object, ehr: EhrConnection, iss: str, *, dev: bool) -> bool:
    """Tell whether an endpoint lies where the practice's document says that its EHR is; http only on loopback in `dev`."""
    if not isinstance(url, str):
        return False
    parts = urlsplit(url)
    own = {urlsplit(known).netloc for known in (iss, ehr.fhir_base, ehr.token_url)} | set(ehr.hosts)
    loopback = dev and parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
    return (parts.scheme == "https" or loopback) and parts.netloc in own and not parts.fragment
