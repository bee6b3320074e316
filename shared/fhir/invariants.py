"""The R4 invariants of the types that we take, which the FHIR library does not check (integration.md 8)."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from shared.fhir.narrative import narrative_fault
from shared.fhir.times import FhirTime, fhir_time
from shared.kernel.errors import Invalid

CONSENT_SCOPES = "http://terminology.hl7.org/CodeSystem/consentscope"
UCUM = "http://unitsofmeasure.org"

_SCOPE_RULES = {"patient-privacy": "ppc-2", "research": "ppc-3", "adr": "ppc-4", "treatment": "ppc-5"}
_ZONES_APART = timedelta(hours=14)

Fault = tuple[str, str, str | None]
"""Rule id, plain words, and the element below which the fault lies (None: the whole)."""


def _consent(value: dict[str, Any]) -> Iterator[Fault]:
    if "policy" not in value and "policyRule" not in value:
        yield "ppc-1", "needs a policy or a policyRule", None
    if "patient" not in value:
        for coding in _dicts(value, "scope", "coding"):
            rule = _SCOPE_RULES.get(str(coding.get("code"))) if coding.get("system") == CONSENT_SCOPES else None
            if rule is not None:
                # R4's own text of ppc-2 to ppc-5 tests for a system that nobody uses; we check what they mean.
                yield rule, "needs a patient, given its scope", "patient"


def _task(value: dict[str, Any]) -> Iterator[Fault]:
    if _is_before(value.get("lastModified"), value.get("authoredOn")):
        yield "inv-1", "was last modified before it was authored", "lastModified"


def _period(value: dict[str, Any]) -> Iterator[Fault]:
    if _is_before(value.get("end"), value.get("start")):
        yield "per-1", "ends before it starts", None


def _quantity(value: dict[str, Any]) -> Iterator[Fault]:
    if "code" in value and "system" not in value:
        yield "qty-3", "has a code of no system", "code"


def _duration(value: dict[str, Any]) -> Iterator[Fault]:
    if ("value" in value and "code" not in value) or value.get("system", UCUM) != UCUM:
        yield "drt-1", "needs a UCUM code of time with its value", "code"
    yield from _quantity(value)


def _extension(value: dict[str, Any]) -> Iterator[Fault]:
    has_value = any(name.lstrip("_").startswith("value") for name in value)
    if has_value == ("extension" in value):
        yield "ext-1", "has a value or extensions: one of them, not both", None


def _attachment(value: dict[str, Any]) -> Iterator[Fault]:
    if "data" in value and "contentType" not in value:
        yield "att-1", "has data of no content type", "contentType"


def _contact(value: dict[str, Any]) -> Iterator[Fault]:
    if "value" in value and "system" not in value:
        yield "cpt-2", "has a value of no system", "system"


def _ratio(value: dict[str, Any]) -> Iterator[Fault]:
    if ("numerator" in value) != ("denominator" in value):
        yield "rat-1", "needs both numerator and denominator", None


def _narrative(value: dict[str, Any]) -> Iterator[Fault]:
    div = value.get("div")
    fault = narrative_fault(div) if isinstance(div, str) else None
    if fault is not None:
        yield "txt-1", fault, "div"


INVARIANTS: Mapping[str, Callable[[dict[str, Any]], Iterator[Fault]]] = {
    "Consent": _consent,
    "Task": _task,
    "Period": _period,
    "Quantity": _quantity,
    "Duration": _duration,
    "Age": _duration,
    "Count": _quantity,
    "Distance": _quantity,
    "Extension": _extension,
    "Attachment": _attachment,
    "ContactPoint": _contact,
    "Ratio": _ratio,
    "Narrative": _narrative,
}
"""Type → what of it breaks an invariant; each takes a value whose shape may still be wrong."""


def _dicts(value: dict[str, Any], name: str, below: str) -> Iterator[dict[str, Any]]:
    outer = value.get(name)
    inner = outer.get(below) if isinstance(outer, dict) else None
    yield from (found for found in (inner if isinstance(inner, list) else ()) if isinstance(found, dict))


def _is_before(later: object, earlier: object) -> bool:
    """Tell whether `later` lies before `earlier` however their missing parts and zones are read."""
    if later is None or earlier is None:
        return False
    ends, starts = _time(later), _time(earlier)
    if ends is None or starts is None:
        return False
    slack = timedelta() if (ends.precision == "instant") == (starts.precision == "instant") else _ZONES_APART
    return starts.start - slack >= ends.end


def _time(text: object) -> FhirTime | None:
    with suppress(Invalid):
        return fhir_time(text, expression=None)
    return None
