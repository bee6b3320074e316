"""What a profile of ours asks of a resource beyond its shape: known elements only, our extensions, exact codes.

An element that a client sends is kept and returned, or refused with 422; it is never dropped (integration.md 8).
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from shared.fhir.json_text import Keys, place
from shared.kernel.errors import Invalid, Issue
from shared.kernel.vocabulary import CANONICAL

EXTENSIONS = f"{CANONICAL}/StructureDefinition/"
CODE_SYSTEMS = f"{CANONICAL}/CodeSystem/"

ANY: None = None
"""An allowed element with everything in it."""

Elements = Mapping[str, Any]
"""Allowed element → ANY, or the elements allowed in it; under `extension` the set of allowed URLs."""

Coded = TypeVar("Coded", bound=StrEnum)


def refuse_unknown(resource: dict[str, Any], allowed: Elements) -> None:
    """Refuse (Invalid, 422, one issue per place) every element and extension that `allowed` does not name.

    `resourceType` is always allowed. `extension` is allowed only where `allowed` holds a set of URLs for it. An element
    mapped to ANY is taken with all it holds; its sibling `_element` is not, unless it is named itself.
    """
    issues = tuple(_unknown(resource, {**allowed, "resourceType": ANY}, resource["resourceType"], ()))
    if issues:
        raise Invalid(issues[0].text, issues=issues)


def extension_url(name: str) -> str:
    """Return the URL of our extension `name`."""
    return EXTENSIONS + name


def system_url(name: str) -> str:
    """Return the URL of our code system `name`."""
    return CODE_SYSTEMS + name


def extensions(element: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return all our extensions `name` of a resource or element, in order."""
    url = EXTENSIONS + name
    return [found for found in element.get("extension", ()) if found.get("url") == url]


def extension(element: dict[str, Any], name: str, *, expression: str) -> dict[str, Any] | None:
    """Return our extension `name` of the element at `expression`, or None; Invalid (422) if it is there twice."""
    found = extensions(element, name)
    if len(found) > 1:
        raise Invalid(f"the extension {name} may be there once", rule="profile-cardinality", expression=f"{expression}.extension")
    return found[0] if found else None


def extension_code(element: dict[str, Any], name: str, codes: type[Coded], *, expression: str) -> Coded | None:
    """Return the `valueCode` of our extension `name` as a member of `codes`, or None; Invalid (422) for other values."""
    found = extension(element, name, expression=expression)
    if found is None:
        return None
    return member(found.get("valueCode"), codes, expression=extension_place(expression, name, "valueCode"))


def part(element: dict[str, Any], name: str, *, expression: str) -> dict[str, Any] | None:
    """Return the part `name` (a plain URL) of a complex extension, or None; Invalid (422) if it is there twice."""
    found = [below for below in element.get("extension", ()) if below.get("url") == name]
    if len(found) > 1:
        raise Invalid(f"the part {name} may be there once", rule="profile-cardinality", expression=expression)
    return found[0] if found else None


def extension_place(expression: str, name: str, value: str) -> str:
    """Write the FHIRPath of a value in our extension `name` of the element at `expression`."""
    return f"{expression}.extension('{EXTENSIONS}{name}').{value}"


def code_of(concept: dict[str, Any] | None, system: str, *, expression: str) -> str | None:
    """Return the code of `system` in a CodeableConcept, or None; Invalid (422) if it holds two different ones."""
    codes = {coding.get("code") for coding in (concept or {}).get("coding", ()) if coding.get("system") == system}
    codes.discard(None)
    if len(codes) > 1:
        raise Invalid(f"holds more than one code of {system}", rule="profile-one-code", expression=f"{expression}.coding")
    code: str | None = codes.pop() if codes else None
    return code


def member(code: object, codes: type[Coded], *, expression: str) -> Coded:
    """Return `code` as a member of the enumeration `codes`; Invalid (422) if it is none."""
    try:
        return codes(str(code))
    except ValueError as error:
        known = ", ".join(codes)
        raise Invalid(f"is none of: {known}", rule="profile-code", expression=expression) from error


def required(element: dict[str, Any], name: str, *, expression: str) -> Any:
    """Return the element `name` of the one at `expression`; Invalid (422) if it is not there."""
    if name not in element:
        raise Invalid(f"{name} is required", rule="profile-required", expression=f"{expression}.{name}")
    return element[name]


def _unknown(value: Any, allowed: Any, root: str, keys: Keys) -> Iterator[Issue]:
    if isinstance(value, list):
        for index, below in enumerate(value):
            yield from _unknown(below, allowed, root, (*keys, index))
    elif isinstance(value, dict):
        for name, below in value.items():
            here = (*keys, name)
            if name not in allowed:
                yield Issue("profile-element", f"{name} is not taken here", place(root, here))
            elif name == "extension":
                yield from _unknown_extensions(below, allowed[name], root, here)
            elif allowed[name] is not ANY:
                yield from _unknown(below, allowed[name], root, here)


def _unknown_extensions(found: Any, urls: Any, root: str, keys: Keys) -> Iterator[Issue]:
    if urls is ANY:
        return
    for index, below in enumerate(found):
        if below.get("url") not in urls:
            yield Issue("profile-extension", "this extension is not known here", place(root, (*keys, index)))
