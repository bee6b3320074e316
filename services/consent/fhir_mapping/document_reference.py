"""The record of a consent as the EHR's chart keeps it: a DocumentReference with the PDF in it."""

from base64 import b64encode
from hashlib import sha1, sha256
from typing import Any

from services.consent.domain.consent import Change, Consent, Status
from services.consent.fhir_mapping import profile
from shared.kernel.vocabulary import CANONICAL

RECORD_SYSTEM = f"{CANONICAL}/sid/consent-record"
SHA256_SYSTEM = f"{CANONICAL}/sid/sha-256"
_CATEGORY = "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category"
_CHANGES = {
    Change.GRANTED: "granted",
    Change.DECLINED: "declined",
    Change.REVOKED: "stopped by the patient",
    Change.CORRECTED: "corrected",
    Change.SUPERSEDED: "superseded by a later one",
}


def record_identifier(consent: Consent) -> dict[str, str]:
    """Return our identifier of the record of this version: the EHR keeps one document under it."""
    return {"system": RECORD_SYSTEM, "value": f"{consent.id}/{consent.version}"}


def document_reference(consent: Consent, content: bytes, *, replaces: str | None) -> dict[str, Any]:
    """Return the DocumentReference of a version; `replaces` is the EHR's id of an earlier version's, which it takes the place of.

    `hash` is SHA-1, as R4 asks; the SHA-256 stands beside our identifier.
    """
    said, what = consent.statement, _CHANGES[consent.change]
    if consent.status is Status.ENTERED_IN_ERROR:
        what = "entered in error, it never held"
    title = f"Consent to {said.program.value.upper()}, {what}"
    resource: dict[str, Any] = {
        "resourceType": "DocumentReference",
        "identifier": [record_identifier(consent), {"system": SHA256_SYSTEM, "value": sha256(content).hexdigest()}],
        "status": "current",
        "docStatus": "final",
        "type": {"coding": [{"system": profile.LOINC, "code": profile.CONSENT_DOCUMENT}], "text": "Consent"},
        "category": [{"coding": [{"system": _CATEGORY, "code": "clinical-note"}]}],
        "subject": {"reference": f"Patient/{said.patient}"},
        "date": consent.recorded_at.isoformat(timespec="milliseconds"),
        "author": [{"reference": f"Practitioner/{said.obtained_by.id}"}],
        "description": title,
        "content": [
            {
                "attachment": {
                    "contentType": "application/pdf",
                    "data": b64encode(content).decode(),
                    "size": len(content),
                    "hash": b64encode(sha1(content, usedforsecurity=False).digest()).decode(),
                    "title": title,
                    "creation": consent.recorded_at.isoformat(timespec="milliseconds"),
                }
            }
        ],
    }
    if replaces is not None:
        resource["relatesTo"] = [{"code": "replaces", "target": {"reference": f"DocumentReference/{replaces}"}}]
    return resource
