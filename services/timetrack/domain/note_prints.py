"""Two prints of a note by which notes are compared without being read again: of its facts, and of its words (findings.md 3, 6).

Like facts mean a clone, whatever the headings; the same words with other numbers in many notes a template. The prints go with
the assessment in the entry's event; who compares over patients and months has them all.
"""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b

from services.timetrack.domain.note_kinds import FACT
from services.timetrack.domain.note_text import Sentence, kinds_of

WIDTH = 6
"""Hex digits of one fact in the print of the facts."""

_FEWEST_FACTS = 6
"""Notes with fewer words of fact are alike by chance."""
_MOST_FACTS = 64
_FEWEST_WORDS = 12
"""Shorter notes have the same words by chance."""


def facts_print(sentences: Iterable[Sentence]) -> str:
    """Return the hashes of the different words of fact, sorted, `WIDTH` digits each: numbers, drugs, findings, measures, names.

    Empty for a note with too few of them to compare. Of very many the lowest 64 stand for all.
    """
    found = {_fact(token.text) for sentence in sentences for token in sentence.tokens}
    found.discard("")
    return "".join(sorted(found)[:_MOST_FACTS]) if len(found) >= _FEWEST_FACTS else ""


def words_print(sentences: Iterable[Sentence]) -> str:
    """Return a hash of the words in their order, each number like any other; empty for a short note."""
    words = ["#" if token.number else token.text for sentence in sentences for token in sentence.tokens]
    return _hashed(" ".join(words), 8) if len(words) >= _FEWEST_WORDS else ""


@lru_cache(maxsize=20_000)
def _fact(word: str) -> str:
    """Return the hash of a word of fact; empty for headings and the words of every note."""
    kinds = kinds_of(word)
    fact = word[0].isdigit() or (len(word) > 2 and not kinds) or kinds & FACT
    return _hashed(word, WIDTH // 2) if fact else ""


def _hashed(text: str, size: int) -> str:
    return blake2b(text.encode(), digest_size=size).hexdigest()
