"""A sandbox EHR in this process, a registered client with keys of both kinds, and a clock that a test may set."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey

from deploy.sandbox.clients import ASSERTION_TYPE, Client
from deploy.sandbox.ehr import create_ehr
from deploy.sandbox.smart import Settings
from deploy.sandbox.store import Store

URL = "https://ehr.test"
TOKEN_URL = f"{URL}/auth/token"
BASE = f"{URL}/fhir/R4"
JWKS_URL = "https://client.test/jwks"
READS = ("system/Patient.rs", "system/Condition.rs", "system/Encounter.s", "system/CarePlan.crus")


@dataclass
class Ehr:
    """The EHR with the keys of its client `reader` and the means to ask it."""

    store: Store
    http: httpx.AsyncClient
    keys: dict[str, Key]
    clock: list[datetime]
    hosted: list[Key] = field(default_factory=list)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Right claims of an assertion, with changes; a change to None leaves the claim out."""
        right: dict[str, Any] = {"iss": "reader", "sub": "reader", "aud": TOKEN_URL, "jti": str(uuid4())}
        right |= {"exp": int((self.clock[0] + timedelta(seconds=240)).timestamp()), **changes}
        return {name: value for name, value in right.items() if value is not None}

    def assertion(self, alg: str = "RS384", header: dict[str, Any] | None = None, **changes: Any) -> str:
        """A signed assertion of the client."""
        full = {"alg": alg, "kid": alg, "typ": "JWT", **(header or {})}
        return jwt.encode(full, self.claims(**changes), self.keys[alg], algorithms=[alg])

    async def token(self, scope: str = "system/*.rs", **form: str) -> httpx.Response:
        """Ask for a token; `form` replaces fields of the request."""
        fields = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "scope": scope,
            **({} if "client_assertion" in form else {"client_assertion": self.assertion()}),
        }
        return await self.http.post("/auth/token", data=fields | form)

    async def bearer(self, scope: str = "system/*.crus") -> dict[str, str]:
        """Headers with a fresh token."""
        answer = await self.token(scope)
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.fixture(scope="session")
def keys() -> dict[str, Key]:
    """One key of each algorithm, made once."""
    return {
        "RS384": RSAKey.generate_key(2048, {"kid": "RS384"}, private=True),
        "ES384": ECKey.generate_key("P-384", {"kid": "ES384"}, private=True),
    }


def public(*keys: Key) -> dict[str, Any]:
    """A JWKS of public keys."""
    return {"keys": [key.as_dict(private=False) for key in keys]}


MakeEhr = Callable[..., Ehr]


@pytest.fixture
async def make_ehr(keys: dict[str, Key]) -> AsyncIterator[MakeEhr]:
    """Make an EHR whose client has the given registration (default: both keys inline, scopes READS)."""
    opened = []

    def make(**registration: Any) -> Ehr:
        clock = [datetime(2026, 10, 1, 12, tzinfo=UTC)]
        hosted = list(keys.values())

        def host(request: httpx.Request) -> httpx.Response:
            return httpx.Response(200 if str(request.url) == JWKS_URL else 404, json=public(*hosted))

        registration = registration or {"jwks": public(*keys.values())}
        client = Client("reader", registration.pop("scopes", READS), **registration)
        store = Store(lambda: clock[0])
        outward = httpx.AsyncClient(transport=httpx.MockTransport(host))
        app = create_ehr(store, Settings(URL, (client,)), http=outward, now=lambda: clock[0])
        inward = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=URL)
        opened.extend([outward, inward])
        return Ehr(store, inward, keys, clock, hosted)

    yield make
    for client in opened:
        await client.aclose()


@pytest.fixture
def ehr(make_ehr: MakeEhr) -> Ehr:
    """An EHR with the usual client."""
    return make_ehr()
