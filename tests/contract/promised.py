"""What the published descriptions promise, as plain lists, to compare with those of the last release (docs/compatibility.md).

`python -m tests.contract.promised` keeps today's, at a release: `promised.json`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]
OPENAPI = Path(__file__).parents[2] / "openapi"
KEPT = Path(__file__).with_name("promised.json")


def promised() -> dict[str, dict[str, list[str]]]:
    """Return by operation what it takes, what it asks for (required), and what it answers."""
    found = {}
    for file in sorted(OPENAPI.glob("*.json")):
        document = json.loads(file.read_text())
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                found[f"{method.upper()} {path}"] = _operation(document, operation)
    return found


def _operation(document: Json, operation: Json) -> dict[str, list[str]]:
    takes, asks, answers = set(), set(), set()
    for told in operation.get("parameters", ()):
        parameter = _resolved(document, told)
        name = f"{parameter['in']} {parameter['name']}"
        takes.add(name)
        if parameter.get("required"):
            asks.add(name)
    for kind, body in operation.get("requestBody", {}).get("content", {}).items():
        for pointer, type_, required in _members(document, body.get("schema", {}), kind):
            takes.add(f"{pointer} {type_}")
            if required:
                asks.add(pointer)
    for status, told in operation["responses"].items():
        if status.startswith(("2", "3")):
            answers.add(status)
            for kind, body in _resolved(document, told).get("content", {}).items():
                answers |= {
                    f"{status} {pointer} {type_}" for pointer, type_, _ in _members(document, body.get("schema", {}), kind)
                }
    return {"takes": sorted(takes), "asks": sorted(asks), "answers": sorted(answers)}


def _members(document: Json, schema: Json, pointer: str, seen: tuple[str, ...] = ()) -> Iterator[tuple[str, str, bool]]:
    """Yield each member of a schema: where it is, of which type, whether it must be there."""
    name = schema.get("$ref", "")
    if name in seen:
        return
    seen = (*seen, name) if name else seen
    schema = _resolved(document, schema)
    for option in [one for keyword in ("anyOf", "oneOf", "allOf") for one in schema.get(keyword, ())]:
        yield from _members(document, option, pointer, seen)
    if "items" in schema:
        yield from _members(document, schema["items"], f"{pointer}[]", seen)
    for member, told in schema.get("properties", {}).items():
        place = f"{pointer}.{member}"
        yield place, _type(document, told), member in schema.get("required", ())
        yield from _members(document, told, place, seen)


def _type(document: Json, schema: Json) -> str:
    schema = _resolved(document, schema)
    options = [_type(document, one) for keyword in ("anyOf", "oneOf", "allOf") for one in schema.get(keyword, ())]
    return "|".join(sorted(set(options))) if options else str(schema.get("type", "any"))


def _resolved(document: Json, value: Json) -> Json:
    while "$ref" in value:
        _, kind, name = value["$ref"].removeprefix("#/").split("/")
        value = document["components"][kind][name]
    return value


if __name__ == "__main__":
    KEPT.write_text(json.dumps(promised(), indent=0, sort_keys=True) + "\n")
