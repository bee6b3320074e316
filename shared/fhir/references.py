"""References: ours are relative, the EHR's absolute on the tenant's base (integration.md 13, common rules)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from shared.kernel.errors import Invalid

NPI_SYSTEM = "http://hl7.org/fhir/sid/us-npi"
IDENTIFIER_TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"

_REFERENCE = re.compile(
    r"(?:(?P<base>https?://[^\s?#]+)/)?(?P<type>[A-Z][A-Za-z]{1,63})/(?P<id>[A-Za-z0-9\-.]{1,64})(?:/_history/(?P<version>[A-Za-z0-9\-.]{1,64}))?"
)


@dataclass(frozen=True)
class Ref:
    """A reference taken apart: `base` is None if it is relative, `version` None if it names no version."""

    type: str
    id: str
    base: str | None = None
    version: str | None = None


@lru_cache(maxsize=4096)
def parse_reference(text: str) -> Ref | None:
    """Take apart `Type/id` or `http(s)://…/Type/id`, either with `/_history/version`; None for any other form."""
    match = _REFERENCE.fullmatch(text)
    return Ref(match["type"], match["id"], match["base"], match["version"]) if match else None


def ehr_id(
    reference: Any, types: Iterable[str], *, ehr_base: str, aliases: Iterable[str] = (), expression: str
) -> tuple[str, str]:
    """Return (type, id) of a thing in the tenant's EHR, one of `types`.

    `reference` is a FHIR Reference: relative (then read against `ehr_base`) or absolute on `ehr_base` or on one of
    `aliases` (base URLs, or bare hosts). Invalid (422) for every other host, type or form, and for a named version,
    which we could not return.
    """
    ref = _ref(reference, tuple(types), expression)
    if ref.base is not None and not same_place(ref.base, (ehr_base, *aliases)):
        raise Invalid(
            f"the reference is not on the practice's EHR ({ehr_base})",
            rule="reference-host",
            expression=f"{expression}.reference",
        )
    return ref.type, ref.id


def patient_id(reference: Any, *, ehr_base: str, aliases: Iterable[str] = (), expression: str = "Patient") -> str:
    """Return the EHR's id of the patient that `reference` names; Invalid as `ehr_id`."""
    return ehr_id(reference, ("Patient",), ehr_base=ehr_base, aliases=aliases, expression=expression)[1]


def own_id(reference: Any, kind: str, *, own_base: str, expression: str) -> str:
    """Return the id of one of our resources of type `kind`, given relative or absolute on `own_base`; else Invalid."""
    ref = _ref(reference, (kind,), expression)
    if ref.base is not None and not same_place(ref.base, (own_base,)):
        raise Invalid(f"the {kind} is not one of this base", rule="reference-host", expression=f"{expression}.reference")
    return ref.id


def ehr_reference(
    base: str, kind: str, ident: str, *, identifier: dict[str, Any] | None = None, display: str | None = None
) -> dict[str, Any]:
    """Build the outward reference to a thing in the EHR: absolute on `base`, with `type`, identifier and display."""
    reference: dict[str, Any] = {"reference": f"{base.rstrip('/')}/{kind}/{ident}", "type": kind}
    if identifier is not None:
        reference["identifier"] = identifier
    if display is not None:
        reference["display"] = display
    return reference


def mrn(value: str, system: str | None = None) -> dict[str, Any]:
    """Build a medical record number as an Identifier of type MR."""
    identifier: dict[str, Any] = {"type": {"coding": [{"system": IDENTIFIER_TYPES, "code": "MR"}]}}
    if system is not None:
        identifier["system"] = system
    return {**identifier, "value": value}


def npi(value: str) -> dict[str, Any]:
    """Build a National Provider Identifier as an Identifier."""
    return {"system": NPI_SYSTEM, "value": value}


def identifier_value(identifiers: Iterable[dict[str, Any]], system: str) -> str | None:
    """Return the value of the first identifier of `system`, if there is one."""
    return next((found["value"] for found in identifiers if found.get("system") == system and found.get("value")), None)


def same_place(base: str, places: Iterable[str]) -> bool:
    """Tell whether the base URL `base` is one of `places`: base URLs, or bare hosts that hold whatever lies on them."""
    found = _normal(base)
    return any(found == _normal(place) if "://" in place else found[1] == place.lower() for place in places)


def _ref(reference: Any, types: tuple[str, ...], expression: str) -> Ref:
    wanted = " or ".join(types)
    text = reference.get("reference") if isinstance(reference, dict) else None
    if not isinstance(text, str):
        raise Invalid(f"needs a reference to a {wanted}", rule="reference-missing", expression=expression)
    ref = parse_reference(text)
    place = f"{expression}.reference"
    if ref is None:
        raise Invalid(f"is not a reference to a {wanted}", rule="reference-form", expression=place)
    if ref.type not in types or reference.get("type", ref.type) != ref.type:
        raise Invalid(f"refers to a {ref.type}, where a {wanted} belongs", rule="reference-type", expression=place)
    if ref.version is not None:
        raise Invalid("a reference to one version is not kept: name the resource", rule="reference-version", expression=place)
    return ref


def _normal(base: str) -> tuple[str, str, str]:
    try:
        parts = urlsplit(base)
    except ValueError:  # such as a broken IPv6 address: no place that anybody configured
        return "", base, ""
    return parts.scheme.lower(), parts.netloc.lower(), parts.path.rstrip("/")
