"""Our launch against an authorization server that we did not write: npm oidc-provider (integration.md 12).

It checks for itself what SMART asks of a client: the client's assertion (RS384), PKCE, the redirect address, that a code and a
refresh token serve once; and it signs the id_tokens that we check.
"""

import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey

from shared.access import main
from shared.access.settings import AccessSettings
from shared.contracts.ehr_context import EhrContextState
from shared.smart.ehr_tokens import client_assertion
from tests.contract.node import FOLDER, counterparts
from tests.e2e.stack import free_port, running
from tests.fakes.tokens import PUBLIC_URL
from tests.integration.access.launching import Ehr, Traveller, claims_of, code_of, document, known_tokens, people, rows, run_out

pytestmark = pytest.mark.requirement("issue-10.1")

_CODES = "http://terminology.hl7.org/CodeSystem/practitioner-role"
PATIENTS = ("op-p1", "op-p2")
PEOPLE = [{"id": f"op-{part}-{n}", "part": part} for part in ("practitioner", "team", "desk") for n in range(6)]


@dataclass(frozen=True)
class Provider(Ehr):
    """The provider as an EHR; a launch handle is `patient:person`."""

    def handle(self, patient: str | None, user: str) -> str:
        """Return a handle."""
        return f"{patient or ''}:{user}"

    def authorize(self, address: str) -> dict[str, str]:
        """Follow the provider's own pages, sign-in and grant included, to our callback."""
        with httpx.Client() as browser:
            for _ in range(12):
                answer = browser.get(address)
                assert answer.status_code in (302, 303), answer.text
                address = urljoin(address, answer.headers["location"])
                if address.startswith(f"{PUBLIC_URL}/callback?"):
                    return dict(parse_qsl(urlsplit(address).query))
        raise AssertionError("the provider did not send the browser back")

    def deny(self, *, on: bool) -> None:
        """Have its sign-in refused from now on, or no longer."""
        httpx.request("POST" if on else "DELETE", f"{self.url}/control/deny").raise_for_status()

    def seen(self) -> list[dict[str, Any]]:
        """Return what its token endpoint was asked and answered."""
        found: list[dict[str, Any]] = httpx.get(f"{self.url}/control/seen").json()
        return found


def resources() -> list[dict[str, Any]]:
    """Return what the provider's FHIR server holds."""
    nurse = {"coding": [{"system": _CODES, "code": "nurse"}]}
    worker = {"reference": f"Practitioner/{PEOPLE[6]['id']}"}
    return [
        *({"resourceType": "Patient", "id": key, "name": [{"family": key}], "birthDate": "1940-02-03"} for key in PATIENTS),
        *(
            {"resourceType": "Condition", "id": key, "subject": {"reference": f"Patient/{key}"}, "code": {"text": key}}
            for key in PATIENTS
        ),
        *({"resourceType": "Practitioner", "id": one["id"], "name": [{"family": one["id"]}]} for one in PEOPLE),
        {"resourceType": "PractitionerRole", "id": "r1", "active": True, "practitioner": worker, "code": [nurse]},
    ]


