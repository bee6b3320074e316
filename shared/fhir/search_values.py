"""The values of FHIR search parameters: escapes, tokens, dates with prefixes, references (standards.md 3.2)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from shared.fhir.references import parse_reference, same_place
from shared.fhir.times import fhir_time
from shared.kernel.errors import Invalid, Malformed

_SPLIT = {mark: re.compile(rf"((?:[^\\{mark}]|\\.)*+)(?:{mark}|\Z)", re.DOTALL) for mark in (",", r"\|")}
_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)
_ESCAPED = frozenset(",$|\\")
_PREFIX = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb|ap)(?=\d)")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


@dataclass(frozen=True)
class TokenValue:
    """A token: `system` None means any, "" means none; `code` None means any of that system."""

    system: str | None
    code: str | None


@dataclass(frozen=True)
class DateValue:
    """A date with prefix; the text means the instants `[start, end)`.

    A stored instant v matches: eq start ≤ v < end · ne not eq · gt and sa v ≥ end · lt and eb v < start · ge v ≥ start ·
    le v < end. A stored period `[from, until)` matches: eq start ≤ from and until ≤ end · ne not eq · gt until > end ·
    lt from < start · ge until > start · le from < end · sa from ≥ end · eb until ≤ start.
    """

    prefix: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class ReferenceValue:
    """A reference: `type` None means not said; `foreign` means it lies on no base of ours and so matches nothing."""

    type: str | None
    id: str
    foreign: bool = False


@dataclass(frozen=True)
class TextValue:
    """A string, or what a special parameter was given, as it came."""

    text: str


Value = TokenValue | DateValue | ReferenceValue | TextValue


def split(text: str, mark: str) -> list[str]:
    """Split `text` at each `mark` that no backslash escapes; the parts keep their escapes."""
    found: list[str] = []
    position, pattern = 0, _SPLIT["," if mark == "," else r"\|"]
    while True:
        match = pattern.match(text, position)
        if match is None:
            raise Malformed("ends in a lone backslash", rule="search-escape")
        found.append(match[1])
        if match.end() == match.end(1):
            return found
        position = match.end()


def token_value(text: str) -> TokenValue:
    """Read `code`, `system|code`, `|code` or `system|`; Malformed (400) for anything else."""
    parts = [_unescape(part) for part in split(text, "|")]
    if len(parts) == 1 and parts[0]:
        return TokenValue(None, parts[0])
    if len(parts) == 2 and any(parts):
        return TokenValue(parts[0], parts[1] or None)
    raise Malformed("is no token: write code, system|code, |code or system|", rule="search-value")


def date_value(text: str, zone: tzinfo) -> DateValue:
    """Read a date or dateTime with an optional prefix; days are those of `zone`. Malformed (400) for anything else."""
    match = _PREFIX.match(text)
    prefix = match[1] if match else "eq"
    if prefix == "ap":
        raise Malformed("the prefix ap is not supported", rule="search-prefix")
    try:
        found = fhir_time(text[match.end() :] if match else text, expression=None, zone=zone)
    except Invalid as error:
        hint = "; in a URL a + is written %2B" if " " in text else ""
        raise Malformed(f"is no date (a time needs seconds and a zone){hint}", rule="search-value") from error
    return DateValue(prefix, found.start, found.end)


def reference_value(text: str, targets: tuple[str, ...], bases: Iterable[str]) -> ReferenceValue:
    """Read `id`, `Type/id` or an absolute URL that ends so; Malformed (400) for other forms and other types."""
    plain = _unescape(text)
    if _ID.fullmatch(plain):
        return ReferenceValue(targets[0] if len(targets) == 1 else None, plain)
    ref = parse_reference(plain)
    if ref is None or ref.version is not None or (targets and ref.type not in targets):
        wanted = " or ".join(targets) or "a resource"
        raise Malformed(f"is no reference to {wanted}", rule="search-value")
    return ReferenceValue(ref.type, ref.id, foreign=ref.base is not None and not same_place(ref.base, bases))


def text_value(text: str) -> TextValue:
    """Read a string."""
    return TextValue(_unescape(text))


def _unescape(text: str) -> str:
    def plain(match: re.Match[str]) -> str:
        if match[1] not in _ESCAPED or not match[1]:
            raise Malformed("a backslash stands only before , $ | and \\", rule="search-escape")
        return match[1]

    return _ESCAPE.sub(plain, text) if "\\" in text else text
