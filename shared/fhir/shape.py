"""Whether a body is a resource of R4: strict JSON, then our own walk, then the FHIR library (integration.md 8).

The walk comes first because it names rule and place exactly and because the library is lax where it looks strict:
it takes numbers for dates, text for numbers, any code, a garbage reference, even JSON text in place of an object.
Of a Task, of which thousands come, the library is not asked: tests prove that it refuses nothing there which the walk
takes (docs/decisions/0006). For the rare resources it stands behind the walk.
"""

import re
from datetime import date
from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

from shared.fhir.bindings import R4_ONLY, RESOURCE_TYPES
from shared.fhir.elements import Choice, Element, cardinality, elements
from shared.fhir.invariants import INVARIANTS
from shared.fhir.json_text import Keys, parse, place
from shared.fhir.primitives import DATES, PRIMITIVES
from shared.fhir.references import parse_reference
from shared.kernel.errors import Invalid, Issue, Malformed

_MOST_ISSUES = 20
_LONGEST_NAME = 64
_MOST_CODES = 12
_OTHER_REFERENCE = re.compile(r"#[A-Za-z0-9\-.]{1,64}|urn:(?:uuid|oid):\S+|https?://\S+")
_CHOICE = re.compile(r"field value.* from this list \['(?P<stem>[a-z]+)[A-Z].*?\](?P<many>, but got multiple)?")
_MISSING = ("missing", "model_field_validation.missing")
_WALK_ALONE = frozenset({"Task"})


def check_shape(resource_type: str, body: bytes) -> dict[str, Any]:
    """Return the R4 resource of type `resource_type` in `body`, its decimals with every digit.

    Malformed (400) if it is not JSON, not of that type or not of its structure; Invalid (422) if its structure is right
    but a required code list, an invariant, a reference's target or the narrative is not, or if it holds a
    modifierExtension (none is known). The issues carry rule and FHIRPath, at most 20 of them.
    """
    resource = parse(body)
    found = resource.get("resourceType")
    if found != resource_type:
        raise Malformed(
            f"a {resource_type} is wanted here" if found is not None else "the resource does not name its resourceType",
            rule="resource-type",
            expression="$this.resourceType",
        )
    check_resource(resource)
    return resource


def check_resource(resource: dict[str, Any]) -> None:
    """Check a parsed resource, whose `resourceType` is a type of the library, as `check_shape` does."""
    walk = _Walk(resource)
    walk.element(resource, walk.root, (), also="resourceType")
    if not walk.structure:
        if walk.root not in _WALK_ALONE:
            walk.structure += library_issues(resource, walk.root, ())
        for index, inner in enumerate(resource.get("contained", ())):
            if inner["resourceType"] not in R4_ONLY:
                walk.structure += library_issues(inner, walk.root, ("contained", index))
    if walk.structure:
        raise Malformed(walk.structure[0].text, issues=tuple(walk.structure[:_MOST_ISSUES]))
    if walk.rules:
        raise Invalid(walk.rules[0].text, issues=tuple(walk.rules[:_MOST_ISSUES]))


