"""A CDS client in memory: signs its calls as an EHR would, and knows what the settings of its practice say of it."""

import time
from typing import Any
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from shared.contracts.tenant import CdsClient
from tests.fakes.tokens import PUBLIC_URL

ISSUER = "https://ehr.example/cds"
SERVICE = "care-management"


class CdsCaller:
    """One CDS client of a practice, with a key of its own."""

    def __init__(self, *, issuer: str = ISSUER, key: RSAKey | ECKey | None = None) -> None:
        self.issuer = issuer
        self.key = key or ECKey.generate_key("P-384", auto_kid=True)

    @property
    def settings(self) -> CdsClient:
        """What the practice's settings say."""
        return CdsClient(iss=self.issuer, jwks={"keys": [self.key.as_dict(private=False)]}, origins=("https://sandbox.example",))

    def claims(self, address: str, **changes: Any) -> dict[str, Any]:
        """Return good claims for a call of `address`, changed; None takes one away."""
        now = int(time.time())
        good = {"iss": self.issuer, "aud": address, "iat": now, "exp": now + 300, "jti": str(uuid4())}
        return {name: value for name, value in (good | changes).items() if value is not None}

    def token(self, address: str, *, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """Sign a call of `address` (absolute)."""
        algorithm = "ES384" if self.key.key_type == "EC" else "RS384"
        full = {"alg": algorithm, "typ": "JWT", "kid": str(self.key.kid)} | (header or {})
        return jwt.encode(full, self.claims(address, **changes), self.key, algorithms=[full["alg"]])

    def bearer(self, path: str, **changes: Any) -> dict[str, str]:
        """Return the Authorization header of a call of `path`."""
        return {"Authorization": f"Bearer {self.token(f'{PUBLIC_URL}{path}', **changes)}"}


def hook_body(patient: str, hook: str = "patient-view", **changes: Any) -> dict[str, Any]:
    """Return the body of a call; `changes` replace fields."""
    context: dict[str, Any] = {"userId": "Practitioner/rn-bo", "patientId": patient}
    if hook == "appointment-book":
        context["appointments"] = {"resourceType": "Bundle", "type": "collection", "entry": []}
    if hook == "encounter-start":
        context["encounterId"] = "enc-1"
    return {"hook": hook, "hookInstance": str(uuid4()), "context": context} | changes
