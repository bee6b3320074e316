"""The record in the chart is a DocumentReference as R4 has it, the same for the same version."""

from base64 import b64decode
from dataclasses import replace
from hashlib import sha1, sha256

import pytest
from fhir.resources.R4B.documentreference import DocumentReference

from services.consent.domain.consent import Change, Status, begin
from services.consent.fhir_mapping.document_reference import document_reference, record_identifier
from shared.kernel.ids import uuid7
from tests.unit.services.consent.domain.making import BY, NOW, statement, submission

pytestmark = pytest.mark.requirement("issue-10.9")

CONSENT = begin(submission(statement()), consent_id=uuid7(NOW), at=NOW, by=BY)
CONTENT = b"%PDF-1.4 the record"


@pytest.mark.parametrize("replaces", [None, "d-7"])
def test_the_library_reads_it_and_the_bytes_come_back(replaces: str | None) -> None:
    found = document_reference(CONSENT, CONTENT, replaces=replaces)
    read = DocumentReference.model_validate(found)
    assert read.subject is not None and read.subject.reference == "Patient/p-1"
    attachment = found["content"][0]["attachment"]
    assert b64decode(attachment["data"]) == CONTENT
    assert (attachment["size"], b64decode(attachment["hash"])) == (len(CONTENT), sha1(CONTENT).digest())
    assert found["identifier"][0] == record_identifier(CONSENT)
    assert found["identifier"][1]["value"] == sha256(CONTENT).hexdigest()
    assert found == document_reference(CONSENT, CONTENT, replaces=replaces)
    target = [one["target"]["reference"] for one in found.get("relatesTo", ())]
    assert target == ([f"DocumentReference/{replaces}"] if replaces else [])


def test_each_version_has_a_name_of_its_own_that_says_what_it_is() -> None:
    revoked = replace(CONSENT, version=2, change=Change.REVOKED, status=Status.INACTIVE)
    void = replace(CONSENT, version=3, change=Change.CORRECTED, status=Status.ENTERED_IN_ERROR)
    names = [record_identifier(one)["value"] for one in (CONSENT, revoked, void)]
    assert names == [f"{CONSENT.id}/{number}" for number in (1, 2, 3)]
    titles = [document_reference(one, CONTENT, replaces=None)["description"] for one in (CONSENT, revoked, void)]
    assert titles == [
        "Consent to CCM, granted",
        "Consent to CCM, stopped by the patient",
        "Consent to CCM, entered in error, it never held",
    ]
