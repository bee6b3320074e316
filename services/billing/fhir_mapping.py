"""A charge as FHIR R4 ChargeItem (integration.md 13.3), and `$acknowledge` in and out (integration.md 6). Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from services.billing.domain.charge import (
    AcknowledgedAs,
    Answer,
    ChargeItem,
    CoverageLine,
    Identifier,
    Item,
    Result,
    aggregate_id,
)
from services.billing.domain.charge_item import ChargeStatus
from shared.fhir.outcome import operation_outcome
from shared.fhir.profile import extension_url, system_url
from shared.fhir.provenance import Agent, provenance, provenance_id, recorder
from shared.fhir.references import ehr_reference, mrn, npi, parse_reference
from shared.fhir.times import instant_text, local_text
from shared.kernel.errors import Invalid, Malformed
from shared.kernel.vocabulary import CANONICAL

PROFILE = f"{CANONICAL}/StructureDefinition/careledger-charge"
CHARGE_SYSTEM = f"{CANONICAL}/sid/charge"
STATUS_SYSTEM = "http://hl7.org/fhir/chargeitem-status"
CPT = "http://www.ama-assn.org/go/cpt"
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
PLACE_OF_SERVICE = "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set"
REASON_SYSTEM = system_url("acknowledge-reason")

MOST_ITEMS = 500
_SOFTWARE = "careledger-billing"
_REASON_NEEDED = (AcknowledgedAs.REJECTED, AcknowledgedAs.RETURNED, AcknowledgedAs.VOIDED)
_CLAIMED = (ChargeStatus.BILLED, ChargeStatus.ENTERED_IN_ERROR)
_PARTS = {
    "charge": ("valueReference", "valueIdentifier"),
    "outcome": ("valueCode", "valueString"),
    "claim": ("valueIdentifier",),
    "reason": ("valueCodeableConcept",),
    "version": ("valueString", "valueId"),
}
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Bases:
    """Where our resources and the EHR's lie for one tenant, and the zone of its days."""

    own: str
    ehr: str
    ehr_hosts: tuple[str, ...]
    zone: ZoneInfo


def code_system(code: str) -> str:
    """Return the system of a code number: those of HCPCS level II begin with a letter."""
    return HCPCS if code[:1].isalpha() else CPT


def write_charge(charge: ChargeItem, bases: Bases) -> dict[str, Any]:
    """Return the ChargeItem of a version: ours relative, the EHR's absolute, numbers and our own words only."""
    line = charge.line
    resource: dict[str, Any] = {
        "resourceType": "ChargeItem",
        "id": str(charge.id),
        "meta": {
            "versionId": str(charge.version),
            "lastUpdated": instant_text(charge.updated_at),
            "profile": [PROFILE],
        },
        "extension": _extensions(charge, bases),
        "identifier": [{"system": CHARGE_SYSTEM, "value": str(charge.id)}],
        "definitionUri": [f"{CANONICAL}/rules/{line.code_id}?rule-book={charge.rule_book}"],
        "status": charge.status.value,
    }
    if charge.part_of is not None:
        resource["partOf"] = [{"reference": f"ChargeItem/{charge.part_of}", "type": "ChargeItem"}]
    number = mrn(charge.mrn.value, charge.mrn.system or None) if charge.mrn else None
    resource |= {
        "code": {"coding": [{"system": code_system(line.code), "code": line.code}]},
        "subject": ehr_reference(bases.ehr, "Patient", charge.patient, identifier=number),
    }
    if charge.context is not None:
        kind, _, ident = charge.context.partition("/")
        resource["context"] = ehr_reference(bases.ehr, kind, ident)
    resource |= {
        "occurrenceDateTime": line.date_of_service.isoformat(),
        "performer": [
            {
                "function": {"coding": [{"system": system_url("charge-performer"), "code": "rendering"}]},
                "actor": _practitioner(line.practitioner, line.practitioner_npi, charge.practitioner_name, bases),
            }
        ],
    }
    if charge.organization_npi is not None:
        resource["performingOrganization"] = {"type": "Organization", "identifier": npi(charge.organization_npi)}
    resource["quantity"] = {"value": line.units, "system": "http://unitsofmeasure.org", "code": "1"}
    if line.diagnoses:
        resource["reason"] = [{"coding": [{"system": ICD10, "code": code}]} for code in line.diagnoses]
    if charge.entered_by is not None and charge.entered_at is not None:
        resource["enterer"] = ehr_reference(bases.ehr, "Practitioner", charge.entered_by)
        resource["enteredDate"] = local_text(charge.entered_at, bases.zone)
    evidence = [("Consent", aggregate_id(source)) for source in line.consents] + [("Task", entry) for entry in line.entries]
    if evidence:
        resource["supportingInformation"] = [
            {"reference": f"{kind}/{ident}", "type": kind} for kind, ident in dict.fromkeys(evidence)
        ]
    if charge.account is not None:
        resource["account"] = [ehr_reference(bases.ehr, "Account", charge.account.removeprefix("Account/"))]
    return resource


