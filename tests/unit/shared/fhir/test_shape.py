"""The shape of inbound resources: what R4 allows is taken, what the FHIR library lets through is not (integration.md 8)."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.fhir.json_text import dump, walk
from shared.fhir.shape import check_shape
from shared.kernel.errors import Invalid

SAMPLES = Path(__file__).parents[5] / "shared" / "data" / "fhir-r4-cases.json"

TASK: dict[str, Any] = {
    "resourceType": "Task",
    "identifier": [{"system": "https://ehr.example/time", "value": "A-1"}],
    "status": "completed",
    "intent": "order",
    "code": {"coding": [{"system": "https://careledger.example/fhir/CodeSystem/activity", "code": "care-plan"}]},
    "for": {"reference": "https://ehr.example/fhir/Patient/1"},
    "executionPeriod": {"start": "2026-10-03T14:00:00-05:00", "end": "2026-10-03T14:12:30-05:00"},
    "owner": {"reference": "Practitioner/7", "type": "Practitioner"},
    "note": [{"text": "Reviewed the plan by phone."}],
    "extension": [{"url": "https://careledger.example/fhir/StructureDefinition/program", "valueCode": "ccm"}],
    "output": [
        {
            "type": {"text": "seconds"},
            "valueDuration": {"value": 750, "unit": "s", "system": "http://unitsofmeasure.org", "code": "s"},
        }
    ],
}
CONSENT: dict[str, Any] = {
    "resourceType": "Consent",
    "status": "active",
    "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "treatment"}]},
    "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
    "patient": {"reference": "Patient/1"},
    "dateTime": "2026-01-01",
    "policy": [{"uri": "https://clinic.example/consent/3"}],
}
CHARGE: dict[str, Any] = {
    "resourceType": "ChargeItem",
    "status": "billable",
    "code": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "99490"}]},
    "subject": {"reference": "Patient/1"},
}
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'


def refused(resource: dict[str, Any], **changes: Any) -> tuple[int, list[tuple[str, str | None]]]:
    """Return status and (rule, place) of each issue of `resource` with the elements `changes`."""
    with pytest.raises(Invalid) as caught:
        check_shape(resource["resourceType"], dump({**resource, **changes}))
    return caught.value.status, [(issue.rule, issue.expression) for issue in caught.value.issues]


GOOD = [
    (TASK, {}),
    (CONSENT, {}),
    (CHARGE, {}),
    (CONSENT, {"dateTime": "9999-12-31T23:59:59-12:00"}),
    (CONSENT, {"dateTime": "2016-12-31T23:59:60Z"}),
    (CONSENT, {"contained": [{"resourceType": "EffectEvidenceSynthesis", "id": "e"}]}),
    (CONSENT, {"contained": [{"resourceType": "Patient", "id": "p"}], "patient": {"reference": "#p"}}),
    (CONSENT, {"sourceAttachment": {"contentType": "text/plain", "data": "SGVs\nbG8="}}),
    (CONSENT, {"text": {"status": "generated", "div": DIV.format('<p style="color:red">a&nbsp;b <a href="#x">c</a></p>')}}),
    (TASK, {"executionPeriod": {"start": "2026-10-03T23:00:00-05:00", "end": "2026-10-03"}}),
    (TASK, {"for": {"reference": "urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7"}}),
    (TASK, {"owner": {"identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}}}),
    (CHARGE, {"definitionUri": ["http://a", None], "_definitionUri": [None, {"id": "x"}]}),
    (TASK, {"_status": {"id": "x"}}),
]


@pytest.mark.parametrize(("resource", "changes"), GOOD)
def test_takes_what_r4_allows(resource: dict[str, Any], changes: dict[str, Any]) -> None:
    sent = {**resource, **changes}
    assert check_shape(sent["resourceType"], dump(sent)) == sent


STRUCTURE = [
    (TASK, {"foo": 1}, "element-unknown", "Task.foo"),
    (TASK, {"resource_type": "Task"}, "element-unknown", "Task.resource_type"),
    (TASK, {"for": {"reference": "Patient/1", "resourceType": "Reference"}}, "element-unknown", "Task.for.resourceType"),
    (TASK, {"owner": '{"reference": "Practitioner/7"}'}, "element-object", "Task.owner"),
    (TASK, {"note": {"text": "a"}}, "element-list", "Task.note"),
    (TASK, {"description": None}, "ele-1", "Task.description"),
    (TASK, {"description": ["a"]}, "element-type", "Task.description"),
    (TASK, {"description": " \t"}, "element-type", "Task.description"),
    (TASK, {"description": "a\x07"}, "element-type", "Task.description"),
    (TASK, {"code": {"id": "x"}}, "ele-1", "Task.code"),
    (TASK, {"for": {"reference": "Patient/1 or so"}}, "reference-form", "Task.for.reference"),
    (TASK, {"note": [None]}, "element-object", "Task.note[0]"),
    (CHARGE, {"definitionUri": ["http://a", None]}, "ele-1", "ChargeItem.definitionUri[1]"),
    (CHARGE, {"definitionUri": ["http://a", None], "_definitionUri": [None, None]}, "ele-1", "ChargeItem.definitionUri[1]"),
    (CHARGE, {"quantity": {"value": "2"}}, "element-type", "ChargeItem.quantity.value"),
    (CHARGE, {"quantity": {"value": True}}, "element-type", "ChargeItem.quantity.value"),
    (CONSENT, {"sourceAttachment": {"contentType": "text/plain", "data": "####"}}, "element-type", None),
    (CONSENT, {"dateTime": "2026-02-30"}, "element-type", "Consent.dateTime"),
    (CONSENT, {"contained": [{"resourceType": "Banana", "id": "b"}]}, "resource-type", "Consent.contained[0]"),
    (CONSENT, {"contained": [{"resourceType": "Period", "id": "b"}]}, "resource-type", "Consent.contained[0]"),
    (CONSENT, {"contained": [{"resourceType": "Task", "id": "b", "intent": "plan"}]}, "cardinality", None),
    (CONSENT, {"scope": {"text": "x"}, "category": []}, "ele-1", "Consent.category"),
    (CHARGE, {"occurrenceDateTime": "2026", "occurrencePeriod": {"start": "2026"}}, "choice", "ChargeItem"),
    (TASK, {"output": [{"type": {"text": "x"}}]}, "choice", "Task.output[0]"),
]


@pytest.mark.parametrize(("resource", "changes", "rule", "expression"), STRUCTURE)
def test_refuses_a_broken_structure_with_400(
    resource: dict[str, Any], changes: dict[str, Any], rule: str, expression: str | None
) -> None:
    status, issues = refused(resource, **changes)
    assert status == 400
    assert issues[0][0] == rule
    assert expression is None or issues[0][1] == expression


NESTED = {"resourceType": "Patient", "id": "p", "contained": [{"resourceType": "Patient", "id": "q"}]}
RULES = [
    (TASK, {"status": "banana"}, "code-binding", "Task.status"),
    (TASK, {"modifierExtension": [{"url": "http://x", "valueCode": "a"}]}, "modifier-extension", "Task.modifierExtension"),
    (TASK, {"executionPeriod": {"start": "2026-02", "end": "2026-01-31"}}, "per-1", "Task.executionPeriod"),
    (TASK, {"authoredOn": "2026-02-01T00:00:00Z", "lastModified": "2026-01-01T00:00:00Z"}, "inv-1", "Task.lastModified"),
    (TASK, {"extension": [{"url": "http://x"}]}, "ext-1", "Task.extension[0]"),
    (TASK, {"owner": {"reference": "Location/1"}}, "reference-target", "Task.owner"),
    (TASK, {"owner": {"type": "Location", "identifier": {"value": "x"}}}, "reference-target", "Task.owner"),
    (TASK, {"owner": {"reference": "Patient/1", "type": "Practitioner"}}, "reference-type", "Task.owner.type"),
    (TASK, {"for": {"reference": "Nonsense/1"}}, "reference-target", "Task.for"),
    (TASK, {"for": {"reference": "#p"}}, "ref-1", "Task.for.reference"),
    (CHARGE, {"quantity": {"value": 1, "code": "1"}}, "qty-3", "ChargeItem.quantity.code"),
    (CHARGE, {"priceOverride": {"value": 1, "currency": "usd"}}, "code-binding", "ChargeItem.priceOverride.currency"),
    (CONSENT, {"sourceAttachment": {"data": "SGVsbG8="}}, "att-1", "Consent.sourceAttachment.contentType"),
    (CONSENT, {"contained": [NESTED]}, "dom-2", "Consent.contained[0].contained"),
]


@pytest.mark.parametrize(("resource", "changes", "rule", "expression"), RULES)
def test_refuses_a_broken_rule_with_its_place(
    resource: dict[str, Any], changes: dict[str, Any], rule: str, expression: str
) -> None:
    status, issues = refused(resource, **changes)
    assert (status, issues) == (422, [(rule, expression)])


def test_a_treatment_consent_needs_a_patient() -> None:
    without = {name: value for name, value in CONSENT.items() if name != "patient"}
    assert refused(without) == (422, [("ppc-5", "Consent.patient")])
    assert refused({name: value for name, value in CONSENT.items() if name != "policy"}) == (422, [("ppc-1", "Consent")])


@pytest.mark.parametrize(
    "inner",
    [
        "<script>1</script>",
        '<a href="javascript:x()">a</a>',
        '<p onclick="x()">a</p>',
        "<iframe/>",
        "<!-- a -->b",
        " ",
        "&bogus;",
        "<p",
        '<p style="background:url(http://x)">a</p>',
        '<x:p xmlns:x="urn:x">a</x:p>',
        '<img src="data:text/html,a"/>',
    ],
)
def test_refuses_unsafe_narrative(inner: str) -> None:
    narrative = {"status": "generated", "div": DIV.format(inner)}
    assert refused(CONSENT, text=narrative) == (422, [("txt-1", "Consent.text.div")])


def test_refuses_narrative_entities_before_they_expand() -> None:
    bomb = '<!DOCTYPE div [<!ENTITY a "aaaaaaaaaa">]>' + DIV.format("&a;")
    assert refused(CONSENT, text={"status": "generated", "div": bomb}) == (422, [("txt-1", "Consent.text.div")])


@pytest.mark.parametrize("body", [b'{"resourceType":"Consent"}', b'{"status":"completed"}', b'{"resourceType":["Task"]}'])
def test_the_type_must_be_the_one_of_the_route(body: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        check_shape("Task", body)
    assert (caught.value.status, caught.value.issues[0].rule) == (400, "resource-type")


def test_names_many_faults_at_once_and_not_too_many() -> None:
    _, issues = refused(TASK, description="", note=[{"text": ""}] * 50)
    assert issues[0] == ("ele-1", "Task.note[0].text")
    assert len(issues) == 20


def test_decides_every_published_sample_right() -> None:
    """The 31 good and 59 bad samples, where they lie beside the project; else the committed cases above stand alone."""
    samples = json.loads(SAMPLES.read_text()) if SAMPLES.exists() else []
    wrong = [sample["n"] for sample in samples if accepts(sample["body"]) != sample["good"]]
    assert wrong == []
    assert len(samples) in (0, 90)


def accepts(body: str) -> bool:
    kind = next((kind for kind in ("Consent", "ChargeItem") if f'"resourceType": "{kind}", "status": "' in body), "Task")
    try:
        check_shape("Task" if '"intent"' in body else kind, body.encode())
    except Invalid:
        return False
    return True


anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.text(max_size=5), st.just("2026-01-01"), st.just("Patient/1")),
    lambda below: st.one_of(
        st.lists(below, max_size=3),
        st.dictionaries(st.sampled_from(["id", "code", "url", "reference", "resourceType", "extension", "coding"]), below),
    ),
    max_leaves=6,
)
PLACES = [(resource, keys) for resource in (TASK, CONSENT, CHARGE) for keys, _ in walk(resource) if keys]


@given(
    st.sampled_from(PLACES),
    anything,
    st.sampled_from(["contained", "text", "_status", "scope", "modifierExtension", None]),
)
def test_a_resource_with_anything_anywhere_is_taken_or_refused(
    place: tuple[dict[str, Any], tuple[Any, ...]], value: Any, also: str | None
) -> None:
    resource = copy.deepcopy(place[0])
    holder: Any = resource
    for key in place[1][:-1]:
        holder = holder[key]
    holder[place[1][-1]] = value
    if also is not None:
        resource[also] = value
    body = dump(resource)
    try:
        assert dump(check_shape(place[0]["resourceType"], body)) == body
    except Invalid as caught:
        assert all(issue.text and issue.rule for issue in caught.issues)
