"""Our three profiles (integration.md 13.1-13.3): which elements must be there, which may not, and what they hold."""

from collections.abc import Mapping
from typing import Any

from shared.access.fhir_mapping.definitions import canonical
from shared.access.fhir_mapping.extensions import EXTENSIONS
from shared.kernel.vocabulary import CANONICAL

_BASE = "http://hl7.org/fhir/StructureDefinition"

Rules = Mapping[str, tuple[int | None, str | None, Mapping[str, Any]]]
"""Element → least, most (None: as in R4), and further members of its ElementDefinition."""


def _rule(least: int | None = None, most: str | None = None, **further: Any) -> tuple[int | None, str | None, Mapping[str, Any]]:
    return least, most, further


def _fixed_coding(system: str, code: str) -> dict[str, Any]:
    return {"patternCodeableConcept": {"coding": [{"system": system, "code": code}]}}


def _unused(*names: str) -> dict[str, tuple[int | None, str | None, Mapping[str, Any]]]:
    return {name: _rule(most="0") for name in (*names, "contained", "implicitRules")}


_CONSENT: Rules = {
    "identifier": _rule(1),
    "status": _rule(short="active, rejected (declined), inactive (revoked or superseded), entered-in-error"),
    "scope": _rule(**_fixed_coding("http://terminology.hl7.org/CodeSystem/consentscope", "treatment")),
    "category": _rule(2, short="LOINC 59284-0 and exactly one program"),
    "patient": _rule(1),
    "dateTime": _rule(1),
    "performer": _rule(1, "1"),
    "organization": _rule(most="1"),
    "policy": _rule(1, "1"),
    "policy.uri": _rule(1),
    "provision": _rule(1),
    "provision.type": _rule(1),
    "provision.actor": _rule(1, "1"),
    **_unused("policyRule", "provision.code", "provision.data", "provision.class", "provision.provision"),
}
_TASK: Rules = {
    "identifier": _rule(1),
    "status": _rule(short="completed or entered-in-error"),
    "intent": _rule(fixedCode="order"),
    "code": _rule(1, binding={"strength": "required", "valueSet": f"{CANONICAL}/ValueSet/activity"}),
    "for": _rule(1),
    "executionPeriod": _rule(1),
    "executionPeriod.start": _rule(1),
    "executionPeriod.end": _rule(1),
    "authoredOn": _rule(1),
    "lastModified": _rule(1),
    "performerType": _rule(1, "1", binding={"strength": "required", "valueSet": f"{CANONICAL}/ValueSet/performer-role"}),
    "owner": _rule(1),
    "output": _rule(1, short="seconds always; action-taken and clinical-relevance once each"),
    **_unused("input", "restriction", "partOf", "insurance", "priority", "location"),
}
_CHARGE: Rules = {
    "identifier": _rule(1, "1"),
    "definitionUri": _rule(1),
    "status": _rule(short="billable, billed, aborted or entered-in-error"),
    "subject": _rule(type=[{"code": "Reference", "targetProfile": [f"{_BASE}/Patient"]}]),
    "occurrence[x]": _rule(1, type=[{"code": "dateTime"}]),
    "performer": _rule(1, "1"),
    "performingOrganization": _rule(1),
    "quantity": _rule(1),
    "reason": _rule(1, "12"),
    "enterer": _rule(1),
    "enteredDate": _rule(1),
    "supportingInformation": _rule(1),
    **_unused("service", "bodysite", "product[x]", "costCenter", "priceOverride", "factorOverride", "overrideReason", "note"),
}
_REQUIRED_EXTENSIONS: Mapping[str, tuple[str, ...]] = {
    "Consent": ("consent-method", "obtained-by"),
    "Task": ("program", "time-basis"),
    "ChargeItem": ("service-month", "place-of-service", "decision"),
}


def profiles() -> list[dict[str, Any]]:
    """Return our profiles of Consent, Task and ChargeItem."""
    return [
        _profile("Consent", "careledger-consent", "A consent to one program with one billing practitioner.", _CONSENT),
        _profile("Task", "careledger-time-entry", "One half-open interval of one performer's work.", _TASK),
        _profile("ChargeItem", "careledger-charge", "One code of one patient and month, made by billing only.", _CHARGE),
    ]


def _profile(kind: str, ident: str, description: str, rules: Rules) -> dict[str, Any]:
    elements: list[dict[str, Any]] = [{"id": kind, "path": kind}]
    for name, told in EXTENSIONS.items():
        if kind in told.contexts:
            least = 1 if name in _REQUIRED_EXTENSIONS[kind] else 0
            elements.append(_extension(kind, name, least, told.most))
    for name, (minimum, maximum, further) in rules.items():
        element: dict[str, Any] = {"id": f"{kind}.{name}", "path": f"{kind}.{name}"}
        if minimum is not None:
            element["min"] = minimum
        if maximum is not None:
            element["max"] = maximum
        elements.append({**element, **further})
    return canonical(
        "StructureDefinition",
        ident,
        f"Careledger {kind}",
        description,
        fhirVersion="4.0.1",
        kind="resource",
        abstract=False,
        type=kind,
        baseDefinition=f"{_BASE}/{kind}",
        derivation="constraint",
        differential={"element": elements},
    )


def _extension(kind: str, name: str, least: int, most: str) -> dict[str, Any]:
    return {
        "id": f"{kind}.extension:{name}",
        "path": f"{kind}.extension",
        "sliceName": name,
        "min": least,
        "max": most,
        "type": [{"code": "Extension", "profile": [f"{CANONICAL}/StructureDefinition/{name}"]}],
    }
