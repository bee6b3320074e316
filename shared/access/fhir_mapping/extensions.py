"""Our extensions (integration.md 13), each by where it may stand and what it holds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.access.fhir_mapping.definitions import canonical
from shared.kernel.vocabulary import CANONICAL

_BASE = "http://hl7.org/fhir/StructureDefinition"


@dataclass(frozen=True)
class Part:
    """A simple value: its type, cardinality, the code system it is taken from, or the types that it may refer to."""

    type: str
    minimum: int = 1
    system: str | None = None
    targets: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExtensionDefinition:
    """An extension: a value of its own (`value`) or named parts; `most` is how often it may stand there."""

    description: str
    contexts: tuple[str, ...]
    value: Part | None = None
    parts: Mapping[str, Part] | None = None
    most: str = "1"


_PRACTITIONER = ("Practitioner",)

EXTENSIONS: Mapping[str, ExtensionDefinition] = {
    "consent-method": ExtensionDefinition(
        "How the patient agreed or declined.", ("Consent",), Part("code", system="consent-method")
    ),
    "obtained-by": ExtensionDefinition(
        "Who asked the patient, and in which credential.",
        ("Consent",),
        parts={
            "who": Part("Reference", targets=_PRACTITIONER),
            "credential": Part("code", system="performer-role"),
            "name": Part("string", 0),
        },
    ),
    "disclosure": ExtensionDefinition(
        "What the patient was told, or not told, before answering.",
        ("Consent",),
        parts={"code": Part("code", system="disclosure"), "given": Part("boolean")},
        most="*",
    ),
    "communication": ExtensionDefinition(
        "In which language the patient was asked, and by which interpreter.",
        ("Consent",),
        parts={"language": Part("code", 0), "interpreter": Part("string", 0)},
    ),
    "decline-reason": ExtensionDefinition(
        "Why the patient declined.", ("Consent",), parts={"code": Part("code", 0), "text": Part("string", 0)}
    ),
    "other-practice": ExtensionDefinition(
        "Whether another practice gives this service now, as the patient says.",
        ("Consent",),
        parts={"answer": Part("code"), "name": Part("string", 0)},
    ),
    "revocation": ExtensionDefinition(
        "The patient's stop; effective is the last billable day.",
        ("Consent",),
        parts={
            "received-at": Part("dateTime"),
            "channel": Part("string"),
            "recorded-by": Part("Reference", targets=_PRACTITIONER),
            "effective": Part("date", 0),
        },
    ),
    "superseded-by": ExtensionDefinition(
        "The later consent that ended this one.", ("Consent",), Part("Reference", targets=("Consent",))
    ),
    "representative-authority": ExtensionDefinition(
        "By which authority a representative agreed for the patient.", ("Consent.performer",), Part("string")
    ),
    "identity-check": ExtensionDefinition(
        "How the identity of the one who answered was checked: name-and-birth-date, address or chart-number.",
        ("Consent",),
        Part("code"),
        most="*",
    ),
    "change-reason": ExtensionDefinition("Why this version was made.", ("Consent", "Task"), Part("string")),
    "program": ExtensionDefinition("For which program the time was spent.", ("Task",), Part("code", system="program")),
    "time-basis": ExtensionDefinition("How the seconds are known.", ("Task",), Part("code", system="time-basis")),
    "gap-seconds": ExtensionDefinition("Idle seconds that were kept as work.", ("Task",), Part("Duration")),
    "asserted-reason": ExtensionDefinition("Why the time was logged by hand.", ("Task",), Part("string")),
    "additional-problem": ExtensionDefinition(
        "A further problem that the work addressed.", ("Task",), Part("Reference", targets=("Condition",)), most="*"
    ),
    "service-month": ExtensionDefinition("The calendar month of the service.", ("ChargeItem",), Part("Period")),
    "place-of-service": ExtensionDefinition("The place of service, by CMS code.", ("ChargeItem",), Part("Coding")),
    "modifier": ExtensionDefinition("A modifier of the code, in claim order.", ("ChargeItem",), Part("code"), most="4"),
    "billing-tin": ExtensionDefinition("The practice's taxpayer number.", ("ChargeItem",), Part("string")),
    "do-not-bill-patient": ExtensionDefinition("The patient is not to be billed for a share.", ("ChargeItem",), Part("boolean")),
    "claim": ExtensionDefinition("The claim under which it was billed.", ("ChargeItem",), Part("Identifier")),
    "replaces": ExtensionDefinition("The earlier attempt.", ("ChargeItem",), Part("Reference", targets=("ChargeItem",))),
    "claim-frequency": ExtensionDefinition("Whether the claim replaces (7) or voids (8) another.", ("ChargeItem",), Part("code")),
    "decision": ExtensionDefinition("Hash of facts, rule book and engine that decided.", ("ChargeItem",), Part("string")),
    "coverage": ExtensionDefinition(
        "Who pays, by rank.",
        ("ChargeItem",),
        parts={
            "payer-id": Part("string", 0),
            "payer-name": Part("string", 0),
            "member-id": Part("string", 0),
            "coverage": Part("Reference", targets=("Coverage",)),
            "rank": Part("positiveInt"),
        },
        most="2",
    ),
}


def extension_definitions() -> list[dict[str, Any]]:
    """Return the StructureDefinition of each extension, by id."""
    return [_definition(name, EXTENSIONS[name]) for name in sorted(EXTENSIONS)]


def _definition(name: str, told: ExtensionDefinition) -> dict[str, Any]:
    url = f"{CANONICAL}/StructureDefinition/{name}"
    elements: list[dict[str, Any]] = [
        {"id": "Extension", "path": "Extension", "short": told.description, "min": 0, "max": told.most}
    ]
    if told.parts is None:
        assert told.value is not None
        elements.append({"id": "Extension.extension", "path": "Extension.extension", "max": "0"})
        elements.append({"id": "Extension.url", "path": "Extension.url", "fixedUri": url})
        elements.append(_value("Extension.value[x]", told.value))
    else:
        for part, value in told.parts.items():
            elements += _part(part, value)
        elements.append({"id": "Extension.url", "path": "Extension.url", "fixedUri": url})
        elements.append({"id": "Extension.value[x]", "path": "Extension.value[x]", "max": "0"})
    return canonical(
        "StructureDefinition",
        name,
        f"Careledger {name.replace('-', ' ')}",
        told.description,
        fhirVersion="4.0.1",
        kind="complex-type",
        abstract=False,
        context=[{"type": "element", "expression": place} for place in told.contexts],
        type="Extension",
        baseDefinition=f"{_BASE}/Extension",
        derivation="constraint",
        differential={"element": elements},
    )


def _part(name: str, value: Part) -> Iterator[dict[str, Any]]:
    ident = f"Extension.extension:{name}"
    yield {"id": ident, "path": "Extension.extension", "sliceName": name, "min": value.minimum, "max": "1"}
    yield {"id": f"{ident}.extension", "path": "Extension.extension.extension", "max": "0"}
    yield {"id": f"{ident}.url", "path": "Extension.extension.url", "fixedUri": name}
    yield {**_value(f"{ident}.value[x]", value), "path": "Extension.extension.value[x]"}


def _value(ident: str, value: Part) -> dict[str, Any]:
    kind: dict[str, Any] = {"code": value.type}
    if value.targets:
        kind["targetProfile"] = [f"{_BASE}/{target}" for target in value.targets]
    element: dict[str, Any] = {"id": ident, "path": ident, "min": 1, "type": [kind]}
    if value.system:
        element["binding"] = {"strength": "required", "valueSet": f"{CANONICAL}/ValueSet/{value.system}"}
    return element
