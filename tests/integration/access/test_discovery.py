"""What anybody may read (requirement 25, integration.md 1), the same for every tenant's name."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.codesystem import CodeSystem
from fhir.resources.R4B.operationoutcome import OperationOutcome

from shared.access import main
from shared.access.adapters.capability_files import CapabilityMissing, read_capabilities
from shared.access.fhir_mapping.conformance import TYPES
from shared.access.settings import AccessSettings
from tests.fakes.tokens import PUBLIC_URL

BASE = "/t/lakeside/fhir/R4"


async def test_smart_configuration_is_what_was_decided(http: httpx.AsyncClient) -> None:
    answer = await http.get(f"{BASE}/.well-known/smart-configuration")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "token_endpoint": f"{PUBLIC_URL}/t/lakeside/auth/token",
        "jwks_uri": f"{PUBLIC_URL}/.well-known/jwks.json",
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
        "scopes_supported": [
            "system/Consent.crus",
            "system/Task.crus",
            "system/ChargeItem.rus",
            "careledger/timers",
            "careledger/roster",
            "careledger/attest",
            "careledger/preview",
            "careledger/rules.read",
        ],
        "code_challenge_methods_supported": ["S256"],
        "capabilities": ["permission-v1", "permission-v2", "client-confidential-asymmetric"],
    }


@pytest.mark.parametrize("path", ["metadata", ".well-known/smart-configuration", "CodeSystem/program"])
async def test_a_tenant_that_does_not_exist_answers_alike(path: str, http: httpx.AsyncClient) -> None:
    answers = [(await http.get(f"/t/{tenant}/fhir/R4/{path}")).text for tenant in ("lakeside", "nowhere")]
    assert answers[0].replace("lakeside", "nowhere") == answers[1]


async def test_urls_do_not_come_from_the_host_header(http: httpx.AsyncClient) -> None:
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "ftp", "Forwarded": "host=evil"}
    for path in ("metadata", ".well-known/smart-configuration", "CodeSystem"):
        assert "evil" not in (await http.get(f"{BASE}/{path}", headers=headers)).text


async def test_metadata_merges_what_the_services_can_do(http: httpx.AsyncClient) -> None:
    answer = await http.get(f"{BASE}/metadata")
    assert answer.headers["content-type"].startswith("application/fhir+json")
    statement = answer.json()
    CapabilityStatement.model_validate_json(answer.content)
    assert statement["fhirVersion"] == "4.0.1"
    assert statement["implementation"]["url"] == f"{PUBLIC_URL}{BASE}"
    rest = statement["rest"][0]
    assert [resource["type"] for resource in rest["resource"]] == sorted(["ChargeItem", "Consent", "Task", *TYPES])
    assert rest["security"]["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"
    assert "extension" not in rest["security"]
    assert "interaction" not in rest


async def test_code_systems_are_valid_and_found(http: httpx.AsyncClient) -> None:
    answer = await http.get(f"{BASE}/CodeSystem")
    Bundle.model_validate_json(answer.content)
    bundle = answer.json()
    names = [entry["resource"]["id"] for entry in bundle["entry"]]
    assert {"program", "activity", "performer-role", "disclosure", "consent-method", "time-basis"} <= set(names)
    assert bundle["total"] == len(names)
    for entry in bundle["entry"]:
        read = await http.get(entry["fullUrl"].removeprefix(PUBLIC_URL))
        CodeSystem.model_validate_json(read.content)
        assert read.json() == entry["resource"]
    url = "https://careledger.example/fhir/CodeSystem/program"
    one = (await http.get(f"{BASE}/CodeSystem", params={"url": url})).json()
    assert [entry["resource"]["url"] for entry in one["entry"]] == [url]
    none = (await http.get(f"{BASE}/CodeSystem", params={"url": "http://x"})).json()
    assert (none["total"], "entry" in none) == (0, False)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/Observation", 404),
        ("POST", "/Observation", 404),
        ("GET", "/Nonsense/1", 404),
        ("GET", "/CodeSystem/unknown", 404),
        ("GET", "/StructureDefinition/unknown", 404),
        ("GET", "/t", 404),
        ("POST", "", 405),
        ("POST", "/", 405),
        ("GET", "", 405),
        ("POST", "/CodeSystem", 405),
        ("DELETE", "/CodeSystem/program", 405),
        ("POST", "/metadata", 405),
        ("GET", "/CodeSystem?name=x", 400),
        ("GET", "/metadata?_format=xml", 406),
    ],
)
async def test_what_is_not_offered_is_refused_in_fhir(method: str, path: str, status: int, http: httpx.AsyncClient) -> None:
    answer = await http.request(method, BASE + path)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/fhir+json")
    OperationOutcome.model_validate_json(answer.content)
    assert ("allow" in answer.headers) == (status == 405)


async def test_keys_are_public_halves_only_and_ours_for_ehrs_are_apart(http: httpx.AsyncClient, settings: AccessSettings) -> None:
    ours = (await http.get("/.well-known/jwks.json")).json()
    for_ehrs = (await http.get("/.well-known/ehr-client-jwks.json")).json()
    for document in (ours, for_ehrs):
        for key in document["keys"]:
            assert key.keys() <= {"kty", "n", "e", "kid", "use", "alg"}
    assert {key["kid"] for key in ours["keys"]}.isdisjoint(key["kid"] for key in for_ehrs["keys"])
    assert json.loads(Path(settings.jwks).read_text()) == ours
    assert [file.stat().st_mode & 0o777 for file in settings.key_folder.glob("*.pem")] == [0o600]


async def test_access_does_not_start_without_the_services_capabilities(settings: AccessSettings, tmp_path: Path) -> None:
    app = main.create_app(replace(settings, capability_folder=tmp_path))
    with pytest.raises(CapabilityMissing, match=r"consent\.json is missing"):
        async with app.router.lifespan_context(app):
            raise AssertionError("it started")


def _write(folder: Path, **files: Any) -> None:
    for name, content in files.items():
        (folder / f"{name}.json").write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.mark.parametrize("broken", ["{", "[]", "{}", '{"resources": 1}', '{"resources": [{"type": "Task", "interaction": []}]}'])
def test_a_broken_capability_file_is_named(broken: str, tmp_path: Path) -> None:
    good = {"resources": [{"type": "Task"}]}
    _write(tmp_path, consent={"resources": []}, timetrack=good, billing=broken)
    with pytest.raises(CapabilityMissing):
        read_capabilities(tmp_path)
