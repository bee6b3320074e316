"""The published descriptions, OpenAPI and AsyncAPI, by two linters of others: no error, no warning; and nothing is hidden."""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts

from shared.access.fhir_mapping.profiles import profiles
from shared.fhir.shape import check_resource
from shared.web.access_control import PageNeeds, declarations
from tests.contract.node import FOLDER, npm_program
from tests.security.place import PARTS, Place

pytestmark = pytest.mark.requirement("issue-11.4")

OPENAPI = Path(__file__).parents[2] / "openapi"
DESCRIPTIONS = sorted([*OPENAPI.glob("*.json"), OPENAPI / "asyncapi.yaml"])
BROWSER = (
    "/launch",
    "/callback",
    "/session",
    "/app/",
    "/static/",
    "/internal/",
    "/t/{tenant}/app/",
    "/t/{tenant}/billing/exports/",
)
"""Where only browsers and operators go: the launch, its session, the shell and its pages, their files and exports, metrics."""


def redocly(*files: Path) -> list[str]:
    """Return what Redocly finds in `files`."""
    said = npm_program("redocly", "lint", "--format=json", *map(_named, files)).stdout
    reports, decoder, at = [], json.JSONDecoder(), 0
    while at < len(said.rstrip()):
        report, at = decoder.raw_decode(said, at)
        reports.append(report)
    assert len(reports) == len(files)
    return [f"{one['ruleId']} {one['location'][0].get('pointer')}" for report in reports for one in report["problems"]]


def spectral(*files: Path) -> list[str]:
    """Return what Spectral finds in `files`, hints included."""
    words = ("lint", "--ruleset", "spectral.yaml", "--quiet", "--format=json", "--fail-severity=hint", *map(_named, files))
    done = npm_program("spectral", *words)
    found = json.loads(done.stdout)
    assert (done.returncode == 0) is (found == []), done.stderr[-2000:]
    return [f"{one['code']} {'/'.join(map(str, one['path']))}" for one in found]


def _named(file: Path) -> str:
    """Name a file as seen from the counterparts' folder: so does the list of what is ignored."""
    return str(Path("../../..") / file.relative_to(FOLDER.parents[2])) if file.is_relative_to(FOLDER.parents[2]) else str(file)


def test_neither_linter_finds_anything() -> None:
    assert len(DESCRIPTIONS) == len(PARTS) + 1
    assert redocly(*DESCRIPTIONS) == []
    assert spectral(*DESCRIPTIONS) == []


def test_both_linters_see_a_planted_fault(tmp_path: Path) -> None:
    """An operation without its tenant, a body whose example breaks its schema."""
    document = json.loads((OPENAPI / "timetrack.json").read_text())
    timers = document["paths"]["/t/{tenant}/time/timers"]
    timers["get"]["parameters"] = [one for one in timers["get"]["parameters"] if one.get("$ref") is None]
    timers["post"]["requestBody"]["content"]["application/json"]["example"] = {"patient": 7}
    file = tmp_path / "planted.json"
    file.write_text(json.dumps(document))
    assert {one.split()[0] for one in redocly(file)} >= {"path-parameters-defined", "no-invalid-media-type-examples"}
    assert {one.split()[0] for one in spectral(file)} >= {"path-params", "oas3-valid-media-example"}


@pytest.mark.parametrize("part", PARTS)
def test_nothing_but_pages_is_left_out(place: Place, part: str) -> None:
    app = place.apps[part]
    described = {(path, method.upper()) for path, methods in app.openapi()["paths"].items() for method in methods}
    pages = {
        (route.path, method)
        for route, (declared,) in declarations(app)
        for method in route.methods or ()
        if isinstance(declared, PageNeeds) or str(route.path).startswith(BROWSER) or method == "OPTIONS"
    }
    routes = {(route.path, method) for route in iter_route_contexts(app.routes) for method in route.methods or ()}
    refused = {
        (f"/t/{{tenant}}/fhir/R4{end}", method) for end in ("", "/") for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
    }
    assert routes - described - pages - refused == set()
    assert described.isdisjoint(pages)


@pytest.mark.parametrize("file", sorted(OPENAPI.glob("*.json")), ids=lambda file: file.stem)
def test_every_fhir_example_is_of_its_shape(file: Path) -> None:
    found = list(_resources(json.loads(file.read_text())))
    assert {one["resourceType"] for one in found} >= {"OperationOutcome"}
    for resource in found:
        check_resource(resource)


