"""What consent's OpenAPI says: for whom it is, and a Consent as it is sent and as it is answered."""

from datetime import UTC, datetime
from typing import Any

from shared.fhir.profile import extension_url, system_url
from shared.fhir.provenance import provenance, recorder
from shared.kernel.vocabulary import CANONICAL
from shared.web.openapi import About

Json = dict[str, Any]

_ID = "0199f3c2-5b4f-7c11-8a36-5d2f0e6b7a01"
_EHR = "https://ehr.example/fhir/R4"
_NPI = "http://hl7.org/fhir/sid/us-npi"


def _coded(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code}]}


def _extension(name: str, *parts: Json, **value: Any) -> Json:
    return {"url": extension_url(name), **({"extension": list(parts)} if parts else value)}


def _consent(reference: Any) -> Json:
    """Return what an EHR sends of a spoken consent; `reference` writes a reference by type and id."""
    told = (
        _extension("disclosure", {"url": "code", "valueCode": code}, {"url": "given", "valueBoolean": True})
        for code in ("availability", "cost-sharing", "one-practitioner", "right-to-stop")
    )
    return {
        "status": "active",
        "scope": _coded("http://terminology.hl7.org/CodeSystem/consentscope", "treatment"),
        "category": [_coded("http://loinc.org", "59284-0"), _coded(system_url("program"), "ccm")],
        "patient": reference("Patient", "p-1"),
        "dateTime": "2026-10-05T10:00:00-04:00",
        "performer": [reference("Patient", "p-1")],
        "policy": [{"authority": "https://ehr.example", "uri": "https://ehr.example/scripts/ccm-en|2025-02"}],
        "verification": [{"verified": True, "verificationDate": "2026-10-05T10:00:00-04:00"}],
        "provision": {
            "type": "permit",
            "period": {"start": "2026-10-05"},
            "actor": [
                {
                    "role": _coded("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "PPRF"),
                    "reference": reference("Practitioner", "dr-1") | {"identifier": {"system": _NPI, "value": "1234567893"}},
                }
            ],
        },
        "extension": [
            _extension("consent-method", valueCode="verbal"),
            _extension(
                "obtained-by",
                {"url": "who", "valueReference": reference("Practitioner", "rn-1")},
                {"url": "credential", "valueCode": "registered-nurse"},
                {"url": "name", "valueString": "Dana Whitfield, RN"},
            ),
            *told,
        ],
    }


_SENDERS = {"system": "https://ehr.example/consents", "value": "8812"}
_SENT: Json = {
    "resourceType": "Consent",
    "identifier": [_SENDERS],
    **_consent(lambda kind, ident: {"reference": f"{kind}/{ident}"}),
}
_ANSWERED: Json = {
    "resourceType": "Consent",
    "id": _ID,
    "meta": {
        "versionId": "1",
        "lastUpdated": "2026-10-05T14:02:11Z",
        "profile": [f"{CANONICAL}/StructureDefinition/careledger-consent"],
    },
    "identifier": [{"system": f"{CANONICAL}/sid/consent", "value": _ID}, _SENDERS],
    **_consent(lambda kind, ident: {"reference": f"{_EHR}/{kind}/{ident}", "type": kind}),
}
_PROVENANCE = provenance(
    f"c-{_ID}-1", f"Consent/{_ID}/_history/1", datetime(2026, 10, 5, 14, 2, 11, tzinfo=UTC), [recorder("ehr")], operation="CREATE"
)

ABOUT = About(
    description=(
        "Consents to care-management programs: an append-only history that answers what was in force at any instant, as it "
        "was known at any other. For EHRs that send or read consents.\n\n"
        "Begin with `docs/integration.md`; the elements are in `docs/implementation-guide/`."
    ),
    tags={
        "Consent": "A consent to one program with one billing practitioner, as FHIR R4.",
        "Provenance": "Who made a version of a consent, as FHIR R4.",
        "in force": "Whether a consent was in force at an instant, as known at another, with its evidence.",
    },
    examples={"Consent": _ANSWERED, "Consent sent": _SENT, "Provenance": _PROVENANCE},
    words={
        "patient": "The patient's id in the EHR.",
        "consent_id": "Its id.",
        "document_id": "The document's id, as the attachment's address has it.",
        "provenance_id": "`c-`, the consent's id, `-` and the version.",
        "version": "The version: 1, 2, 3 …",
        "Consent?identifier": "Any of its identifiers.",
        "Consent?patient": "Whose consent.",
        "Consent?status": "May we act today.",
        "Consent?category": "The program, or LOINC 59284-0.",
        "Consent?date": "When the patient answered.",
        "Consent?period": "When it may be billed.",
        "Consent?actor": "The billing practitioner.",
        "Consent?_id": "Its id.",
        "Consent?_lastUpdated": "When the current version was written.",
    },
)
