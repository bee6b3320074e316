"""SMART scopes: read strictly, never widened (integration.md 10; standards.md 1.6)."""

import re
from collections.abc import Iterable
from functools import lru_cache

_V2 = re.compile(r"(?P<context>patient|user|system)/(?P<type>\*|[A-Z][A-Za-z]+)\.(?P<letters>c?r?u?d?s?)\Z")
_V1 = re.compile(r"(?P<context>patient|user|system)/(?P<type>\*|[A-Z][A-Za-z]+)\.(?P<word>read|write|\*)\Z")
_V1_LETTERS = {"read": "rs", "write": "cud", "*": "cruds"}
_OWN = re.compile(r"careledger/[a-z.]+\Z")


def parse_scope(scope: str) -> frozenset[str]:
    """Return the single rights of one scope (`system/Task.cr` → `system/Task.c`, `system/Task.r`); none if not understood.

    A scope with a query (`?…`) is not understood: we would not enforce it, so it grants nothing.
    """
    if _OWN.match(scope):
        return frozenset({scope})
    if match := _V1.match(scope):
        letters = _V1_LETTERS[match["word"]]
    elif (match := _V2.match(scope)) and match["letters"]:
        letters = match["letters"]
    else:
        return frozenset()
    return frozenset(f"{match['context']}/{match['type']}.{letter}" for letter in letters)


@lru_cache(maxsize=1024)
def parse_scopes(text: str) -> frozenset[str]:
    """Return the single rights of a space-separated list."""
    return frozenset().union(*(parse_scope(scope) for scope in text.split()))


def covers(held: Iterable[str], right: str) -> bool:
    """Tell whether `held` (single rights) include `right`; a wildcard type covers FHIR types only."""
    rights = held if isinstance(held, frozenset) else frozenset(held)
    if right in rights:
        return True
    context, slash, rest = right.partition("/")
    return slash == "/" and context in ("patient", "user", "system") and f"{context}/*.{rest.rpartition('.')[2]}" in rights


def granted(requested: str, allowed: Iterable[str]) -> frozenset[str]:
    """Return requested ∩ allowed as single rights; a requested wildcard is narrowed to the types that are allowed."""
    allowed_rights = frozenset().union(*(parse_scope(scope) for scope in allowed))
    given = set()
    for right in parse_scopes(requested):
        if covers(allowed_rights, right):
            given.add(right)
        elif "/*." in right:
            context, letter = right.split("/")[0], right.rpartition(".")[2]
            given |= {r for r in allowed_rights if r.startswith(f"{context}/") and r.endswith(f".{letter}")}
    return frozenset(given)


def scope_text(rights: Iterable[str]) -> str:
    """Write single rights as a scope string, letters joined in the order c r u d s."""
    letters: dict[str, str] = {}
    own = []
    for right in sorted(rights):
        if right.startswith("careledger/"):
            own.append(right)
        else:
            kind, _, letter = right.rpartition(".")
            letters[kind] = letters.get(kind, "") + letter
    return " ".join([f"{kind}.{''.join(x for x in 'cruds' if x in held)}" for kind, held in sorted(letters.items())] + own)
