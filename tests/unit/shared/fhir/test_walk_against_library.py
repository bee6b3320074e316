"""Of a Task the FHIR library is not asked (docs/decisions/0006): it refuses nothing there which our own walk takes."""

import copy
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from shared.fhir.elements import cardinality, elements
from shared.fhir.json_text import dump, parse, walk
from shared.fhir.shape import check_shape, library_issues
from shared.kernel.errors import Invalid, Malformed

SAMPLES = Path(__file__).parents[5] / "shared" / "data" / "fhir-r4-cases.json"

GOOD: dict[str, list[Any]] = {
    "boolean": [True, False],
    "integer": [0, -5, 2**31 - 1],
    "unsignedInt": [0, 7],
    "positiveInt": [1, 9],
    "decimal": [1, Decimal("105.00"), Decimal("-0"), Decimal("1e30"), Decimal("0.000000000001")],
    "string": ["a", " a\t\n", "\u00e9\u2028", "x" * 300],
    "markdown": ["a", "*a*\nb"],
    "code": ["a", "a b", "a\u00a0b"],
    "id": ["a", "A-1.b", "x" * 64],
    "uri": ["urn:a", "http://a/b?c#d", "#x", "ä"],
    "url": ["http://a", "mailto:a@b.example", "urn:a", "a"],
    "canonical": ["http://a|1", "#a"],
    "oid": ["urn:oid:1.2.3"],
    "uuid": ["urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7"],
    "base64Binary": ["SGVsbG8=", "SGVs\nbG8=", "AAAA"],
    "date": ["2026", "2026-02", "2026-02-28", "0001-01-01", "9999-12-31", "2024-02-29"],
    "dateTime": [
        "2026",
        "2026-02-28",
        "2026-02-28T10:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:60.123456789-12:00",
    ],
    "instant": ["2026-02-28T10:00:00Z", "2026-02-28T23:59:60.1+05:30", "9999-12-31T23:59:59-14:00"],
    "time": ["10:00:00", "23:59:60", "00:00:00.123456789"],
    "xhtml": ['<div xmlns="http://www.w3.org/1999/xhtml">a</div>'],
}
DATES = ["2026-02-29", "2026-13", "0000", "0000-01", "0000-01-01T00:00:00Z", "2026-04-31T10:00:00Z", "2026-02-28T10:00:00+14:30"]
TEXTS = ["\u0661", "\x85", "\x1c", "a\x1cb", "\u00a0", "\ufeff", "a  b", "A===", "A A=", ""]
NEAR = [*DATES, "2026-02-28T24:00:00Z", "2026-2-3", "24:00:00", *TEXTS]


def full(type_name: str, depth: int = 3) -> dict[str, Any]:
    """Return a value of a type with every element that it may have, one of each choice; below `depth` only what it must."""
    wanted = cardinality(type_name)
    chosen = {sorted(choice.names)[0]: choice.required for choice in wanted.choices}
    left_out = {name for choice in wanted.choices for name in choice.names if name not in chosen}
    left_out |= {"contained", "modifierExtension", "id"} | ({"extension"} if type_name == "Extension" else set())
    names = [name for name in elements(type_name) if name[0] != "_" and name not in left_out]
    if depth <= 0:
        must = {name for name, _ in wanted.required} | {name for name, required in chosen.items() if required}
        names = [name for name in names if name in must] or [min(names, key=lambda name: not elements(type_name)[name].primitive)]
    found = {}
    for name in names:
        element = elements(type_name)[name]
        values = sorted(element.codes or GOOD.get(element.type, ()))
        value = "urn:oid:1.2" if name == "reference" else values[0] if values else full(element.type, depth - 1)
        found[name] = [value] if element.many else value
    return found


def judged(resource: dict[str, Any]) -> str:
    """Return who refuses the structure of a Task: the walk, else the library alone, or nobody (whatever the rules say)."""
    body = dump(resource)
    try:
        check_shape("Task", body)
    except Malformed:
        return "walk"
    except Invalid:
        pass
    return "library alone" if library_issues(parse(body), "Task", ()) else "nobody"


