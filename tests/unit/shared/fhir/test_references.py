"""References: whose they are, and that none leads elsewhere (integration.md 13)."""

from typing import Any

import pytest

from shared.fhir.references import (
    Ref,
    ehr_id,
    ehr_reference,
    identifier_value,
    mrn,
    npi,
    own_id,
    parse_reference,
    patient_id,
)
from shared.kernel.errors import Invalid

EHR = "https://ehr.example/fhir/R4"


@pytest.mark.parametrize(
    "text", ["Patient/p1", f"{EHR}/Patient/p1", "HTTPS://EHR.example/fhir/R4/Patient/p1", "https://alias.example/x/Patient/p1"]
)
def test_reads_a_patient_of_the_practice(text: str) -> None:
    if text.startswith("HTTPS"):
        text = text.replace("HTTPS", "https")
    assert patient_id({"reference": text}, ehr_base=EHR + "/", aliases=["alias.example"]) == "p1"


@pytest.mark.parametrize(
    ("reference", "rule"),
    [
        (None, "reference-missing"),
        ({}, "reference-missing"),
        ({"identifier": {"value": "x"}}, "reference-missing"),
        ({"reference": 7}, "reference-missing"),
        ({"reference": "#p"}, "reference-form"),
        ({"reference": "urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7"}, "reference-form"),
        ({"reference": "Patient/"}, "reference-form"),
        ({"reference": "Patient/p1?x=1"}, "reference-form"),
        ({"reference": "Patient/" + "a" * 65}, "reference-form"),
        ({"reference": "Patient/p1\n"}, "reference-form"),
        ({"reference": "Practitioner/p1"}, "reference-type"),
        ({"reference": "Patient/p1", "type": "Group"}, "reference-type"),
        ({"reference": "Patient/p1/_history/2"}, "reference-version"),
        ({"reference": "https://evil.example/fhir/R4/Patient/p1"}, "reference-host"),
        ({"reference": "https://ehr.example/fhir/R4/other/Patient/p1"}, "reference-host"),
        ({"reference": "https://ehr.example@evil.example/fhir/R4/Patient/p1"}, "reference-host"),
        ({"reference": "http://ehr.example/fhir/R4/Patient/p1"}, "reference-host"),
    ],
)
def test_refuses_every_other_reference(reference: Any, rule: str) -> None:
    with pytest.raises(Invalid) as refused:
        patient_id(reference, ehr_base=EHR, aliases=["https://old.example/r4"], expression="Task.for")
    (issue,) = refused.value.issues
    assert issue.rule == rule
    assert issue.expression is not None
    assert issue.expression.startswith("Task.for")


def test_takes_a_reference_apart() -> None:
    assert parse_reference("Task/1/_history/2") == Ref("Task", "1", None, "2")
    assert parse_reference(f"{EHR}/Task/1") == Ref("Task", "1", EHR)
    assert parse_reference("task/1") is None


def test_one_of_several_types() -> None:
    reference = {"reference": "RelatedPerson/r", "type": "RelatedPerson"}
    assert ehr_id(reference, ("Patient", "RelatedPerson"), ehr_base=EHR, expression="x") == ("RelatedPerson", "r")


def test_our_own_are_relative_or_on_our_base() -> None:
    ours = "https://cl.example/t/a/fhir/R4"
    assert own_id({"reference": "Consent/c"}, "Consent", own_base=ours, expression="x") == "c"
    assert own_id({"reference": f"{ours}/Consent/c"}, "Consent", own_base=ours, expression="x") == "c"
    with pytest.raises(Invalid):
        own_id({"reference": f"{EHR}/Consent/c"}, "Consent", own_base=ours, expression="x")


def test_outward_references_are_absolute_and_carry_an_identifier() -> None:
    assert ehr_reference(EHR + "/", "Practitioner", "7", identifier=npi("1234567893"), display="R. Lee") == {
        "reference": f"{EHR}/Practitioner/7",
        "type": "Practitioner",
        "identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"},
        "display": "R. Lee",
    }
    assert ehr_reference(EHR, "Patient", "1") == {"reference": f"{EHR}/Patient/1", "type": "Patient"}


def test_identifiers() -> None:
    assert mrn("12", "urn:oid:1.2") == {
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]},
        "system": "urn:oid:1.2",
        "value": "12",
    }
    assert identifier_value([mrn("12"), npi("5")], "http://hl7.org/fhir/sid/us-npi") == "5"
    assert identifier_value([mrn("12")], "http://hl7.org/fhir/sid/us-npi") is None
