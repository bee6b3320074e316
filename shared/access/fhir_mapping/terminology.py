"""Our code systems, each with the value set of all its codes, and the systems of our identifiers."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from shared.access.fhir_mapping.definitions import DATE, PUBLISHER, canonical
from shared.kernel import vocabulary
from shared.kernel.vocabulary import CANONICAL

_VOCABULARY: Mapping[str, type[StrEnum]] = {
    "program": vocabulary.Program,
    "consent-method": vocabulary.ConsentMethod,
    "disclosure": vocabulary.DisclosureCode,
    "performer-role": vocabulary.PerformerRole,
    "activity": vocabulary.Activity,
    "time-basis": vocabulary.TimeBasis,
    "staff-role": vocabulary.StaffRole,
}
_FURTHER: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "time-output": (
        "What a stretch of work produced, as Task.output.type.",
        {"seconds": "Seconds", "action-taken": "Action taken", "clinical-relevance": "Clinical relevance"},
    ),
    "cds-card-topic": (
        "What a CDS card is about, as its source's topic.",
        {"consent": "Consent", "time": "Time", "programs": "Other programs"},
    ),
    "cds-override-reason": (
        "Why a CDS card was set aside.",
        {
            "patient-declined": "Patient declined",
            "ask-later": "Ask later",
            "not-eligible": "Not eligible",
            "already-settled": "Already settled",
        },
    ),
    "charge-performer": ("In which function somebody performed what is charged.", {"rendering": "Rendering practitioner"}),
}
_OPEN: Mapping[str, str] = {
    "rule": "The rule that an OperationOutcome names in issue.details; rules come and go, so the codes are not listed here.",
    "acknowledge-reason": "Why a billing system rejects, returns or voids a charge, in its own codes or words.",
}
_IDENTIFIERS: Mapping[str, str] = {
    "consent": "Our identifier of a consent: its id.",
    "time-entry": "Our identifier of a time entry: its id.",
    "charge": "Our identifier of a charge: the same on every retry, with nothing of a patient in it.",
    "client": "The id of a registered client, as Provenance names whoever entered a version.",
}


def code_systems() -> list[dict[str, Any]]:
    """Return all our code systems, by id."""
    found = {name: _listed(name, _words(kind.__doc__), {str(m): _display(m) for m in kind}) for name, kind in _VOCABULARY.items()}
    found |= {name: _listed(name, text, codes) for name, (text, codes) in _FURTHER.items()}
    for name, text in _OPEN.items():
        found[name] = canonical("CodeSystem", name, _title(name), text, caseSensitive=True, content="not-present")
    return [found[name] for name in sorted(found)]


def value_sets() -> list[dict[str, Any]]:
    """Return the value set of all codes of each code system, by id."""
    return [
        canonical(
            "ValueSet",
            system["id"],
            system["title"],
            f"All codes of the code system: {system['description']}",
            compose={"include": [{"system": system["url"]}]},
        )
        for system in code_systems()
    ]


def naming_systems() -> list[dict[str, Any]]:
    """Return the systems of our identifiers, by id. R4 gives a NamingSystem neither url nor version."""
    return [
        {
            "resourceType": "NamingSystem",
            "id": name,
            "name": f"Careledger{name.title().replace('-', '')}",
            "status": "active",
            "kind": "identifier",
            "date": DATE,
            "publisher": PUBLISHER,
            "description": text,
            "uniqueId": [{"type": "uri", "value": f"{CANONICAL}/sid/{name}", "preferred": True}],
        }
        for name, text in sorted(_IDENTIFIERS.items())
    ]


def _listed(name: str, description: str, codes: Mapping[str, str]) -> dict[str, Any]:
    concepts = [{"code": code, "display": display} for code, display in codes.items()]
    listed: dict[str, Any] = {"caseSensitive": True, "valueSet": f"{CANONICAL}/ValueSet/{name}", "content": "complete"}
    return canonical("CodeSystem", name, _title(name), description, **listed, count=len(concepts), concept=concepts)


def _title(name: str) -> str:
    return f"Careledger {name.replace('-', ' ')}"


def _words(text: str | None) -> str:
    return " ".join((text or "").split())


def _display(member: StrEnum) -> str:
    plain = str(member).replace("-", " ").replace("_", " ").capitalize()
    return str(member).upper() if isinstance(member, vocabulary.Program) else plain