def _resources(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every example of a FHIR resource."""
    if isinstance(value, dict):
        for example in (value.get("example"), value.get("value")):
            if isinstance(example, dict) and "resourceType" in example:
                yield example
        for inner in value.values():
            yield from _resources(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _resources(inner)


@pytest.mark.parametrize("file", sorted(OPENAPI.glob("*.json")), ids=lambda file: file.stem)
def test_every_member_and_parameter_says_what_it_is(file: Path) -> None:
    document = json.loads(file.read_text())
    schemas, operations = document["components"]["schemas"], [one for path in document["paths"].values() for one in path.values()]
    parameters = [parameter for operation in operations for parameter in operation.get("parameters", ())]
    silent = [one["name"] for one in parameters if "description" not in one and "$ref" not in one]
    silent += [
        f"{name}.{member}"
        for name, schema in schemas.items()
        for member, told in schema.get("properties", {}).items()
        if "description" not in told and "$ref" not in told
    ]
    assert silent == [], "say it in the field, or in the part's `described` module"


async def test_what_is_sent_by_example_is_answered_by_example(place: Place) -> None:
    """The sent examples are taken; each answer has the elements of the answered one, however deep."""
    aim, fhir = place.objects["north", "pat-north-1"], "/t/north/fhir/R4"
    for part, kind in (("consent", "Consent"), ("timetrack", "Task")):
        examples = place.apps[part].openapi()["components"]["examples"]
        answer = await place.expect(201, "POST", f"{fhir}/{kind}", tenant="north", json=examples[f"{kind}Sent"]["value"])
        assert _shape(answer) == _shape(examples[kind]["value"])
        told = await place.expect(200, "GET", f"{fhir}/Provenance/{kind[0].lower()}-{answer['id']}-1", tenant="north")
        assert _shape(told) >= _shape(examples["Provenance"]["value"])
    examples = place.apps["billing"].openapi()["components"]["examples"]
    charge = await place.expect(200, "GET", f"{fhir}/ChargeItem/{aim.charge}", tenant="north")
    assert _shape(charge) == _shape(examples["ChargeItem"]["value"])
    told = await place.expect(200, "GET", f"{fhir}/Provenance/b-{aim.charge}-1", tenant="north")
    assert _shape(told) == _shape(examples["Provenance"]["value"])
    sent = json.dumps(examples["ParametersSent"]["value"]).replace(examples["ChargeItem"]["value"]["id"], aim.charge)
    answer = await place.expect(200, "POST", f"{fhir}/ChargeItem/$acknowledge", tenant="north", json=json.loads(sent))
    assert _shape(answer) <= _shape(examples["Parameters"]["value"])
    assert [part["valueCode"] for part in answer["parameter"][4]["part"] if part["name"] == "result"] == ["applied"]


def _shape(value: Any, path: str = "") -> set[str]:
    """Return the paths of all elements."""
    if isinstance(value, dict):
        return {step for name, inner in value.items() for step in {f"{path}.{name}", *_shape(inner, f"{path}.{name}")}}
    return {step for inner in value for step in _shape(inner, path)} if isinstance(value, list) else set()


UNUSED: dict[str, dict[str, Any]] = {
    "Consent": {
        "policyRule": {"text": "a rule"},
        "provision.code": [{"text": "a code"}],
        "provision.data": [{"meaning": "instance", "reference": {"display": "a document"}}],
        "provision.class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}],
        "provision.provision": [{"type": "deny"}],
        "contained": [{"resourceType": "Organization", "id": "o", "name": "a practice"}],
        "implicitRules": "https://ehr.example/rules",
    },
    "Task": {
        "input": [{"type": {"text": "a number"}, "valueInteger": 1}],
        "restriction": {"repetitions": 1},
        "partOf": [{"reference": "Task/0199f3c2-71aa-7d03-9b1e-2c4d6e8f0a12"}],
        "insurance": [{"reference": "Coverage/c-1"}],
        "priority": "routine",
        "location": {"reference": "Location/l-1"},
        "contained": [{"resourceType": "Organization", "id": "o", "name": "a practice"}],
        "implicitRules": "https://ehr.example/rules",
    },
}


@pytest.mark.parametrize(("part", "kind"), [("consent", "Consent"), ("timetrack", "Task")])
async def test_what_the_guide_calls_unused_is_refused(place: Place, part: str, kind: str) -> None:
    """Each element that the profile has 0..0, at its place in an example that is taken without it."""
    profile = next(one for one in profiles() if one["type"] == kind)
    listed = [one["path"].removeprefix(f"{kind}.") for one in profile["differential"]["element"] if one.get("max") == "0"]
    assert set(listed) == set(UNUSED[kind])
    example = place.apps[part].openapi()["components"]["examples"][f"{kind}Sent"]["value"]
    for element, value in UNUSED[kind].items():
        body = deepcopy(example) | {"identifier": [{"system": "https://ehr.example/unused", "value": element}]}
        *outer, last = element.split(".")
        (body[outer[0]] if outer else body)[last] = value
        answer = await place.expect(422, "POST", f"/t/north/fhir/R4/{kind}", tenant="north", json=body)
        assert any(last in place for issue in answer["issue"] for place in issue.get("expression", ())), (element, answer)