def write_provenance(charge: ChargeItem, bases: Bases) -> dict[str, Any]:
    """Return who made a version: the practitioner who attested it, the client that acknowledged it, or our own software."""
    said = charge.acknowledgement
    acknowledged = said is not None and said.at == charge.updated_at
    if acknowledged and said is not None:
        agent = recorder(said.client)
    elif charge.version == 1 and charge.entered_by is not None:
        agent = Agent(ehr_reference(bases.ehr, "Practitioner", charge.entered_by), "attester")
    else:
        agent = recorder(_SOFTWARE)
    void = charge.status is ChargeStatus.ENTERED_IN_ERROR
    return provenance(
        provenance_id("b", charge.id, charge.version),
        f"ChargeItem/{charge.id}/_history/{charge.version}",
        charge.updated_at,
        [agent],
        operation="CREATE" if charge.version == 1 else "NULLIFY" if void else "UPDATE",
        reason_text=(said.reason_text or said.reason) if acknowledged and said is not None else None,
    )


def _practitioner(ident: str, number: str | None, name: str | None, bases: Bases) -> dict[str, Any]:
    return ehr_reference(bases.ehr, "Practitioner", ident, identifier=npi(number) if number else None, display=name)


def _extensions(charge: ChargeItem, bases: Bases) -> list[dict[str, Any]]:
    line = charge.line
    period = {"start": charge.first_day.isoformat(), "end": charge.last_day.isoformat()}
    found: list[tuple[str, str, Any]] = [
        ("service-month", "valuePeriod", period),
        ("place-of-service", "valueCoding", {"system": PLACE_OF_SERVICE, "code": line.place_of_service}),
        *(("modifier", "valueCode", modifier) for modifier in line.modifiers),
    ]
    if charge.organization_tin is not None:
        found.append(("billing-tin", "valueString", charge.organization_tin))
    if not line.patient_billable:
        found.append(("do-not-bill-patient", "valueBoolean", True))
    if charge.claim is not None and charge.status in _CLAIMED:
        found.append(("claim", "valueIdentifier", _identifier(charge.claim)))
    if charge.replaces is not None:
        reference = {"reference": f"ChargeItem/{charge.replaces}", "type": "ChargeItem"}
        found.append(("replaces", "valueReference", reference))
    if charge.claim_frequency is not None:
        found.append(("claim-frequency", "valueCode", charge.claim_frequency))
    found.append(("decision", "valueString", charge.decision))
    extensions = [{"url": extension_url(name), kind: value} for name, kind, value in found]
    return extensions + [_coverage(coverage, bases) for coverage in charge.coverages]


def _coverage(coverage: CoverageLine, bases: Bases) -> dict[str, Any]:
    parts: list[tuple[str, str, Any]] = [
        ("payer-id", "valueString", coverage.payer),
        ("payer-name", "valueString", coverage.payer_name),
        ("member-id", "valueString", coverage.member_id),
        ("coverage", "valueReference", ehr_reference(bases.ehr, "Coverage", coverage.coverage)),
        ("rank", "valuePositiveInt", coverage.rank),
    ]
    return {
        "url": extension_url("coverage"),
        "extension": [{"url": url, kind: value} for url, kind, value in parts if value is not None],
    }


def _identifier(identifier: Identifier) -> dict[str, Any]:
    found = {"system": identifier.system, "value": identifier.value}
    return {name: text for name, text in found.items() if text}


