"""A tenant's YAML is read strictly, and what is wrong is named by field."""

from typing import Any

import pytest
import yaml
from joserfc.jwk import ECKey

from shared.access.adapters.tenant_file import TenantFileInvalid, read_tenant

GOOD = """\
tenant: lakeside
name: Lakeside Family Practice
npi: "1234567893"
zone: America/Chicago
effective_from: 2026-10-01
ehr:
  fhir_base: https://ehr.example/fhir/R4
  token_url: https://ehr.example/auth/token
  client_id: careledger
"""


def test_a_good_document_is_read() -> None:
    document = read_tenant(GOOD + "charge_master: {'99490': 105.00}\n", dev=False)
    assert (document.tenant, document.programs, document.active) == ("lakeside", ("ccm",), True)
    assert str(document.charge_master["99490"]) == "105.0"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ("tenant: Lakeside", "tenant"),
        ("tenant: a", "tenant"),
        ("tenant: 'x/../y'", "tenant"),
        ("zone: Chicago", "zone"),
        ("zone: ''", "zone"),
        ("npi: '123'", "npi"),
        ("npi: 1234567893", "npi"),
        ("place_of_service: office", "place_of_service"),
        ("programs: [ccm, dentistry]", "programs"),
        ("programs: []", "programs"),
        ("effective_from: soon", "effective_from"),
        ("colour: blue", "colour"),
        ("claim_form: paper", "claim_form"),
        *((f"charge_master: {{'99490': {amount}}}", "charge_master") for amount in ("-1", "105.005", "1e30")),
        ("ehr: {fhir_base: 'http://ehr.example/fhir', token_url: 'https://e.example/t', client_id: c}", "ehr.fhir_base"),
        ("ehr: {fhir_base: 'http://127.0.0.1:1/fhir', token_url: 'https://e.example/t', client_id: c}", "ehr.fhir_base"),
        ("ehr: {fhir_base: 'https://e.example/fhir/', token_url: 'https://e.example/t', client_id: c}", "ehr.fhir_base"),
        ("ehr: {fhir_base: 'https://e.example/f', token_url: 'https://u@e.example/t', client_id: c}", "ehr.token_url"),
        ("ehr: {fhir_base: 'https://e.example/f', token_url: 'https://e.example/t', client_id: c, x: 1}", "ehr.x"),
        ("ehr: {fhir_base: 'https://e.example/f'}", "ehr.token_url"),
    ],
)
def test_what_is_wrong_is_named(change: str, field: str) -> None:
    changed = {**yaml.safe_load(GOOD), **yaml.safe_load(change)}
    with pytest.raises(TenantFileInvalid) as refused:
        read_tenant(yaml.safe_dump(changed), dev=False)
    assert field in [issue.expression for issue in refused.value.issues]


@pytest.mark.parametrize(
    "text", ["", "[]", "hello", "a: [", "tenant: a\ntenant: b\n", "!!python/object/apply:os.system ['true']"]
)
def test_what_is_no_document_is_refused(text: str) -> None:
    with pytest.raises(TenantFileInvalid):
        read_tenant(text, dev=False)


def test_a_field_that_stands_twice_is_refused_wherever_it_is() -> None:
    with pytest.raises(TenantFileInvalid, match="client_id stands twice"):
        read_tenant(GOOD + "  client_id: other\n", dev=False)


def test_loopback_is_for_development() -> None:
    text = GOOD.replace("https://ehr.example", "http://127.0.0.1:9000")
    assert read_tenant(text, dev=True).ehr.fhir_base == "http://127.0.0.1:9000/fhir/R4"


KEY = ECKey.generate_key("P-384", auto_kid=True)
CDS = {"iss": "https://ehr.example/", "jwks_url": "https://ehr.example/jwks"}


def _with_cds(*clients: dict[str, Any]) -> str:
    return yaml.safe_dump({**yaml.safe_load(GOOD), "cds_clients": list(clients)})


@pytest.mark.requirement("issue-11.2")
def test_cds_clients_are_read() -> None:
    inline = {"iss": "https://other.example", "jwks": {"keys": [KEY.as_dict(private=False)]}, "origins": ["https://a.example"]}
    sandbox, other = read_tenant(_with_cds(CDS, inline), dev=False).cds_clients
    assert (sandbox.iss, sandbox.token_seconds, sandbox.algorithms) == ("https://ehr.example/", 900, ("RS384", "ES384"))
    assert not sandbox.reuses_tokens
    assert other.jwks == inline["jwks"]


@pytest.mark.requirement("issue-11.2")
@pytest.mark.parametrize(
    ("client", "field"),
    [
        ({"iss": "ehr"}, "cds_clients.0.iss"),
        ({"iss": "http://ehr.example"}, "cds_clients.0.iss"),
        ({"jwks_url": None}, "cds_clients.0"),
        ({"jwks": {"keys": [KEY.as_dict(private=False)]}}, "cds_clients.0"),
        ({"jwks_url": None, "jwks": {"keys": [KEY.as_dict(private=True)]}}, "cds_clients.0"),
        ({"jwks_url": None, "jwks": {"keys": []}}, "cds_clients.0"),
        ({"jwks_url": "http://ehr.example/jwks"}, "cds_clients.0"),
        ({"algorithms": ["HS256"]}, "cds_clients.0.algorithms.0"),
        ({"algorithms": []}, "cds_clients.0.algorithms"),
        ({"token_seconds": 86400}, "cds_clients.0.token_seconds"),
        ({"origins": ["*"]}, "cds_clients.0.origins"),
        ({"origins": ["https://*.example"]}, "cds_clients.0.origins"),
        ({"origins": ["https://a.example/page"]}, "cds_clients.0.origins"),
        ({"secret": "x"}, "cds_clients.0.secret"),
    ],
)
def test_what_is_wrong_with_a_cds_client_is_named(client: dict[str, Any], field: str) -> None:
    with pytest.raises(TenantFileInvalid) as refused:
        read_tenant(_with_cds({**CDS, **client}), dev=False)
    assert field in [issue.expression for issue in refused.value.issues]


@pytest.mark.requirement("issue-11.2")
def test_a_cds_client_stands_once() -> None:
    with pytest.raises(TenantFileInvalid) as refused:
        read_tenant(_with_cds(CDS, CDS), dev=False)
    assert {issue.expression for issue in refused.value.issues} == {"cds_clients.0.iss", "cds_clients.1.iss"}
    assert len(read_tenant(_with_cds(CDS, {**CDS, "organization": "south"}), dev=False).cds_clients) == 2
