"""The CapabilityStatement of the one FHIR base of a practice. Pure."""

from collections.abc import Sequence
from typing import Any

from shared.access.fhir_mapping.conformance import TYPES
from shared.access.fhir_mapping.definitions import DATE, PUBLISHER, VERSION

_SECURITY = "http://terminology.hl7.org/CodeSystem/restful-security-service"


def capability_statement(base: str, resources: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the statement of the one FHIR base `base`; `resources` are the services' rest.resource elements."""
    own = [
        {
            "type": kind,
            "interaction": [{"code": "read"}, {"code": "search-type"}],
            "searchParam": [{"name": "url", "type": "uri"}],
        }
        for kind in TYPES
    ]
    return {
        "resourceType": "CapabilityStatement",
        "url": f"{base}/metadata",
        "version": VERSION,
        "name": "Careledger",
        "title": "Careledger: consent, time and charges of chronic care management",
        "status": "active",
        "date": DATE,
        "publisher": PUBLISHER,
        "kind": "instance",
        "software": {"name": "Careledger", "version": VERSION},
        "implementation": {"description": "Careledger's FHIR base of one practice", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [
            {
                "mode": "server",
                "security": {
                    "service": [{"coding": [{"system": _SECURITY, "code": "SMART-on-FHIR"}]}],
                    "description": "SMART backend services; see .well-known/smart-configuration at this base.",
                },
                "resource": sorted([*own, *resources], key=lambda resource: str(resource["type"])),
            }
        ],
    }
