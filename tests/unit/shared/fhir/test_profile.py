"""Profiles: nothing unknown is dropped, our extensions and codes are read exactly (integration.md 8, 13)."""

from typing import Any

import pytest

from shared.fhir import profile
from shared.fhir.profile import ANY
from shared.kernel.errors import Invalid
from shared.kernel.vocabulary import Program

URL = profile.extension_url("program")
ALLOWED = {"status": ANY, "note": {"text": ANY}, "extension": frozenset({URL}), "code": ANY}


def test_takes_what_it_names() -> None:
    task = {
        "resourceType": "Task",
        "status": "completed",
        "note": [{"text": "a"}],
        "code": {"coding": [{"code": "x"}]},
        "extension": [{"url": URL, "valueCode": "ccm"}],
    }
    profile.refuse_unknown(task, ALLOWED)


def test_refuses_the_rest_with_every_place() -> None:
    task = {
        "resourceType": "Task",
        "_status": {"id": "x"},
        "note": [{"text": "a"}, {"time": "2026"}],
        "contained": [],
        "extension": [{"url": URL}, {"url": "http://other"}],
    }
    with pytest.raises(Invalid) as refused:
        profile.refuse_unknown(task, ALLOWED)
    assert refused.value.status == 422
    assert [(issue.rule, issue.expression) for issue in refused.value.issues] == [
        ("profile-element", "Task._status"),
        ("profile-element", "Task.note[1].time"),
        ("profile-element", "Task.contained"),
        ("profile-extension", "Task.extension[1]"),
    ]


def test_reads_our_extensions() -> None:
    task: dict[str, Any] = {"extension": [{"url": "http://other"}, {"url": URL, "valueCode": "ccm"}]}
    assert profile.extension_code(task, "program", Program, expression="Task") is Program.CCM
    assert profile.extension(task, "time-basis", expression="Task") is None
    assert profile.extension_code({}, "program", Program, expression="Task") is None
    task["extension"].append({"url": URL, "valueCode": "pcm"})
    assert len(profile.extensions(task, "program")) == 2
    with pytest.raises(Invalid):
        profile.extension(task, "program", expression="Task")


@pytest.mark.parametrize("value", [{"valueCode": "nonsense"}, {"valueString": "ccm"}])
def test_a_code_outside_the_enumeration_is_refused_with_its_place(value: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        profile.extension_code({"extension": [{"url": URL, **value}]}, "program", Program, expression="Task")
    assert refused.value.issues[0].expression == f"Task.extension('{URL}').valueCode"


def test_parts_of_a_complex_extension() -> None:
    found = {"url": URL, "extension": [{"url": "code", "valueCode": "x"}, {"url": "given"}, {"url": "given"}]}
    assert profile.part(found, "code", expression="x") == {"url": "code", "valueCode": "x"}
    assert profile.part(found, "absent", expression="x") is None
    with pytest.raises(Invalid):
        profile.part(found, "given", expression="x")


def test_code_of_one_system() -> None:
    concept = {"coding": [{"system": "a", "code": "1"}, {"system": "b", "code": "2"}, {"system": "c"}]}
    assert profile.code_of(concept, "b", expression="x") == "2"
    assert profile.code_of(concept, "c", expression="x") is None
    assert profile.code_of(None, "b", expression="x") is None
    concept["coding"].append({"system": "b", "code": "3"})
    with pytest.raises(Invalid):
        profile.code_of(concept, "b", expression="x")


def test_required_names_the_place() -> None:
    assert profile.required({"a": 1}, "a", expression="Task") == 1
    with pytest.raises(Invalid) as refused:
        profile.required({}, "status", expression="Task")
    assert refused.value.issues[0].expression == "Task.status"
