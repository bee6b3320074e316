"""What a JSON value must be for each R4 primitive type; the FHIR library coerces, this does not (integration.md 8)."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

_DATE = r"\d{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?"
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?"
_ZONE = r"(?:Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))"
_BASE64 = re.compile(r"(?:[0-9A-Za-z+/]{4})*(?:[0-9A-Za-z+/]{2}==|[0-9A-Za-z+/]{3}=)?")
_TEXT = r"(?=.*\S)[^\x00-\x08\x0b\x0c\x0e-\x1f]+"

Check = Callable[[Any], bool]


def _text(pattern: str, flags: int = 0) -> Check:
    matches = re.compile(pattern, flags | re.ASCII if flags == 0 else flags).fullmatch

    def check(value: Any) -> bool:
        return type(value) is str and matches(value) is not None

    return check


def _whole(least: int, most: int = 2**31 - 1) -> Check:
    def check(value: Any) -> bool:
        return type(value) is int and least <= value <= most

    return check


def _base64(value: Any) -> bool:
    return type(value) is str and _BASE64.fullmatch("".join(value.split())) is not None and not value.isspace()


_string = _text(_TEXT, re.DOTALL)

DATES = frozenset({"date", "dateTime", "instant"})
"""The types whose values name a day."""

PRIMITIVES: Mapping[str, Check] = {
    "boolean": lambda value: type(value) is bool,
    "integer": _whole(-(2**31)),
    "unsignedInt": _whole(0),
    "positiveInt": _whole(1),
    "decimal": lambda value: type(value) is int or type(value) is Decimal,
    "string": _string,
    "markdown": _string,
    "xhtml": _string,
    "code": _text(r"\S+(?:\s\S+)*", re.UNICODE),
    "id": _text(r"[A-Za-z0-9\-.]{1,64}"),
    "uri": _text(r"\S+", re.UNICODE),
    "url": _text(r"\S+", re.UNICODE),
    "canonical": _text(r"\S+", re.UNICODE),
    "oid": _text(r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+"),
    "uuid": _text(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    "base64Binary": _base64,
    "date": _text(_DATE),
    "dateTime": _text(rf"{_DATE}|\d{{4}}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T{_CLOCK}{_ZONE}"),
    "instant": _text(rf"\d{{4}}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T{_CLOCK}{_ZONE}"),
    "time": _text(_CLOCK),
}
"""Primitive type → whether a JSON value is one of its values (its text only: that a day exists, the library checks)."""