def places(resource: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [keys for keys, _ in walk(resource) if keys and keys != ("resourceType",)]


TASK = {**full("Task"), "resourceType": "Task"}
SMALL = {"resourceType": "Task", "status": "completed", "intent": "order"}
PLACES = places(TASK)


def test_both_take_a_task_with_every_element() -> None:
    assert len(PLACES) > 500
    assert judged(TASK) == "nobody"


def test_whatever_is_left_out_the_walk_misses_it_where_the_library_does() -> None:
    verdicts = {}
    for keys in PLACES:
        resource, holder = _copy(keys)
        del holder[keys[-1]]
        verdicts[keys] = judged(resource)
    assert set(verdicts.values()) == {"walk", "nobody"}
    assert verdicts[("status",)] == verdicts[("output", 0, "type")] == verdicts[("note", 0, "text")] == "walk"


def test_every_choice_is_held_to_one() -> None:
    for keys in (("extension", 0), ("input", 0), ("output", 0), ("meta", "extension", 0)):
        resource, holder = _copy((*keys, "valueString"))
        assert "valueAddress" in holder
        holder["valueString"] = "a"
        assert judged(resource) == "walk", keys
        del holder["valueString"], holder["valueAddress"]
        assert judged(resource) == ("nobody" if "extension" in keys else "walk")


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_each_value_of_a_primitive_type_that_the_walk_takes_is_one_for_the_library(kind: str) -> None:
    names = [name for name, element in elements("Extension").items() if element.type == kind and name.startswith("value")]
    taken = 0
    for value in (*GOOD[kind], *NEAR, -1, 1.5, None, [], {}, True):
        for name in names:
            verdict = judged({**SMALL, "extension": [{"url": "http://a", name: value}]})
            assert verdict != "library alone", (name, value)
            taken += verdict == "nobody"
    assert taken >= len(GOOD[kind]) or not names


MOMENT = r"[0-9]{4}(-[01][0-9](-[0-3][0-9](T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](Z|[+-]1[0-9]:00))?)?)?"
KEYS = ["id", "code", "url", "reference", "extension", "coding", "value", "start", "text"]
anything = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-5, 5),
        st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-1000, max_value=1000),
        st.text(max_size=6),
        st.from_regex(MOMENT, fullmatch=True),
        st.sampled_from([value for values in GOOD.values() for value in values] + NEAR),
    ),
    lambda below: st.one_of(st.lists(below, max_size=2), st.dictionaries(st.sampled_from(KEYS), below)),
    max_leaves=5,
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PLACES), st.booleans(), anything), min_size=1, max_size=3), st.booleans())
def test_a_task_with_anything_anywhere(changes: list[tuple[tuple[Any, ...], bool, Any]], beside: bool) -> None:
    resource = copy.deepcopy(TASK)
    for keys, deleted, value in changes:
        holder: Any = resource
        try:
            for key in keys[:-1]:
                holder = holder[key]
            if deleted:
                del holder[keys[-1]]
            elif beside and isinstance(keys[-1], str):
                holder[f"_{keys[-1]}"] = value
            else:
                holder[keys[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    verdict = judged(resource)
    event(verdict)
    assert verdict != "library alone"


def test_of_the_published_samples_that_are_tasks() -> None:
    samples = json.loads(SAMPLES.read_text()) if SAMPLES.exists() else []
    bodies = [sample["body"].encode() for sample in samples]
    checked = 0
    for body in bodies:
        try:
            resource = parse(body)
        except Malformed:
            continue
        if resource.get("resourceType") == "Task":
            checked += 1
            assert judged(resource) != "library alone", body
    assert checked > 20 or not samples


def _copy(keys: tuple[Any, ...]) -> tuple[dict[str, Any], Any]:
    """Return a copy of the Task and, in it, what holds the last of `keys`."""
    resource = copy.deepcopy(TASK)
    holder: Any = resource
    for key in keys[:-1]:
        holder = holder[key]
    return resource, holder
