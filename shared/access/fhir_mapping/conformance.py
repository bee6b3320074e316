"""All our conformance resources by type and id, made once: what access serves as they are."""

from collections.abc import Mapping
from typing import Any

from shared.access.fhir_mapping.definitions import canonical
from shared.access.fhir_mapping.extensions import extension_definitions
from shared.access.fhir_mapping.profiles import profiles
from shared.access.fhir_mapping.terminology import code_systems, naming_systems, value_sets
from shared.kernel.vocabulary import CANONICAL

TYPES = ("CodeSystem", "NamingSystem", "OperationDefinition", "SearchParameter", "StructureDefinition", "ValueSet")

_PROGRAM_PATH = f"Task.extension.where(url='{CANONICAL}/StructureDefinition/program').value"
_MONTH_PATH = f"ChargeItem.extension.where(url='{CANONICAL}/StructureDefinition/service-month').value"


def conformance() -> Mapping[str, Mapping[str, dict[str, Any]]]:
    """Return the resources, by type and id."""
    made = {
        "CodeSystem": code_systems(),
        "NamingSystem": naming_systems(),
        "OperationDefinition": [_acknowledge()],
        "SearchParameter": _search_parameters(),
        "StructureDefinition": [*profiles(), *extension_definitions()],
        "ValueSet": value_sets(),
    }
    return {kind: {resource["id"]: resource for resource in made[kind]} for kind in TYPES}


def _search_parameters() -> list[dict[str, Any]]:
    return [
        _parameter("Task", "program", "token", "The program for which time was spent.", _PROGRAM_PATH),
        _parameter("ChargeItem", "status", "token", "The status of a charge; R4 has no such parameter.", "ChargeItem.status"),
        _parameter("ChargeItem", "service-month", "date", "The calendar month of the service.", _MONTH_PATH),
        _parameter(
            "ChargeItem", "-after", "special", "The change feed: a position that the feed gave, or 0 for its start.", None
        ),
    ]


def _parameter(kind: str, code: str, sort: str, description: str, path: str | None) -> dict[str, Any]:
    elements: dict[str, Any] = {"code": code, "base": [kind], "type": sort}
    if path is not None:
        elements |= {"expression": path, "xpathUsage": "normal"}
    ident = f"{kind.lower()}-{code.removeprefix('-')}"
    made = canonical("SearchParameter", ident, f"Careledger {kind} {code}", description, **elements)
    del made["title"]  # R4 gives a SearchParameter none
    return made


def _acknowledge() -> dict[str, Any]:
    def part(name: str, least: int, kind: str, text: str) -> dict[str, Any]:
        return {"name": name, "use": "in", "min": least, "max": "1", "documentation": text, "type": kind}

    parts = [
        part("charge", 1, "Reference", "The charge, by reference (or, as valueIdentifier, by our identifier)."),
        part("outcome", 1, "code", "billed, rejected, returned or voided."),
        part("claim", 0, "Identifier", "The claim; required for billed."),
        part("reason", 0, "CodeableConcept", "Why; required for rejected, returned and voided."),
        part("version", 0, "string", "The versionId that was seen: a stale one is a conflict."),
    ]
    item = {"name": "item", "use": "in", "min": 1, "max": "500", "documentation": "What became of one charge.", "part": parts}
    words = "Each item in its place: applied, already, conflict or refused, with an OperationOutcome."
    told = {"name": "return", "use": "out", "min": 1, "max": "1", "documentation": words, "type": "Parameters"}
    return canonical(
        "OperationDefinition",
        "acknowledge",
        "Careledger acknowledge",
        "A billing system says what became of charges that it pulled.",
        kind="operation",
        affectsState=True,
        code="acknowledge",
        resource=["ChargeItem"],
        system=False,
        type=True,
        instance=False,
        parameter=[item, told],
    )
