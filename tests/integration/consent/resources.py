"""Consents as a client sends them."""

from copy import deepcopy
from typing import Any

from shared.kernel.vocabulary import CANONICAL
from tests.fakes.world import EHR_BASE

SENDER = "https://ehr.example/consents"


def url(name: str) -> str:
    """Return the address of an extension of ours."""
    return f"{CANONICAL}/StructureDefinition/{name}"


def consent(key: str = "c-1", **changes: Any) -> dict[str, Any]:
    """Return a verbal grant for CCM, given on 2026-10-05 at 10:00 in New York; `changes` replace elements."""
    resource: dict[str, Any] = {
        "resourceType": "Consent",
        "identifier": [{"system": SENDER, "value": key}],
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "treatment"}]},
        "category": [
            {"coding": [{"system": "http://loinc.org", "code": "59284-0"}]},
            {"coding": [{"system": f"{CANONICAL}/CodeSystem/program", "code": "ccm"}]},
        ],
        "patient": {"reference": "Patient/p-1", "identifier": {"system": "https://ehr.example/mrn", "value": "00482913"}},
        "dateTime": "2026-10-05T10:00:00-04:00",
        "performer": [{"reference": f"{EHR_BASE}/Patient/p-1"}],
        "policy": [{"authority": "https://ehr.example", "uri": "https://ehr.example/scripts/ccm-en|2025-02"}],
        "verification": [{"verified": True, "verificationDate": "2026-10-05T10:00:00-04:00"}],
        "provision": {
            "type": "permit",
            "period": {"start": "2026-10-05"},
            "actor": [
                {
                    "role": {
                        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "PPRF"}]
                    },
                    "reference": {
                        "reference": "Practitioner/dr-1",
                        "identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"},
                        "display": "Dr Priya Raman",
                    },
                }
            ],
        },
        "extension": [
            {"url": url("consent-method"), "valueCode": "verbal"},
            {
                "url": url("obtained-by"),
                "extension": [
                    {"url": "who", "valueReference": {"reference": "Practitioner/rn-1"}},
                    {"url": "credential", "valueCode": "registered-nurse"},
                    {"url": "name", "valueString": "Dana Whitfield, RN"},
                ],
            },
            *(disclosure(code) for code in ("availability", "cost-sharing", "one-practitioner", "right-to-stop")),
            {"url": url("communication"), "extension": [{"url": "language", "valueCode": "en"}]},
        ],
    }
    return deepcopy(resource | changes)


def disclosure(code: str, given: bool = True) -> dict[str, Any]:
    """Return a disclosure extension."""
    return {
        "url": url("disclosure"),
        "extension": [{"url": "code", "valueCode": code}, {"url": "given", "valueBoolean": given}],
    }


def declined(key: str = "d-1", **changes: Any) -> dict[str, Any]:
    """Return a refusal of the same service."""
    resource = consent(key, status="rejected", **changes)
    resource["provision"]["type"] = "deny"
    del resource["provision"]["period"]
    resource["extension"].append(
        {"url": url("decline-reason"), "extension": [{"url": "text", "valueString": "wants to think about it"}]}
    )
    return resource


def by_practitioner(resource: dict[str, Any], practitioner: str) -> dict[str, Any]:
    """Return the same consent, given to another practitioner."""
    changed = deepcopy(resource)
    changed["provision"]["actor"][0]["reference"] = {"reference": f"Practitioner/{practitioner}"}
    return changed


def given(resource: dict[str, Any], at: str) -> dict[str, Any]:
    """Return the same consent, given at another instant."""
    changed = deepcopy(resource) | {"dateTime": at}
    if "period" in changed["provision"]:
        changed["provision"]["period"]["start"] = at[:10]
    return changed


def revoked(resource: dict[str, Any], received_at: str, **parts: str) -> dict[str, Any]:
    """Return a consent as read, with the patient's stop."""
    changed = deepcopy(resource) | {"status": "inactive"}
    changed["extension"].append(
        {
            "url": url("revocation"),
            "extension": [
                {"url": "received-at", "valueDateTime": received_at},
                {"url": "channel", "valueString": parts.get("channel", "phone")},
                {"url": "recorded-by", "valueReference": {"reference": "Practitioner/rn-1"}},
            ],
        }
    )
    return changed


def with_reason(resource: dict[str, Any], reason: str, **changes: Any) -> dict[str, Any]:
    """Return a consent as read, changed, with the reason why."""
    changed = deepcopy(resource) | changes
    changed["extension"] = [one for one in changed["extension"] if one["url"] != url("change-reason")]
    changed["extension"].append({"url": url("change-reason"), "valueString": reason})
    return changed


def extension_of(resource: dict[str, Any], name: str) -> dict[str, Any] | None:
    """Return our extension of that name, or None."""
    return next((one for one in resource["extension"] if one["url"] == url(name)), None)
