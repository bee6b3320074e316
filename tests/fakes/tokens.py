"""A stand-in for access's signing key: issues access tokens and writes the JWKS by which services verify them."""

import json
import time
from pathlib import Path
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import RSAKey

from shared.web.routes import app_base, fhir_base

PUBLIC_URL = "http://127.0.0.1:8080"


class TokenMaker:
    """Signs tokens as access would; `jwks` is the path of its public keys."""

    def __init__(self, folder: Path) -> None:
        self.key = RSAKey.generate_key(2048, auto_kid=True)
        self.jwks = folder / "jwks.json"
        self.jwks.write_text(json.dumps({"keys": [self.key.as_dict(private=False)]}))

    def token(self, tenant: str, scope: str, *, client_id: str = "ehr", **claims: object) -> str:
        """Return a token of `tenant` with `scope`; further claims replace or add."""
        now = int(time.time())
        body: dict[str, object] = {
            "iss": PUBLIC_URL,
            "aud": fhir_base(PUBLIC_URL, tenant),
            "sub": client_id,
            "client_id": client_id,
            "tenant": tenant,
            "jti": str(uuid4()),
            "iat": now,
            "exp": now + 300,
            "scope": scope,
        }
        header = {"alg": "RS384", "typ": "at+jwt", "kid": self.key.kid}
        return jwt.encode(header, body | claims, self.key, algorithms=["RS384"])

    def bearer(self, tenant: str, scope: str, *, client_id: str = "ehr", **claims: object) -> dict[str, str]:
        """Return the Authorization header with such a token."""
        return {"Authorization": f"Bearer {self.token(tenant, scope, client_id=client_id, **claims)}"}

    def page(
        self, tenant: str, *, roles: tuple[str, ...], person: str, patient: str | None, scope: str = "", **claims: object
    ) -> dict[str, str]:
        """Return the Authorization header of a person's page, in the chart of `patient` or at the desk."""
        body: dict[str, object] = {
            "aud": app_base(PUBLIC_URL, tenant),
            "sid": str(uuid4()),
            "launch": str(uuid4()),
            "roles": list(roles),
            "fhir_user": person,
        }
        if patient is not None:
            body["patient"] = patient
        return self.bearer(tenant, scope, client_id="careledger", **body | claims)