def read_acknowledgements(resource: Mapping[str, Any], bases: Bases) -> list[Item]:
    """Read the items of `$acknowledge`; Malformed or Invalid, naming the place, if the envelope is wrong."""
    parameters = resource.get("parameter", [])
    strays = [p for p in parameters if p.get("name") != "item"]
    if strays or not 1 <= len(parameters) <= MOST_ITEMS:
        raise Malformed(
            f"send 1 to {MOST_ITEMS} parameters `item`, nothing else", rule="acknowledge", expression="Parameters.parameter"
        )
    return [_item(p, f"Parameters.parameter[{index}]", bases) for index, p in enumerate(parameters)]


def _item(parameter: Mapping[str, Any], place: str, bases: Bases) -> Item:
    values: dict[str, Any] = {}
    for index, part in enumerate(parameter.get("part", ())):
        name, here = part.get("name"), f"{place}.part[{index}]"
        kind = next((kind for kind in _PARTS.get(name, ()) if kind in part), None)
        if kind is None or name in values or set(part) - {"name", kind}:
            raise Invalid("is not a part of an item, is there twice, or has another type", rule="acknowledge", expression=here)
        values[name] = part[kind]
    try:
        outcome = AcknowledgedAs(values["outcome"])
    except (KeyError, ValueError) as error:
        known = ", ".join(AcknowledgedAs)
        raise Invalid(f"outcome is one of {known}", rule="acknowledge", expression=f"{place}.outcome") from error
    if "charge" not in values:
        raise Invalid("charge is required", rule="acknowledge", expression=f"{place}.charge")
    claim = values.get("claim")
    if (claim is None or not claim.get("value")) and (outcome is AcknowledgedAs.BILLED or claim is not None):
        raise Invalid("billed needs the claim's identifier, with its value", rule="acknowledge", expression=f"{place}.claim")
    if "reason" not in values and outcome in _REASON_NEEDED:
        raise Invalid(f"{outcome} needs a reason", rule="acknowledge", expression=f"{place}.reason")
    reason = values.get("reason", {})
    return Item(
        charge=_charge_id(values["charge"], bases),
        outcome=outcome,
        claim=Identifier(system=claim.get("system", ""), value=claim["value"]) if claim else None,
        reason=next((c["code"] for c in reason.get("coding", ()) if c.get("system") == REASON_SYSTEM and "code" in c), None),
        reason_text=reason.get("text"),
        version=_version(values.get("version"), f"{place}.version"),
    )


def _charge_id(value: Mapping[str, Any], bases: Bases) -> UUID | None:
    """Return the charge that a reference or identifier names; None if it cannot be one of ours."""
    identifier = value.get("identifier", value)
    text = str(identifier.get("value", "")) if identifier.get("system") == CHARGE_SYSTEM else ""
    if isinstance(value.get("reference"), str):
        ref = parse_reference(value["reference"])
        ours = ref is not None and ref.type == "ChargeItem" and ref.base in (None, bases.own)
        text = ref.id if ref is not None and ours else ""
    return UUID(text) if _UUID.fullmatch(text) else None


def _version(text: object, place: str) -> int | None:
    if text is None:
        return None
    plain = str(text)
    if not (plain.isascii() and plain.isdigit()) or len(plain) > 9:
        raise Invalid("is no version of ours", rule="acknowledge", expression=place)
    return int(plain)


def write_results(items: Sequence[Item], results: Iterable[Result], said: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the answer to `$acknowledge`: per item, in its place, the charge as it was named, what was done, and why not."""
    found = list(results)
    counts = {answer: sum(result.answer is answer for result in found) for answer in Answer}
    parameters: list[dict[str, Any]] = [{"name": answer.value, "valueInteger": counts[answer]} for answer in Answer]
    for item, result, named in zip(items, found, said, strict=True):
        charge = next((part for part in named["part"] if part["name"] == "charge"), {"name": "charge"})
        parts: list[dict[str, Any]] = [dict(charge), {"name": "result", "valueCode": result.answer.value}]
        parts.append({"name": "outcome", "valueCode": item.outcome.value})
        if result.charge is not None:
            parts.append({"name": "version", "valueString": str(result.charge.version)})
            parts.append({"name": "status", "valueCode": result.charge.status.value})
        if result.issue is not None:
            code = "not-found" if result.charge is None else "conflict" if result.answer is Answer.CONFLICT else "business-rule"
            parts.append({"name": "outcome-detail", "resource": operation_outcome([result.issue], code=code)})
        parameters.append({"name": "item", "part": parts})
    return {"resourceType": "Parameters", "parameter": parameters}
