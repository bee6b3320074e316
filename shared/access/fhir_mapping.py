"""Access's conformance resources as FHIR R4: the CapabilityStatement and our code systems. Pure."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from shared.kernel import vocabulary
from shared.kernel.vocabulary import CANONICAL

VERSION = "1.0.0"
_DATE = "2026-11-24"
_PUBLISHER = "Careledger"
_SECURITY = "http://terminology.hl7.org/CodeSystem/restful-security-service"

_CODE_SYSTEMS: dict[str, type[StrEnum]] = {
    "program": vocabulary.Program,
    "consent-method": vocabulary.ConsentMethod,
    "disclosure": vocabulary.DisclosureCode,
    "performer-role": vocabulary.PerformerRole,
    "activity": vocabulary.Activity,
    "time-basis": vocabulary.TimeBasis,
    "staff-role": vocabulary.StaffRole,
}


def capability_statement(base: str, resources: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the statement of the one FHIR base `base`; `resources` are the services' rest.resource elements."""
    own = {
        "type": "CodeSystem",
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "searchParam": [{"name": "url", "type": "uri"}],
    }
    return {
        "resourceType": "CapabilityStatement",
        "url": f"{base}/metadata",
        "version": VERSION,
        "name": "Careledger",
        "title": "Careledger: consent, time and charges of chronic care management",
        "status": "active",
        "date": _DATE,
        "publisher": _PUBLISHER,
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
                "resource": sorted([own, *resources], key=lambda resource: str(resource["type"])),
            }
        ],
    }


def code_systems() -> list[dict[str, Any]]:
    """Return all our code systems, by id."""
    return [_code_system(name) for name in sorted(_CODE_SYSTEMS)]


def _code_system(name: str) -> dict[str, Any]:
    kind = _CODE_SYSTEMS[name]
    return {
        "resourceType": "CodeSystem",
        "id": name,
        "url": f"{CANONICAL}/CodeSystem/{name}",
        "version": VERSION,
        "name": f"Careledger{kind.__name__}",
        "title": f"Careledger {name.replace('-', ' ')}",
        "status": "active",
        "experimental": False,
        "date": _DATE,
        "publisher": _PUBLISHER,
        "description": " ".join((kind.__doc__ or "").split()),
        "caseSensitive": True,
        "content": "complete",
        "count": len(kind),
        "concept": [{"code": str(member), "display": _display(kind, member)} for member in kind],
    }


def _display(kind: type[StrEnum], member: StrEnum) -> str:
    return str(member).upper() if kind is vocabulary.Program else str(member).replace("-", " ").replace("_", " ").capitalize()
