"""A second reading of FHIR search, over resources as JSON: slow, plain, knowing nothing of the product's (requirement 26)."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]
Span = tuple[datetime, datetime]

ZONE = ZoneInfo("America/New_York")
FAR = datetime(9999, 1, 1, tzinfo=ZONE)
STATUS_SYSTEMS = {
    "Consent": "http://hl7.org/fhir/consent-state-codes",
    "Task": "http://hl7.org/fhir/task-status",
    "ChargeItem": "http://hl7.org/fhir/chargeitem-status",
}


def span(text: str) -> Span:
    """Return the instants that a FHIR date or dateTime means; days are those of the practice."""
    if "T" in text:
        at = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return at, at + (timedelta(seconds=1) if "." not in text else timedelta(microseconds=1))
    parts = [int(part) for part in text.split("-")]
    first = date(*([*parts, 1, 1])[:3])
    if len(parts) == 1:
        after = date(first.year + 1, 1, 1)
    elif len(parts) == 2:
        after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    else:
        after = first + timedelta(days=1)
    return midnight(first), midnight(after)


def midnight(day: date) -> datetime:
    """Return the first instant of a day of the practice."""
    return datetime(day.year, day.month, day.day, tzinfo=ZONE)


def period_of(period: Mapping[str, str]) -> Span | None:
    """Return `[start, end)` of a Period: an end that is a day lasts to its last moment."""
    if "start" not in period:
        return None
    begins = span(period["start"])[0]
    if "end" not in period:
        return begins, FAR
    return begins, span(period["end"])[0 if "T" in period["end"] else 1]


def codings(resource: Json, name: str) -> Iterator[tuple[str, str]]:
    """Yield (system, code) of a token element, whatever its shape."""
    kind = resource["resourceType"]
    if name == "_id":
        yield "", resource["id"]
    elif name == "identifier":
        yield from ((one["system"], one["value"]) for one in resource["identifier"])
    elif name == "status":
        yield STATUS_SYSTEMS[kind], resource["status"]
    elif name == "category":
        yield from ((c["system"], c["code"]) for one in resource["category"] for c in one["coding"])
    elif name == "code":
        yield from ((c["system"], c["code"]) for c in resource["code"]["coding"])
    else:
        yield from (
            ("https://careledger.example/fhir/CodeSystem/program", one["valueCode"])
            for one in resource["extension"]
            if one["url"].endswith("/program")
        )


def reference(resource: Json, name: str) -> str | None:
    """Return the id that a reference parameter looks at."""
    places = {
        "patient": resource.get("patient") or resource.get("for") or resource.get("subject"),
        "owner": resource.get("owner"),
        "encounter": resource.get("encounter"),
        "context": resource.get("context"),
        "actor": resource.get("provision", {}).get("actor", [{}])[0].get("reference"),
    }
    found = places[name]
    return str(found["reference"]).rsplit("/", 1)[-1] if found else None


def times(resource: Json, name: str) -> Span | None:
    """Return the instants of a date parameter's element."""
    if name == "period" and resource["resourceType"] == "Consent":
        # on the day on which it was given a consent takes effect not before it was given (ccm-rules C3)
        held = period_of(resource["provision"].get("period", {}))
        return held and (max(held[0], span(resource["dateTime"])[0]), held[1])
    if name == "period":
        return period_of(resource["executionPeriod"])
    if name == "service-month":
        found = next(one for one in resource["extension"] if one["url"].endswith("/service-month"))
        return period_of(found["valuePeriod"])
    text = {
        "_lastUpdated": resource["meta"]["lastUpdated"],
        "date": resource.get("dateTime"),
        "authored-on": resource.get("authoredOn"),
        "modified": resource.get("lastModified"),
        "occurrence": resource.get("occurrenceDateTime"),
        "entered-date": resource.get("enteredDate"),
    }[name]
    if "T" in text:
        at = span(text)[0]
        return at, at + timedelta(microseconds=1)
    return span(text)


def holds(name: str, value: str, resource: Json) -> bool:
    """Tell whether one value of a parameter matches."""
    if name in ("patient", "owner", "encounter", "context", "actor"):
        foreign = value.startswith("https://stranger.example")
        return not foreign and reference(resource, name) == value.rsplit("/", 1)[-1]
    if name in ("_lastUpdated", "date", "period", "authored-on", "modified", "occurrence", "entered-date", "service-month"):
        return _in_time(value, times(resource, name))
    system, bar, code = value.rpartition("|")
    return any(
        (not bar or held_system == system) and (not code or held_code == code)
        for held_system, held_code in codings(resource, name)
    )


def _in_time(value: str, held: Span | None) -> bool:
    prefix, text = (value[:2], value[2:]) if value[:2].isalpha() else ("eq", value)
    if held is None:
        return False
    (start, end), (begins, ends) = span(text), held
    return {
        "eq": start <= begins and ends <= end,
        "ne": not (start <= begins and ends <= end),
        "gt": ends > end,
        "lt": begins < start,
        "ge": ends > start,
        "le": begins < end,
        "sa": begins >= end,
        "eb": ends <= start,
    }[prefix]


def matches(query: list[tuple[str, list[str]]], resource: Json) -> bool:
    """Tell whether a resource fulfils every parameter by one of its values."""
    return all(any(holds(name, value, resource) for value in values) for name, values in query)
