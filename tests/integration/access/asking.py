"""How the tests ask access for things: good assertions and forms, and how to spoil them."""

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from shared.access import main
from shared.access.settings import AccessSettings
from tests.fakes.tokens import PUBLIC_URL

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

TENANT = """\
tenant: {slug}
name: Practice {slug}
npi: "1234567893"
zone: America/Chicago
effective_from: 2025-01-01
active: {active}
ehr:
  fhir_base: http://127.0.0.1:9/fhir/R4
  token_url: http://127.0.0.1:9/auth/token
  client_id: careledger
"""


@dataclass(frozen=True)
class Keys:
    """The key pairs of the clients."""

    rsa: RSAKey
    ec: ECKey


def public_set(*held: RSAKey | ECKey) -> str:
    """Return the JWKS document of the keys' public halves."""
    return json.dumps({"keys": [key.as_dict(private=False, kid=str(key.kid)) for key in held]})


def token_url(tenant: str) -> str:
    """Return a tenant's token endpoint."""
    return f"{PUBLIC_URL}/t/{tenant}/auth/token"


def claims_of(client: str, tenant: str = "lakeside", **changes: object) -> dict[str, Any]:
    """Return an assertion's good claims; `changes` replace some, None takes one away."""
    claims: dict[str, object] = {
        "iss": client,
        "sub": client,
        "aud": token_url(tenant),
        "jti": str(uuid4()),
        "exp": int(time.time()) + 240,
    }
    return {name: value for name, value in (claims | changes).items() if value is not None}


def assertion(key: RSAKey | ECKey, claims: dict[str, Any], **header: object) -> str:
    """Sign an assertion; `header` replaces members of the header, None takes one away."""
    alg = "RS384" if isinstance(key, RSAKey) else "ES384"
    wanted = {"alg": alg, "typ": "JWT", "kid": key.kid} | header
    kept = {name: value for name, value in wanted.items() if value is not None}
    return jwt.encode(kept, claims, key, algorithms=[str(kept["alg"])])


def form_of(signed: str, scope: str = "system/ChargeItem.rus", **changes: str) -> dict[str, str]:
    """Return the token request's form."""
    form = {"grant_type": "client_credentials", "client_assertion_type": TYPE, "client_assertion": signed, "scope": scope}
    return form | changes


async def apply_tenant(settings: AccessSettings, folder: Path, slug: str, *, active: bool = True) -> str:
    """Apply a small practice's document."""
    file = folder / f"{slug}-{uuid4()}.yaml"
    await asyncio.to_thread(file.write_text, TENANT.format(slug=slug, active=str(active).lower()))
    return await main.apply_tenant_file(settings, file)
