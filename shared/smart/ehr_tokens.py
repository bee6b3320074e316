"""How our services sign in at a practice's EHR: SMART backend services with the deployment's one key pair."""

import asyncio
import os
import time
from pathlib import Path

import httpx
from authlib.oauth2.rfc7523 import private_key_jwt_sign
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import ECKey, RSAKey

from shared.contracts.tenant import EhrConnection
from shared.fhir.client import EhrUnavailable, FhirClient
from shared.ops.egress import EgressRefused

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_SECONDS = 240
_MARGIN_SECONDS = 30


class EhrTokens:
    """Access tokens for EHRs, one for each token endpoint, asked for with least scope and kept until they end."""

    def __init__(self, http: httpx.AsyncClient, key_file: Path, *, scope: str) -> None:
        """`scope` is what this service reads, e.g. `system/Patient.r`."""
        self._http = http
        self._key_file = key_file
        self._scope = scope
        self._held: dict[str, tuple[str, float]] = {}
        self._lock = asyncio.Lock()

    def client(self, ehr: EhrConnection) -> FhirClient:
        """Return a reader of the EHR's FHIR server."""
        return FhirClient(self._http, ehr.fhir_base, lambda: self.token(ehr))

    async def token(self, ehr: EhrConnection) -> str:
        """Return a token for `ehr`; EhrUnavailable if it gives none."""
        async with self._lock:
            held = self._held.get(ehr.token_url)
            if held is None or held[1] < time.monotonic():
                held = await self._ask(ehr)
                self._held[ehr.token_url] = held
        return held[0]

    async def _ask(self, ehr: EhrConnection) -> tuple[str, float]:
        form = {
            "grant_type": "client_credentials",
            "scope": self._scope,
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": client_assertion(self._key_file, ehr.client_id, ehr.token_url, algorithm=ehr.algorithm),
        }
        try:
            answer = await self._http.post(ehr.token_url, data=form)
            answer.raise_for_status()
            body = answer.json()
            seconds = min(int(body.get("expires_in", 60)), 3600)
            return str(body["access_token"]), time.monotonic() + max(seconds - _MARGIN_SECONDS, 1)
        except (httpx.HTTPError, EgressRefused, ValueError, KeyError, TypeError) as error:
            raise EhrUnavailable(f"the EHR gives no token: {type(error).__name__}") from error


def client_assertion(key_file: Path, client_id: str, audience: str, *, algorithm: str = "RS384") -> str:
    """Sign the assertion (RFC 7523) by which `client_id` proves itself to the token endpoint `audience`, for four minutes."""
    key = load_key(key_file)
    signed: str = private_key_jwt_sign(
        key, client_id, audience, alg=algorithm, expires_in=_ASSERTION_SECONDS, header={"typ": "JWT", "kid": key.kid}
    )
    return signed


def load_key(file: Path) -> RSAKey | ECKey:
    """Read a private key (PEM) with its RFC 7638 thumbprint as kid; ValueError if it is neither RSA nor EC."""
    body = file.read_bytes()
    kind = RSAKey if "RSA" in type(serialization.load_pem_private_key(body, None)).__name__ else ECKey
    key = kind.import_key(body)
    key.ensure_kid()
    return key


def make_key(file: Path) -> Path:
    """Make an RSA key pair for signing in, readable by this account only, if `file` is not there yet; return `file`."""
    if not file.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
        body = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
            target.write(body)
    return file
