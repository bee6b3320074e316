"""What billing's OpenAPI says: for whom it is, a ChargeItem, and an acknowledgement as it is sent and as it is answered."""

from datetime import UTC, datetime
from typing import Any

from services.billing.entrypoints.member_words import MEMBER_WORDS
from services.billing.fhir_mapping import CPT, ICD10, PLACE_OF_SERVICE
from shared.fhir.outcome import operation_outcome
from shared.fhir.profile import extension_url, system_url
from shared.fhir.provenance import Agent, provenance
from shared.kernel.errors import Issue
from shared.kernel.vocabulary import CANONICAL
from shared.web.openapi import About

Json = dict[str, Any]

_ID, _OTHER = "19166497-ce01-5652-8bb9-ef639615eda2", "5c0b7d54-90a1-5b1e-8f5f-7d1f0f4c2b66"
_EHR = "https://ehr.example/fhir/R4"
_NPI = "http://hl7.org/fhir/sid/us-npi"
_HASH = "f9710a536f9d167dd0839738e2c80e7979c73fc6b9dab98e4ea576e4a1c4af27"


def _coded(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code}]}


def _chart(kind: str, ident: str, **further: Any) -> Json:
    return {"reference": f"{_EHR}/{kind}/{ident}", "type": kind, **further}


def _number(system: str, value: str) -> Json:
    return {"system": system, "value": value}


_COVERAGE: list[Json] = [
    {"url": "payer-id", "valueString": "medicare"},
    {"url": "payer-name", "valueString": "Medicare Part B"},
    {"url": "member-id", "valueString": "1EG4-TE5-MK73"},
    {"url": "coverage", "valueReference": _chart("Coverage", "cov-1")},
    {"url": "rank", "valuePositiveInt": 1},
]
_CHARGE: Json = {
    "resourceType": "ChargeItem",
    "id": _ID,
    "meta": {
        "versionId": "1",
        "lastUpdated": "2026-11-03T15:00:00Z",
        "profile": [f"{CANONICAL}/StructureDefinition/careledger-charge"],
    },
    "extension": [
        {"url": extension_url("service-month"), "valuePeriod": {"start": "2026-10-01", "end": "2026-10-31"}},
        {"url": extension_url("place-of-service"), "valueCoding": {"system": PLACE_OF_SERVICE, "code": "11"}},
        {"url": extension_url("billing-tin"), "valueString": "12-3456789"},
        {"url": extension_url("decision"), "valueString": f"{_HASH}/read"},
        {"url": extension_url("coverage"), "extension": _COVERAGE},
    ],
    "identifier": [_number(f"{CANONICAL}/sid/charge", _ID)],
    "definitionUri": [f"{CANONICAL}/rules/ccm.clinical_staff.base?rule-book={_HASH}"],
    "status": "billable",
    "code": _coded(CPT, "99490"),
    "subject": _chart(
        "Patient",
        "p-1",
        identifier={
            "type": _coded("http://terminology.hl7.org/CodeSystem/v2-0203", "MR"),
            **_number("https://ehr.example/mrn", "00482913"),
        },
    ),
    "context": _chart("EpisodeOfCare", "e-1"),
    "occurrenceDateTime": "2026-10-31",
    "performer": [
        {
            "function": _coded(system_url("charge-performer"), "rendering"),
            "actor": _chart("Practitioner", "dr-1", identifier=_number(_NPI, "1245319599"), display="Dr Priya Raman"),
        }
    ],
    "performingOrganization": {"type": "Organization", "identifier": _number(_NPI, "1234567893")},
    "quantity": {"value": 1, "system": "http://unitsofmeasure.org", "code": "1"},
    "reason": [_coded(ICD10, "E11.9"), _coded(ICD10, "I10")],
    "enterer": _chart("Practitioner", "dr-1"),
    "enteredDate": "2026-11-03T10:00:00-05:00",
    "supportingInformation": [
        {"reference": "Consent/0199f3c2-5b4f-7c11-8a36-5d2f0e6b7a01", "type": "Consent"},
        {"reference": "Task/0199f3c2-71aa-7d03-9b1e-2c4d6e8f0a12", "type": "Task"},
    ],
}


def _item(charge: str, *parts: Json) -> Json:
    return {"name": "item", "part": [{"name": "charge", "valueReference": {"reference": f"ChargeItem/{charge}"}}, *parts]}


_ACKNOWLEDGED: Json = {
    "resourceType": "Parameters",
    "parameter": [
        _item(
            _ID,
            {"name": "outcome", "valueCode": "billed"},
            {"name": "claim", "valueIdentifier": _number("https://biller.example/claims", "C-20261103-17")},
            {"name": "version", "valueString": "1"},
        ),
        _item(
            _OTHER,
            {"name": "outcome", "valueCode": "rejected"},
            {"name": "reason", "valueCodeableConcept": {"text": "the member id is not known to the payer"}},
        ),
    ],
}
_RESULTS: Json = {
    "resourceType": "Parameters",
    "parameter": [
        *({"name": name, "valueInteger": n} for name, n in (("applied", 1), ("already", 0), ("conflict", 0), ("refused", 1))),
        _item(
            _ID,
            {"name": "result", "valueCode": "applied"},
            {"name": "outcome", "valueCode": "billed"},
            {"name": "version", "valueString": "2"},
            {"name": "status", "valueCode": "billed"},
        ),
        _item(
            _OTHER,
            {"name": "result", "valueCode": "refused"},
            {"name": "outcome", "valueCode": "rejected"},
            {"name": "version", "valueString": "2"},
            {"name": "status", "valueCode": "aborted"},
            {
                "name": "outcome-detail",
                "resource": operation_outcome(
                    [Issue("withdrawn", "the charge was withdrawn after you pulled it: do not bill it")], code="business-rule"
                ),
            },
        ),
    ],
}
_PROVENANCE = provenance(
    f"b-{_ID}-1",
    f"ChargeItem/{_ID}/_history/1",
    datetime(2026, 11, 3, 15, 0, tzinfo=UTC),
    [Agent(_chart("Practitioner", "dr-1"), "attester")],
    operation="CREATE",
)

ABOUT = About(
    description=(
        "Each patient's month, decided from a ledger of facts by a dated, cited rule book, and its charges. For billing systems "
        "that pull charges and say what became of them, and for clients that attest, sign and close in the name of staff.\n\n"
        "Begin with `docs/integration.md`; the elements are in `docs/implementation-guide/`."
    ),
    tags={
        "ChargeItem": "Charges as FHIR R4: the work queue, the change feed, and what the billing system says of them.",
        "Provenance": "Who made a version of a charge, as FHIR R4.",
        "billing": "The month: what people attest and decide, its assembly, signature, close and manifest.",
        "rules": "The rule book, and a patient-month decided without being kept.",
        "cds-hooks": "CDS Hooks 2.0.1: cards at the point of care.",
    },
    examples={
        "ChargeItem": _CHARGE, "Parameters sent": _ACKNOWLEDGED, "Parameters": _RESULTS, "Provenance": _PROVENANCE,
    },
    words=MEMBER_WORDS,
)  # fmt: skip
