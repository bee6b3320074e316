"""Strict JSON in, exact JSON out (standards.md 3.1: JSON strictness, decimals)."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

import msgspec

from shared.kernel.errors import Malformed

MAX_DEPTH = 64
_MAX_INTEGER_DIGITS = 18
_MAX_DECIMAL_LENGTH = 64
_MAX_EXPONENT = 64
_QUOTED = 120

Keys = tuple[str | int, ...]

_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_ESCAPED_TROUBLE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_TROUBLE = re.compile("[\x00\ud800-\udfff]")


class _DuplicateKey(Exception):
    """An object names a key twice."""


class _Doubled(dict[str, Any]):
    """Marks an object that names `key` twice, while its place is looked for."""

    key: str


def parse(body: bytes) -> dict[str, Any]:
    """Read one JSON object strictly; its decimals become `Decimal` with every digit that was sent.

    Malformed (400) for anything else: not UTF-8, a byte order mark, trailing text, a duplicate key, NaN or Infinity, a
    number out of reason, U+0000 or half a surrogate pair, more than 64 levels. The issue names the rule and the place.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"the body is not UTF-8: byte {error.start} cannot be read", rule="json-utf-8") from error
    if text.count("{") + text.count("[") > MAX_DEPTH:
        _refuse_depth(text)
    try:
        value = _STRICT.decode(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Malformed(
            f"the body is not JSON: {error.msg.lower().removesuffix(' at')} at {where}", rule="json-syntax"
        ) from error
    except _DuplicateKey as error:
        raise _duplicate(text) from error
    if not isinstance(value, dict):
        raise Malformed("the body is not a JSON object", rule="json-object")
    if _ESCAPED_TROUBLE.search(text):
        _refuse_trouble(value)
    return value


def dump(value: Any) -> bytes:
    """Write JSON as UTF-8 bytes; a `Decimal` is written as a number with all its digits (105.00 stays 105.00)."""
    return _ENCODER.encode(value)


def place(root: str, keys: Keys) -> str:
    """Write the place `keys` below `root` as a FHIRPath: `Task`, ("note", 0, "text") → `Task.note[0].text`."""
    return root + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)


def walk(value: Any, keys: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Yield every value inside `value`, itself included, with the keys that lead to it."""
    yield keys, value
    if isinstance(value, dict):
        for key, below in value.items():
            yield from walk(below, (*keys, key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from walk(below, (*keys, index))


def _refuse_depth(text: str) -> None:
    depth = 0
    for match in _TOKEN.finditer(text):
        mark = match[0]
        if mark in "{[":
            depth += 1
            if depth > MAX_DEPTH:
                raise Malformed(f"nested deeper than {MAX_DEPTH} levels, at character {match.start()}", rule="json-depth")
        elif mark in "}]":
            depth -= 1


def _refuse_trouble(value: dict[str, Any]) -> None:
    for keys, found in walk(value):
        texts = found if isinstance(found, dict) else (found,)
        if any(isinstance(text, str) and _TROUBLE.search(text) for text in texts):
            raise Malformed(
                "holds U+0000 or half a surrogate pair, which is no text",
                rule="json-character",
                expression=_expression(value, keys),
            )


def _duplicate(text: str) -> Malformed:
    try:
        value = _MARKING.decode(text)
    except json.JSONDecodeError:
        return Malformed("a key is there twice, and what follows is not JSON", rule="json-duplicate-key")
    keys = next((*keys, found.key) for keys, found in walk(value) if isinstance(found, _Doubled))
    expression = _expression(value, keys)
    return Malformed(f"{expression} is there twice", rule="json-duplicate-key", expression=expression)


def _expression(value: Any, keys: Keys) -> str:
    root = value.get("resourceType") if isinstance(value, dict) else None
    return _cleaned(place(root if isinstance(root, str) else "$this", keys))


def _cleaned(text: str) -> str:
    return _TROUBLE.sub("\ufffd", text)[:_QUOTED]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _DuplicateKey
    return found


def _mark_doubled(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    doubled = _Doubled(found)
    names = [key for key, _ in pairs]
    doubled.key = next(name for name in names if names.count(name) > 1)
    return doubled


def _integer(text: str) -> int | Decimal:
    if len(text.lstrip("-")) > _MAX_INTEGER_DIGITS:
        raise Malformed(f"the number {text[:_QUOTED]} has more than {_MAX_INTEGER_DIGITS} digits", rule="json-number")
    return int(text) if text != "-0" else Decimal(text)


def _decimal(text: str) -> Decimal:
    if len(text) <= _MAX_DECIMAL_LENGTH:
        with suppress(InvalidOperation):  # an exponent that even Decimal does not hold
            value = Decimal(text)
            if abs(value.adjusted()) <= _MAX_EXPONENT:
                return value
    raise Malformed(f"the number {text[:_QUOTED]} is too long, too large or too small", rule="json-number")


def _constant(text: str) -> NoReturn:
    raise Malformed(f"{text} is no JSON number", rule="json-number")


_STRICT = json.JSONDecoder(object_pairs_hook=_object, parse_float=_decimal, parse_int=_integer, parse_constant=_constant)
_MARKING = json.JSONDecoder(object_pairs_hook=_mark_doubled, parse_float=str, parse_int=str)
_ENCODER = msgspec.json.Encoder(decimal_format="number")
