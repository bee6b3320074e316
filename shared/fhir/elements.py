"""The elements of the R4 types, read from the FHIR library's models (integration.md 8: R4B is a fair stand-in)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from fhir.resources.R4B import get_fhir_model_class

from shared.fhir.bindings import NOT_R4_ELEMENTS, REQUIRED
from shared.fhir.primitives import DATES, PRIMITIVES, Check

_PRIMITIVES = {"UuidVersion": "uuid", "Uuid": "uuid", "Base64Binary": "base64Binary", "DateTime": "dateTime"} | {
    "PositiveInt": "positiveInt",
    "UnsignedInt": "unsignedInt",
}
_NAMES = frozenset(("Canonical", "Code", "Date", "Decimal", "Id", "Instant", "Integer", "Markdown", "Oid", "String", "Time"))
_MORE_NAMES = frozenset(("Uri", "Url", "Xhtml"))
_EXTENSION_OF_PRIMITIVE = "FHIRPrimitiveExtensionType"


@dataclass(frozen=True, slots=True)
class Element:
    """One element: the name of its type, whether that is a primitive, whether it repeats, its allowed codes and targets.

    `codes` is None without a required binding; `targets` is None for anything but a Reference to certain types; `plain` is the
    whole check of a single primitive value that has no codes and is no date, else None.
    """

    type: str
    primitive: bool
    many: bool
    codes: frozenset[str] | None
    targets: frozenset[str] | None
    plain: Check | None


@dataclass(frozen=True, slots=True)
class Choice:
    """The elements that stand for one `stem[x]`, of which at most one, and if it is `required` one, may be there."""

    stem: str
    names: frozenset[str]
    required: bool


@dataclass(frozen=True, slots=True)
class Cardinality:
    """What a type must hold: the `required` elements (a primitive one, or an extension that says why not) and the choices."""

    required: tuple[tuple[str, bool], ...]
    choices: tuple[Choice, ...]


@cache
def cardinality(type_name: str) -> Cardinality:
    """Return what the type `type_name` must hold, `required` as (JSON name, is it a primitive); KeyError as `elements`."""
    required: list[tuple[str, bool]] = []
    choices: dict[tuple[str, bool], set[str]] = {}
    for field in _model(type_name).model_fields.values():
        extra: Any = field.json_schema_extra or {}
        if field.alias is None or field.alias in NOT_R4_ELEMENTS:
            continue
        if extra.get("one_of_many"):
            choices.setdefault((extra["one_of_many"], extra["one_of_many_required"]), set()).add(field.alias)
        elif field.is_required() or extra.get("element_required"):
            required.append((field.alias, not field.is_required()))
    return Cardinality(tuple(required), tuple(Choice(stem, frozenset(x), must) for (stem, must), x in choices.items()))


@cache
def elements(type_name: str) -> Mapping[str, Element]:
    """Return the elements of the resource or data type `type_name` by JSON name; KeyError if there is no such type."""
    found: dict[str, Element] = {}
    for field in _model(type_name).model_fields.values():
        name = field.alias
        if name is None or name in NOT_R4_ELEMENTS:
            continue
        extra: Any = field.json_schema_extra or {}
        kinds = list(_kinds(field.annotation))
        kind = next(name for name in map(_type_name, kinds) if name)
        targets = frozenset(extra.get("enum_reference_types", ())) if kind == "Reference" else frozenset()
        many = any(str(part).startswith("typing.List[") for part in (field.annotation, *get_args(field.annotation)))
        codes = REQUIRED.get((type_name, name))
        found[name] = Element(
            type=kind,
            primitive=kind[0].islower(),
            many=many,
            codes=codes,
            targets=targets if targets and "Resource" not in targets else None,
            plain=PRIMITIVES.get(kind) if not many and codes is None and kind not in DATES else None,
        )
    return found


def _model(type_name: str) -> type[Any]:
    try:
        model: type[Any] = get_fhir_model_class(type_name)
    except (ValueError, KeyError) as error:
        raise KeyError(type_name) from error
    return model


def _kinds(annotation: Any) -> Iterator[Any]:
    """Yield an annotation, its arguments and what `Annotated` says of them, innermost last."""
    yield annotation
    for part in get_args(annotation):
        yield from _kinds(part)
    yield from getattr(annotation, "__metadata__", ())


def _type_name(kind: Any) -> str | None:
    if kind is bool:
        return "boolean"
    name = kind.__name__ if isinstance(kind, type) else type(kind).__name__
    if name == _EXTENSION_OF_PRIMITIVE:
        return "Element"
    if name in _PRIMITIVES:
        return _PRIMITIVES[name]
    if name in _NAMES or name in _MORE_NAMES:
        return name.lower()
    return name.removesuffix("Type") if hasattr(kind, "get_model_klass") else None