class _Walk:
    """One pass over a resource; gathers faults of structure (400) and of rules (422)."""

    def __init__(self, resource: dict[str, Any]) -> None:
        self.root: str = resource["resourceType"]
        self.structure: list[Issue] = []
        self.rules: list[Issue] = []
        inside = resource.get("contained")
        self.contained = [inner.get("id") for inner in (inside if isinstance(inside, list) else ()) if isinstance(inner, dict)]

    def malformed(self, rule: str, text: str, keys: Keys) -> None:
        """Note a fault of structure at `keys`."""
        if len(self.structure) < _MOST_ISSUES:
            self.structure.append(Issue(rule, text, place(self.root, keys)))

    def broken(self, rule: str, text: str, keys: Keys) -> None:
        """Note a broken rule at `keys`."""
        if len(self.rules) < _MOST_ISSUES:
            self.rules.append(Issue(rule, text, place(self.root, keys)))

    def element(self, value: Any, type_name: str, keys: Keys, also: str | None = None) -> None:
        """Check an object of `type_name` at `keys`, which may also hold the key `also`."""
        if type(value) is not dict:
            self.malformed("element-object", f"is no object of type {type_name}", keys)
            return
        if not value or (len(value) == 1 and "id" in value and type_name != "Element"):
            self.malformed("ele-1", "is empty", keys)
            return
        known = elements(type_name)
        for name, inner in value.items():
            element = known.get(name)
            if element is None:
                if name != also:
                    self.malformed("element-unknown", f"is no element of {type_name}", (*keys, name[:_LONGEST_NAME]))
            elif element.plain is not None and element.plain(inner):
                continue
            elif name == "modifierExtension":
                self.broken("modifier-extension", "no modifierExtension is known here", (*keys, name))
            elif element.many:
                self.many(inner, element, value, (*keys, name))
            else:
                self.one(inner, element, (*keys, name))
        wanted = cardinality(type_name)
        for name, primitive in wanted.required:
            if name not in value and not (primitive and _extended(value.get(f"_{name}"))):
                self.malformed("cardinality", "is required", (*keys, name))
        for choice in wanted.choices:
            self.choice(value, choice, keys)
        if type_name in INVARIANTS:
            for rule, text, below in INVARIANTS[type_name](value):
                self.broken(rule, text, keys if below is None else (*keys, below))

    def choice(self, value: dict[str, Any], choice: Choice, keys: Keys) -> None:
        """Check that at most one of the elements of a choice is there, and one if it is required."""
        found = len(choice.names & value.keys())
        if found > 1 or (choice.required and not found):
            self.malformed("choice", f"{'holds more than one' if found else 'needs one'} of {choice.stem}[x]", keys)

    def many(self, value: Any, element: Element, parent: dict[str, Any], keys: Keys) -> None:
        """Check a repeating element; a null stands only where the list beside it (`x`, `_x`) has something."""
        if type(value) is not list:
            self.malformed("element-list", "is no list", keys)
            return
        if not value:
            self.malformed("ele-1", "is empty", keys)
        name = str(keys[-1])
        beside = parent.get(name[1:] if name[0] == "_" else f"_{name}") if element.primitive or name[0] == "_" else None
        for index, inner in enumerate(value):
            matched = inner is None and isinstance(beside, list) and index < len(beside) and beside[index] is not None
            if not matched:
                self.one(inner, element, (*keys, index))

    def one(self, value: Any, element: Element, keys: Keys) -> None:
        """Check one value of an element."""
        if element.primitive:
            if not PRIMITIVES[element.type](value):
                empty = value is None or value == ""
                self.malformed("ele-1" if empty else "element-type", "is empty" if empty else f"is no {element.type}", keys)
            elif element.type in DATES and not _exists(value):
                self.malformed("element-type", "is no date that exists", keys)
            elif element.codes is not None and value not in element.codes:
                known = ", ".join(sorted(element.codes)) if len(element.codes) <= _MOST_CODES else "the codes that R4 allows here"
                self.broken("code-binding", f"is none of: {known}", keys)
        elif element.type == "Resource":
            self.inner(value, keys)
        else:
            self.element(value, element.type, keys)
            if element.type == "Reference" and type(value) is dict:
                self.reference(value, element.targets, keys)

    def inner(self, value: Any, keys: Keys) -> None:
        """Check a resource inside another; those that only R4 has are taken as they are."""
        type_name = value.get("resourceType") if type(value) is dict else None
        if not isinstance(type_name, str) or type_name not in RESOURCE_TYPES:
            self.malformed("resource-type", "is no resource of R4", keys)
            return
        if "contained" in value:
            self.broken("dom-2", "holds resources though it is itself contained", (*keys, "contained"))
        if type_name not in R4_ONLY:
            self.element(value, type_name, keys, also="resourceType")

    def reference(self, value: dict[str, Any], targets: frozenset[str] | None, keys: Keys) -> None:
        """Check the form of a Reference, and that it leads to one of `targets` as far as it tells its type."""
        text, stated = value.get("reference"), value.get("type")
        ref = parse_reference(text) if isinstance(text, str) else None
        if isinstance(text, str) and ref is None and not _OTHER_REFERENCE.fullmatch(text):
            self.malformed("reference-form", "is no reference", (*keys, "reference"))
        elif isinstance(text, str) and text.startswith("#") and text[1:] not in self.contained:
            self.broken("ref-1", "refers to nothing that is contained", (*keys, "reference"))
        found = ref.type if ref is not None and (ref.base is None or ref.type in RESOURCE_TYPES) else stated
        if not isinstance(found, str):
            return
        if found not in (targets or RESOURCE_TYPES):
            self.broken("reference-target", f"leads to a {found[:_LONGEST_NAME]}, which may not stand here", keys)
        elif isinstance(stated, str) and stated != found:
            self.broken("reference-type", "names another type than it leads to", (*keys, "type"))


def _extended(beside: Any) -> bool:
    """Tell whether what stands beside an absent value has an extension, which says why it is absent."""
    return type(beside) is dict and bool(beside.get("extension"))


def _exists(text: str) -> bool:
    """Tell whether the day, month or year of a well formed date is in the calendar."""
    try:
        date.fromisoformat(text[:10] if len(text) >= 10 else f"{text}-01-01"[:10])
    except ValueError:
        return False
    return True


def library_issues(resource: dict[str, Any], root: str, keys: Keys) -> list[Issue]:
    """Ask the FHIR library about `resource` at `keys`, without what it contains."""
    model = get_fhir_model_class(resource["resourceType"])
    alone = {name: value for name, value in resource.items() if name != "contained"}
    try:
        model.model_validate(alone)
    except ValidationError as error:
        return [
            _issue(found, root, keys) for found in error.errors(include_url=False, include_context=False, include_input=False)
        ]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        # What it raises for a type that only R4 has, and may raise for values that it did not foresee.
        return [Issue("structure", f"cannot be read as R4: {type(error).__name__}", place(root, keys))]
    return []


def _issue(found: Any, root: str, keys: Keys) -> Issue:
    where = place(root, (*keys, *found["loc"]))
    if found["type"] in _MISSING:
        return Issue("cardinality", "is required", where)
    if found["type"].startswith("date"):
        return Issue("element-type", "is no date that exists", where)
    choice = _CHOICE.search(found["msg"])
    if choice is not None:
        text = "holds more than one of" if choice["many"] else "needs one of"
        return Issue("choice", f"{text} {choice['stem']}[x]", where)
    return Issue("structure", found["msg"].splitlines()[0][:200], where)
