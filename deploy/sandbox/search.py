"""Search in the store: tokens, references, dates; which parameter reads which element is data (`search_parameters.yaml`)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from deploy.sandbox.store import Resource, Version

Range = tuple[datetime, datetime]

_EVER = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(T\d\d:\d\d(:\d\d)?(\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)?)?)?)?\Z")
_PREFIXES = ("eq", "ne", "gt", "ge", "lt", "le")


class BadSearch(ValueError):
    """The search cannot be answered as it was asked."""


@dataclass(frozen=True)
class Parameter:
    """A search parameter: how it compares (`token`, `reference` or `date`) and the elements that it reads."""

    name: str
    kind: str
    paths: tuple[str, ...]


def _load() -> dict[str, dict[str, Parameter]]:
    tables = yaml.safe_load(Path(__file__).with_name("search_parameters.yaml").read_text(encoding="utf-8"))
    everywhere = tables.pop("Resource")
    return {
        kind: {name: Parameter(name, spec[0], tuple(spec[1:])) for name, spec in (everywhere | own).items()}
        for kind, own in tables.items()
    }


PARAMETERS = _load()
"""Search parameters by resource type and name."""


@dataclass(frozen=True)
class Criterion:
    """One parameter with its alternatives; all criteria of a search must hold, one alternative of each."""

    parameter: Parameter
    alternatives: tuple[str, ...]
    base: str

    def matches(self, resource: Resource) -> bool:
        """Say whether the resource satisfies one of the alternatives."""
        values = [value for path in self.parameter.paths for value in _at(resource, path.split("."))]
        test = {"token": _token, "reference": _reference, "date": _date}[self.parameter.kind]
        return any(test(value, wanted, self.base) for wanted in self.alternatives for value in values)


def criterion(kind: str, name: str, value: str, base: str) -> Criterion | None:
    """Read one query parameter; None for a name that the type does not know, BadSearch for a modifier or a wrong value."""
    plain, colon, modifier = name.partition(":")
    parameter = PARAMETERS[kind].get(plain)
    if parameter is None:
        return None
    if colon:
        raise BadSearch(f"modifier :{modifier} is not supported on {plain}")
    alternatives = tuple(part.replace("\\,", ",").replace("\\|", "|") for part in re.split(r"(?<!\\),", value))
    if not all(alternatives):
        raise BadSearch(f"{plain} has no value")
    if parameter.kind == "date":
        for alternative in alternatives:
            span(_prefixed(alternative)[1])
    return Criterion(parameter, alternatives, base)


def select(found: Iterator[Version], criteria: list[Criterion]) -> list[Version]:
    """Return the versions that satisfy every criterion, in the order in which they came."""
    return [version for version in found if all(one.matches(version.resource) for one in criteria)]


def span(text: str) -> Range:
    """Return the instants that a FHIR date, dateTime or instant covers, half-open; a time without a zone is UTC."""
    match = _DATE.match(text)
    if match is None:
        raise BadSearch(f"{text!r} is no date")
    year, month, day, time, seconds, fraction = match.groups()
    try:
        if time:
            start = datetime.fromisoformat(text)
            start = start.replace(tzinfo=start.tzinfo or UTC).astimezone(UTC)
            precision = 10.0 ** (1 - len(fraction)) if fraction else 1 if seconds else 60
            return start, start + timedelta(seconds=precision)
        first = date(int(year), int(month or 1), int(day or 1))
        after = date(first.year + 1, 1, 1)
        if month:
            after = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        if day:
            after = first + timedelta(days=1)
    except ValueError as error:
        raise BadSearch(f"{text!r} is no date") from error
    return _midnight(first), _midnight(after)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _prefixed(text: str) -> tuple[str, str]:
    return (text[:2], text[2:]) if text[:2] in _PREFIXES else ("eq", text)


def _at(value: Any, path: list[str]) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _at(item, path)
    elif not path:
        yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from _at(value[path[0]], path[1:])


def _token(value: Any, wanted: str, base: str) -> bool:
    del base
    system, bar, code = wanted.rpartition("|")
    for found_system, found_code in _codings(value):
        if (not code or code == found_code) and (not bar or system == (found_system or "")):
            return True
    return False


def _codings(value: Any) -> Iterator[tuple[str | None, str | None]]:
    """Yield system and code of a CodeableConcept, Coding, Identifier, code or boolean."""
    if isinstance(value, dict):
        if "coding" in value:
            for coding in value["coding"]:
                yield coding.get("system"), coding.get("code")
        else:
            yield value.get("system"), value.get("code", value.get("value"))
    else:
        yield None, str(value).lower() if isinstance(value, bool) else str(value)


def _reference(value: Any, wanted: str, base: str) -> bool:
    found = str(value.get("reference", "")).removeprefix(base + "/")
    wanted = wanted.removeprefix(base + "/")
    return found == wanted or ("/" not in wanted and found.rpartition("/")[2] == wanted)


def _date(value: Any, wanted: str, base: str) -> bool:
    del base
    prefix, text = _prefixed(wanted)
    low, high = span(text)
    start, end = _EVER
    if isinstance(value, dict):
        start = span(value["start"])[0] if "start" in value else start
        end = span(value["end"])[1] if "end" in value else end
    else:
        start, end = span(str(value))
    inside = low <= start and end <= high
    return {
        "eq": inside,
        "ne": not inside,
        "gt": end > high,
        "ge": end > low,
        "lt": start < low,
        "le": start < high,
    }[prefix]
