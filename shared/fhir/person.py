"""Who a Patient or Practitioner of an EHR is, whatever of the resource is missing or odd."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

Resource = Mapping[str, Any]


@dataclass(frozen=True)
class PatientFace:
    """By what a person knows whose chart it is: name (family first), birth date, medical record number and its system."""

    name: str | None
    birth_date: date | None = None
    number: str | None = None
    number_system: str | None = None


def face_of(resource: Resource) -> PatientFace:
    """Read a Patient; a birth date that is no whole day is none."""
    number = next((i for i in items_of(resource, "identifier") if "MR" in codes_of(i.get("type"))), None) or {}
    value, system = number.get("value"), number.get("system")
    return PatientFace(
        name=written(name_of(resource), family_first=True) or None,
        birth_date=_day(resource.get("birthDate")),
        number=str(value) if value else None,
        number_system=str(system) if value and system else None,
    )


def name_of(resource: Resource) -> Resource:
    """Return the official name, else the usual one, else the first; empty if there is none."""
    names = items_of(resource, "name")
    for use in ("official", "usual"):
        if found := next((one for one in names if one.get("use") == use), None):
            return found
    return names[0] if names else {}


def written(name: Resource, *, family_first: bool) -> str:
    """Write a HumanName: `Jorgensen, Clara B.` or `Clara B. Jorgensen`, else its text."""
    given, family = " ".join(str(part) for part in name.get("given", ())), str(name.get("family", ""))
    if not family:
        return str(name.get("text", given))
    return f"{family}, {given}".rstrip(", ") if family_first else f"{given} {family}".strip()


def codes_of(concept: object) -> set[str]:
    """Return the codes of a CodeableConcept, without their systems."""
    return {str(c["code"]) for c in items_of(concept, "coding") if c.get("code")}


def items_of(resource: object, name: str) -> list[Resource]:
    """Return the objects of a list element; empty if it is missing or no list."""
    items = resource.get(name) if isinstance(resource, Mapping) else None
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(str(text))
    except ValueError:  # a year or a month only, or nothing
        return None
