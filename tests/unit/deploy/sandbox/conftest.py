"""A sandbox EHR in this process, a registered client with keys of both kinds, and a clock that a test may set."""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey

from deploy.sandbox.clients import ASSERTION_TYPE, Client
from deploy.sandbox.ehr import create_ehr
from deploy.sandbox.id_token import IdTokenSigner, new_key
from deploy.sandbox.launch import s256
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


@pytest.fixture(scope="session")
def signing_key() -> RSAKey:
    """The key of id_tokens, made once."""
    return new_key()


def public(*keys: Key) -> dict[str, Any]:
    """A JWKS of public keys."""
    return {"keys": [key.as_dict(private=False) for key in keys]}


MakeEhr = Callable[..., Ehr]


@pytest.fixture
async def make_ehr(keys: dict[str, Key], signing_key: RSAKey) -> AsyncIterator[MakeEhr]:
    """Make an EHR whose client has the given registration (default: both keys inline, scopes READS)."""
    opened = []

    def make(*, faults: bool = False, others: tuple[Client, ...] = (), **registration: Any) -> Ehr:
        clock = [datetime(2026, 10, 1, 12, tzinfo=UTC)]
        hosted = list(keys.values())

        def host(request: httpx.Request) -> httpx.Response:
            return httpx.Response(200 if str(request.url) == JWKS_URL else 404, json=public(*hosted))

        registration = registration or {"jwks": public(*keys.values())}
        client = Client("reader", registration.pop("scopes", READS), **registration)
        store = Store(lambda: clock[0])
        outward = httpx.AsyncClient(transport=httpx.MockTransport(host))
        signer, settings = IdTokenSigner(signing_key), Settings(URL, (client, *others))
        app = create_ehr(store, settings, http=outward, now=lambda: clock[0], signer=signer, faults=faults)
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


CALLBACK = "https://app.test/callback"
VERIFIER = "v" * 43
APP_SCOPES = (
    "launch openid fhirUser online_access offline_access patient/*.rs patient/CarePlan.cu user/Practitioner.r user/Patient.s"
)


@dataclass
class App:
    """The client `reader` as an app that the EHR's pages launch, for user `u` and one of the patients `p` and `q`."""

    ehr: Ehr

    async def opened(self, path: str = "/chart/p", **query: str) -> str:
        """The address at which a page opens the app."""
        page = await self.ehr.http.get(path, params={"user": "u", **query})
        assert page.status_code == 200, page.text
        found = re.search(r'(?:src|id="own-window" href)="([^"]+)"', page.text)
        assert found is not None, page.text
        return unescape(found[1])

    async def launch(self, path: str = "/chart/p", **query: str) -> str:
        """A fresh launch handle."""
        return parameters(await self.opened(path, **query))["launch"]

    async def request(self, launch: str | None = None, **changes: str | None) -> dict[str, str]:
        """A right authorization request, with changes; a change to None leaves the parameter out."""
        right: dict[str, str | None] = {
            "response_type": "code",
            "client_id": "reader",
            "redirect_uri": CALLBACK,
            "launch": launch if launch is not None else await self.launch(),
            "scope": "launch openid fhirUser patient/Patient.r",
            "state": "s" * 22,
            "nonce": "n" * 22,
            "aud": BASE,
            "code_challenge": s256(VERIFIER),
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in (right | changes).items() if value is not None}

    async def authorize(self, launch: str | None = None, **changes: str | None) -> dict[str, str]:
        """What an authorization request brings back to the app."""
        answer = await self.ehr.http.get("/auth/authorize", params=await self.request(launch, **changes))
        assert answer.status_code == 302, answer.text
        assert answer.headers["location"].startswith(CALLBACK + "?")
        return parameters(answer.headers["location"])

    async def exchange(self, code: str, **changes: str) -> httpx.Response:
        """Redeem a code."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        return await self.post(form | changes)

    async def refresh(self, token: str, **changes: str) -> httpx.Response:
        """Ask for a new pair of tokens."""
        return await self.post({"grant_type": "refresh_token", "refresh_token": token} | changes)

    async def post(self, form: dict[str, str]) -> httpx.Response:
        """Ask the token endpoint with the app's proof of itself."""
        proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self.ehr.assertion()}
        return await self.ehr.http.post("/auth/token", data=proof | form)

    async def tokens(self, launch: str | None = None, **changes: str | None) -> dict[str, Any]:
        """The token answer of a whole launch."""
        answer = await self.exchange((await self.authorize(launch, **changes))["code"])
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def read(self, token: str, path: str) -> httpx.Response:
        """Ask the FHIR base with an access token."""
        return await self.ehr.http.get(f"/fhir/R4/{path}", headers={"Authorization": f"Bearer {token}"})


def parameters(address: str) -> dict[str, str]:
    """The query of an address."""
    return dict(parse_qsl(urlsplit(address).query, keep_blank_values=True))


@pytest.fixture
def make_app(make_ehr: MakeEhr, keys: dict[str, Key]) -> Callable[..., App]:
    """Make the app with changes to its registration."""

    def make(**registration: Any) -> App:
        usual: dict[str, Any] = {"jwks": public(*keys.values()), "scopes": (*READS, *APP_SCOPES.split())}
        usual |= {"launch_url": "https://app.test/launch", "redirect_uris": (CALLBACK, "https://app.test/other")}
        other = Client("other", ("launch", "patient/*.rs"), usual["jwks"], None, "https://other.test/launch", (CALLBACK,))
        ehr = make_ehr(others=(other,), **usual | registration)
        for key in ("p", "q"):
            name = [{"family": f"Fam<{key}>", "given": ["Ann"]}]
            ehr.store.put("Patient", key, {"resourceType": "Patient", "name": name, "birthDate": "1940-02-03"})
            condition = {"resourceType": "Condition", "subject": {"reference": f"Patient/{key}"}, "code": {"text": f"Ill {key}"}}
            ehr.store.put("Condition", f"c{key}", condition)
            ehr.store.put("Encounter", f"e{key}", {"resourceType": "Encounter", "subject": {"reference": f"Patient/{key}"}})
        for key in ("u", "w"):
            ehr.store.put("Practitioner", key, {"resourceType": "Practitioner", "name": [{"family": f"Nurse {key}"}]})
        return App(ehr)

    return make


@pytest.fixture
def app(make_app: Callable[..., App]) -> App:
    """The app with its usual registration, at an EHR that simulates weather on request."""
    return make_app(faults=True)
