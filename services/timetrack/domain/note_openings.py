"""Which words can open a phrase, read from its pattern: a search is made only where one of them stands.

Most words open no phrase, and what a word opens is found out once for all notes: so most searches are never made. The reading
of a pattern errs on one side only: of what it does not understand it says that anything may open it.
"""

import re
from collections.abc import Iterator
from itertools import count
from re import _constants as op  # type: ignore[attr-defined]  # how the standard library itself reads a pattern
from re import _parser as reader  # type: ignore[attr-defined]
from typing import Any

_LONGEST = 6
_SIGNS = frozenset("→↑↓←=+@&#$%<>-")
"""What a note keeps as words besides letters and digits; of a hyphen, only that of an arrow."""
_STARTS = re.compile(r"[a-z]+|\d|[^a-z\d]")
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz")
_NUMBERS = count()


class Phrase:
    """A turn of phrase: its pattern, which must not match within a word, what can open it, and its own bit in `Words.opens`."""

    def __init__(self, pattern: str) -> None:
        """ValueError if it can start with anything, or with a sign that a note does not keep as a word."""
        self.pattern = re.compile(pattern)
        heads = set(_heads(list(reader.parse(pattern)), ""))
        if unread := {head for head in heads if head[0] not in _LETTERS | _SIGNS | {"0"}}:
            raise ValueError(f"can start with {sorted(unread)}: {pattern[:60]}")
        self.bit = 1 << next(_NUMBERS)
        self._whole = frozenset(heads)
        self._stems = tuple(head[:-1] for head in heads if head[-1] == "*")

    def opened_by(self, word: str) -> bool:
        """Tell whether the phrase may start in a word of a normalised note."""
        if word[0].isdigit() and word[-1].isalpha():
            return True  # it may have been cut within a word: "5th" of "5 thousand"
        starts = ("0" if start.isdigit() else start for start in _STARTS.findall(word))
        return any(start in self._whole or start.startswith(self._stems) for start in starts)


def _heads(items: list[Any], head: str) -> Iterator[str]:
    """Yield what can stand at the start: a whole word, the begin of one with `*`, a sign, or 0 for a digit."""
    while items and len(head) < _LONGEST:
        (kind, value), items = items[0], items[1:]
        if kind is op.LITERAL and chr(value) in _LETTERS:
            head += chr(value)
        elif kind is op.AT and head and value in (op.AT_BOUNDARY, op.AT_END):
            yield head
            return
        elif kind not in (op.AT, op.ASSERT, op.ASSERT_NOT):
            yield from _ways(kind, value, items, head)
            return
    yield head + "*"


def _ways(kind: Any, value: Any, items: list[Any], head: str) -> Iterator[str]:
    if kind is op.SUBPATTERN:
        yield from _heads([*value[3], *items], head)
    elif kind is op.BRANCH:
        for way in value[1]:
            yield from _heads([*way, *items], head)
    elif kind in (op.MAX_REPEAT, op.MIN_REPEAT):
        least, most, repeated = value
        if least == 0:
            yield from _heads(items, head)
        yield from _heads([*repeated, *(items if most == 1 else [(op.ANY, None)])], head)
    elif kind is op.LITERAL:
        yield head or ("0" if chr(value).isdigit() else chr(value))
    elif kind is op.IN:
        for inner, sign in value:
            yield from _sign(inner, sign, items, head)
    else:
        yield head + "*"


def _sign(kind: Any, value: Any, items: list[Any], head: str) -> Iterator[str]:
    """Go on with one character, or class of characters, of a set."""
    if kind is op.LITERAL:
        yield from _heads([(kind, value), *items], head)
    elif value is op.CATEGORY_DIGIT:
        yield head or "0"
    else:
        yield head or " " if value is op.CATEGORY_SPACE else head + "*"
