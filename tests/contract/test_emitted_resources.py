"""Every resource that we emit, by three tools of others: fhirkit-rs, npm `fhir`, npm `fhirpath` (integration.md 8)."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import fhirkit
import pytest

from shared.access.fhir_mapping.conformance import TYPES
from shared.access.fhir_mapping.extensions import EXTENSIONS
from shared.kernel.vocabulary import CANONICAL
from tests.contract.asking import ask, body, made, own
from tests.contract.node import node
from tests.integration.consent.resources import declined, revoked, with_reason
from tests.integration.timetrack.tasks import amended, day_task
from tests.security.place import NOW, Place

pytestmark = [pytest.mark.requirement("standards-25"), pytest.mark.requirement("standards-26")]


async def _put(place: Place, resource: dict[str, Any]) -> None:
    headers = {"If-Match": f'W/"{resource["meta"]["versionId"]}"'}
    answer = await ask(place, "PUT", f"{resource['resourceType']}/{resource['id']}", json=resource, headers=headers)
    assert answer.status_code == 200, answer.text


async def _work(place: Place) -> None:
    """Make resources of every kind and state."""
    await _put(place, revoked(await made(place, "Consent"), "2026-10-20T10:00:00-04:00"))
    await _put(place, with_reason(await made(place, "Consent"), "wrong", status="entered-in-error"))
    for resource in (declined("emitted"), body("Consent", patient="pat-two"), body("Consent", patient="pat-two")):
        assert (await ask(place, "POST", "Consent", json=resource)).status_code == 201
    await _put(place, amended(await made(place, "Task")))
    assert (await ask(place, "POST", "Task", json=day_task("2026-10-05", 900))).status_code == 201
    rich = body("Task") | {
        "note": [{"text": "called twice", "time": "2026-10-05T10:00:00-04:00"}],
        "encounter": {"reference": "Encounter/e1"},
        "basedOn": [{"reference": "CarePlan/cp1"}],
        "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>called twice</p></div>'},
    }
    assert (await ask(place, "POST", "Task", json=rich)).status_code == 201
    timer = place.objects["north", "pat-north-2"]
    place.clock.set(NOW + timedelta(seconds=100))
    stop = {"performer": timer.nurse, "action_taken": "called", "note": "measured", "problem": {"text": "diabetes"}}
    await place.expect(200, "POST", f"/t/north/time/timers/{timer.timer}/stop", tenant="north", json=stop)
    place.clock.set(NOW)


@pytest.fixture(scope="module")
async def emitted(place: Place) -> list[dict[str, Any]]:
    """What the four parts answer: single resources, searches, histories, refusals, operations, conformance."""
    await _work(place)
    charge = own(place, "ChargeItem")
    item = {"name": "item", "part": [
        {"name": "charge", "valueReference": {"reference": charge}},
        {"name": "outcome", "valueCode": "rejected"},
        {"name": "reason", "valueCodeableConcept": {"text": "no coverage"}},
    ]}  # fmt: skip
    parameters = {"resourceType": "Parameters", "parameter": [item]}
    answers = [await ask(place, "POST", "ChargeItem/$acknowledge", json=parameters)]
    for kind in ("Consent", "Task", "ChargeItem"):
        answers.append(await ask(place, "GET", f"{kind}?_count=500&_revinclude=Provenance:target"))
        answers.append(await ask(place, "GET", f"{kind}?patient=nobody"))
        answers.append(await ask(place, "GET", f"{kind}?_count=0&patient=pat-north-1"))
        answers.append(await ask(place, "GET", f"{own(place, kind)}/_history"))
        answers.append(await ask(place, "GET", f"{kind}/unknown"))
        answers.append(await ask(place, "GET", f"{kind}?_count=x"))
    answers.append(await ask(place, "GET", "ChargeItem?-after=0"))
    answers.append(await ask(place, "GET", "Task?patient=pat-north-1&colour=blue"))
    answers.append(await ask(place, "POST", "Task", json=body("Task"), headers={"Prefer": "return=OperationOutcome"}))
    answers.append(await ask(place, "POST", "Consent", json=body("Consent"), headers={"Prefer": "return=OperationOutcome"}))
    answers.append(await ask(place, "GET", "metadata"))
    answers += [await ask(place, "GET", kind) for kind in TYPES]
    resources = [answer.json() for answer in answers]
    inner = [entry["resource"] for bundle in resources for entry in bundle.get("entry", ())]
    return resources + inner


def test_there_is_something_of_everything(emitted: list[dict[str, Any]]) -> None:
    kinds = {resource["resourceType"] for resource in emitted}
    assert kinds == {
        "Bundle", "CapabilityStatement", "ChargeItem", "CodeSystem", "Consent", "NamingSystem", "OperationDefinition",
        "OperationOutcome", "Parameters", "Provenance", "SearchParameter", "StructureDefinition", "Task", "ValueSet",
    }  # fmt: skip
    assert {r["status"] for r in emitted if r["resourceType"] == "Consent"} == {
        "active",
        "inactive",
        "rejected",
        "entered-in-error",
    }
    assert len(emitted) > 120


def test_fhirkit_finds_nothing(emitted: list[dict[str, Any]]) -> None:
    found = [f"{r['resourceType']}/{r.get('id')}: {issue}" for r in emitted for issue in fhirkit.validate(r)]
    assert found == []


def test_npm_fhir_and_fhirpath_find_nothing(emitted: list[dict[str, Any]], tmp_path: Path) -> None:
    found = node("check.mjs", emitted, tmp_path)
    assert found == [], "\n".join(found[:30])


def test_the_tools_see_what_is_wrong(emitted: list[dict[str, Any]], tmp_path: Path) -> None:
    """Canaries: if the tools are silent about these, their silence about ours means nothing."""
    task = next(r for r in emitted if r["resourceType"] == "Task")
    wrong = [
        task | {"status": "nonsense"},
        task | {"colour": "blue"},
        task | {"lastModified": "2000-01-01T00:00:00Z"},
        task | {"extension": [{"url": "https://x.example", "valueString": "x", "extension": [{"url": "y", "valueString": "z"}]}]},
        {"resourceType": "Bundle", "type": "searchset", "entry": [{"request": {"method": "GET", "url": "x"}}]},
    ]
    for number, one in enumerate(wrong):
        assert node("check.mjs", [one], tmp_path), number


def _extensions(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield from (one for one in value.get("extension", ()) if isinstance(one, dict))
        for below in value.values():
            yield from _extensions(below)
    elif isinstance(value, list):
        for below in value:
            yield from _extensions(below)


def _holds(element: dict[str, Any], kind: str) -> bool:
    return f"value{kind[0].upper()}{kind[1:]}" in element


def test_every_extension_is_defined_as_it_is_used(emitted: list[dict[str, Any]]) -> None:
    used: set[str] = set()
    ours = (resource for resource in emitted if resource["resourceType"] in ("Consent", "Task", "ChargeItem"))
    for extension in (one for resource in ours for one in _extensions(resource) if one["url"].startswith("http")):
        name = extension["url"].removeprefix(f"{CANONICAL}/StructureDefinition/")
        told = EXTENSIONS[name]
        used.add(name)
        if told.parts is None:
            assert told.value is not None and _holds(extension, told.value.type), extension
            continue
        found = {part["url"]: part for part in extension["extension"]}
        assert all(_holds(part, told.parts[url].type) for url, part in found.items()), extension
        assert {url for url, part in told.parts.items() if part.minimum} <= set(found), extension
    assert len(used) >= 14, sorted(used)
