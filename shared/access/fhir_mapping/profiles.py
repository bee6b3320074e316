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
    "identifier": _rule(1, short="Ours, and whatever the sender calls it: by it a repeated create is known again"),
    "status": _rule(short="May we act today? active, rejected (declined), inactive (revoked or superseded), entered-in-error"),
    "scope": _rule(
        short="Consent to treatment", **_fixed_coding("http://terminology.hl7.org/CodeSystem/consentscope", "treatment")
    ),
    "category": _rule(2, short="LOINC 59284-0 and exactly one program; further ones are kept"),
    "patient": _rule(1, short="Who agreed or declined, in the EHR"),
    "dateTime": _rule(1, short="When the patient answered, with time and zone"),
    "performer": _rule(1, "1", short="Who answered: the patient, or a representative by named authority"),
    "organization": _rule(most="1", short="The practice, by its NPI"),
    "source[x]": _rule(short="The signed document or recording, if there is one: an attachment behind an address, or the EHR's"),
    "policy": _rule(1, "1", short="What was read out or signed"),
    "policy.uri": _rule(1, short="The wording, with its version and language"),
    "verification": _rule(short="Who witnessed a spoken consent, and when; required for verbal"),
    "provision": _rule(1),
    "provision.type": _rule(1, short="permit; deny if declined"),
    "provision.period": _rule(
        short="From when, and the last day that may be billed: month end after a stop, so later than `inactive`"
    ),
    "provision.actor": _rule(1, "1", short="The billing practitioner for whom it counts, in the role PPRF"),
    **_unused("policyRule", "provision.code", "provision.data", "provision.class", "provision.provision"),
}
_TASK: Rules = {
    "identifier": _rule(1, short="Ours, and the sender's: by it a repeated create is known again"),
    "groupIdentifier": _rule(short="The timer session, or the stretch that was divided: entries that belong together"),
    "basedOn": _rule(short="The care plan in the EHR"),
    "status": _rule(short="completed or entered-in-error"),
    "statusReason": _rule(short="Why it was voided; required with entered-in-error"),
    "intent": _rule(fixedCode="order"),
    "code": _rule(1, short="What was done", binding={"strength": "required", "valueSet": f"{CANONICAL}/ValueSet/activity"}),
    "for": _rule(1, short="For which patient"),
    "focus": _rule(short="The EHR's episode of care of the enrolment"),
    "encounter": _rule(short="If there was one"),
    "executionPeriod": _rule(1, short="[start, end) to the second with zone, at most 24 h, not in the future; or one day, twice"),
    "executionPeriod.start": _rule(1),
    "executionPeriod.end": _rule(1),
    "authoredOn": _rule(1, short="When this server first had it; set here"),
    "lastModified": _rule(1, short="When this version was written; set here"),
    "requester": _rule(short="The billing practitioner under whose direction"),
    "performerType": _rule(
        1,
        "1",
        short="The credential in which the work was done",
        binding={"strength": "required", "valueSet": f"{CANONICAL}/ValueSet/performer-role"},
    ),
    "owner": _rule(1, short="Who worked"),
    "reasonCode": _rule(short="The problem that was worked on, in codes or words"),
    "reasonReference": _rule(short="The problem that was worked on, in the EHR's problem list"),
    "note": _rule(short="What else is to be told, by whom, when"),
    "output": _rule(
        1, short="seconds always (set here); action-taken and clinical-relevance once each, missing ones are findings"
    ),
    **_unused("input", "restriction", "partOf", "insurance", "priority", "location"),
}
_CHARGE: Rules = {
    "identifier": _rule(1, "1", short="The same on every retry, with nothing of a patient in it"),
    "definitionUri": _rule(1, short="The rule and the version of the rule book that decided"),
    "status": _rule(short="billable, billed, aborted (withdrawn or rejected) or entered-in-error (void)"),
    "partOf": _rule(short="Of an add-on: its base charge"),
    "code": _rule(short="CPT or HCPCS level II, the number alone"),
    "subject": _rule(
        short="The patient, with the practice's number (MRN)",
        type=[{"code": "Reference", "targetProfile": [f"{_BASE}/Patient"]}],
    ),
    "context": _rule(short="The encounter or episode, if there is one"),
    "occurrence[x]": _rule(1, short="The date of service on the claim", type=[{"code": "dateTime"}]),
    "performer": _rule(1, "1", short="The billing practitioner, rendering, with NPI"),
    "performingOrganization": _rule(1, short="The practice, by its NPI"),
    "quantity": _rule(1, short="Units: an add-on is one line with n units"),
    "reason": _rule(1, "12", short="ICD-10-CM, in claim order"),
    "enterer": _rule(1, short="Who attested it"),
    "enteredDate": _rule(1, short="When it was attested"),
    "supportingInformation": _rule(1, short="The consents and time entries that carry it, relative to this base"),
    "account": _rule(short="If the EHR has one"),
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