@pytest.fixture(scope="module")
def provider(settings: AccessSettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """The running provider, which knows our app by its public key."""
    program = counterparts()
    folder, port = tmp_path_factory.mktemp("op"), free_port()
    key = RSAKey.import_key(settings.ehr_key_file.read_bytes())
    public = key.as_dict(private=False, kid=key.thumbprint(), alg="RS384", use="sig")
    told = {"port": port, "jwks": {"keys": [public]}, "redirect": f"{PUBLIC_URL}/callback", "resources": resources()}
    file = folder / "op.json"
    file.write_text(json.dumps(told))
    practice = {"name": "Other Practice", "npi": "1234567893", "zone": "America/New_York", "people": PEOPLE}
    command = [program, str(FOLDER / "op.mjs"), str(file)]
    with (folder / "log").open("w") as log, running(command, stdout=subprocess.PIPE, stderr=log) as process:
        assert process.stdout is not None
        assert "listening\n" in process.stdout, (folder / "log").read_text()
        yield Provider(f"http://127.0.0.1:{port}", practice, people(practice), PATIENTS)


@pytest.fixture(scope="module")
async def app(
    settings: AccessSettings, provider: Provider, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[httpx.AsyncClient]:
    """Access with the practice of that provider."""
    file = tmp_path_factory.mktemp("practice") / "other.yaml"
    file.write_text(document(provider, "other", token_url=f"{provider.url}/token"))
    await main.apply_tenant_file(settings, file)
    made = main.create_app(settings)
    async with made.router.lifespan_context(made):
        transport = httpx.ASGITransport(made, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
            yield client


@pytest.fixture
def traveller(app: httpx.AsyncClient, provider: Provider) -> Traveller:
    """A browser at the start of its day."""
    provider.deny(on=False)
    return Traveller(app, provider)


async def test_a_launch_opens_the_chart_of_its_patient(traveller: Traveller, settings: AccessSettings) -> None:
    answer = await traveller.launch(PATIENTS[1])
    assert answer.status_code == 200, answer.text
    claims = claims_of(answer.json()["token"])
    assert (claims["patient"], claims["roles"]) == (PATIENTS[1], ["clinical-staff"])
    assert claims["fhir_user"] == f"Practitioner/{traveller.ehr.staff['clinical-staff']}"
    ((told,),) = rows(settings, "SELECT data FROM journal WHERE event_type = 'ccm.ehr-context.observed.v1'")
    state = EhrContextState.model_validate_json(told)
    assert (state.patient, state.birth_date, [one.text for one in state.problems or ()]) == ("op-p2", date(1940, 2, 3), ["op-p2"])


async def test_what_the_answer_says_besides_changes_nothing(traveller: Traveller, provider: Provider) -> None:
    before = len(provider.seen())
    opened = (await traveller.launch(PATIENTS[0])).json()
    assert claims_of(opened["token"])["patient"] == PATIENTS[0]
    told = provider.seen()[before:]
    assert told == [{"grant": "authorization_code", "status": 200}], "nobody fetches the style sheet that it names"


async def test_a_refresh_token_is_used_once_and_the_next_one_is_kept(
    traveller: Traveller, provider: Provider, settings: AccessSettings
) -> None:
    opened = (await traveller.launch(PATIENTS[0])).json()
    before = len(provider.seen())
    for _ in range(3):
        held = set(known_tokens(settings))
        run_out(settings)
        assert (await traveller.token(opened)).status_code == 200
        assert set(known_tokens(settings)) != held
    assert provider.seen()[before:] == [{"grant": "refresh_token", "status": 200}] * 3


async def test_a_grant_that_the_provider_has_ended_ends_the_session(
    traveller: Traveller, provider: Provider, settings: AccessSettings
) -> None:
    opened = (await traveller.launch(PATIENTS[0])).json()
    refresh = known_tokens(settings)[-1]
    run_out(settings)
    assert (await traveller.token(opened)).status_code == 200
    # somebody else uses the token that was exchanged: the provider ends all that came of it
    proof = proof_of(settings, provider)
    stolen = httpx.post(f"{provider.url}/token", data={"grant_type": "refresh_token", "refresh_token": refresh, **proof})
    assert stolen.json()["error"] == "invalid_grant"
    run_out(settings)
    assert (await traveller.token(opened)).status_code == 401


async def test_a_refusal_of_the_sign_in_has_its_page(traveller: Traveller, provider: Provider) -> None:
    provider.deny(on=True)
    assert code_of(await traveller.launch(PATIENTS[0])) == "sign-in-refused"


async def test_a_code_serves_its_own_transaction_once(traveller: Traveller, provider: Provider, settings: AccessSettings) -> None:
    mine, other, third = [await traveller.begin(PATIENTS[0]) for _ in range(3)]
    back = provider.authorize(mine["authorize_url"])
    assert code_of(await traveller.complete({**back, "state": other["state"]})) == "launch-expired", "PKCE"
    opened = (await traveller.complete(back)).json()
    assert claims_of(opened["token"])["patient"] == PATIENTS[0]
    assert code_of(await traveller.complete({**back, "state": third["state"]})) == "launch-expired"
    assert [one.get("error") for one in provider.seen()[-3:]] == ["invalid_grant", None, "invalid_grant"]


async def test_a_foreign_issuer_in_the_answer_is_refused(traveller: Traveller, provider: Provider) -> None:
    begun = await traveller.begin(PATIENTS[0])
    back = provider.authorize(begun["authorize_url"])
    assert back["iss"] == provider.url
    assert code_of(await traveller.complete({**back, "iss": "https://elsewhere.example"})) == "sign-in-not-proved"


async def test_a_key_that_the_provider_does_not_know_is_refused(
    traveller: Traveller, settings: AccessSettings, tmp_path: Path
) -> None:
    known = settings.ehr_key_file.read_bytes()
    settings.ehr_key_file.write_bytes(RSAKey.generate_key(2048).as_pem(private=True))
    try:
        assert code_of(await traveller.launch(PATIENTS[0])) == "ehr-set-up"
    finally:
        settings.ehr_key_file.write_bytes(known)


def proof_of(settings: AccessSettings, provider: Provider) -> dict[str, str]:
    """Return the proof of our app for the provider's token endpoint."""
    proof = client_assertion(settings.ehr_key_file, "careledger-app", f"{provider.url}/token")
    return {"client_assertion": proof, "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}
