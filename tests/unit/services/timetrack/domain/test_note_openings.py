"""A phrase is looked for only where a word can open it, and nothing is missed by that."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.timetrack.domain.note_openings import Phrase
from services.timetrack.domain.note_phrases import PHRASES
from services.timetrack.domain.note_text import Words, normalise, sentences
from tests.notes.scoring import read_corpus, read_practice


def parts(text: str) -> list[Words]:
    """Return the sentences and clauses of a note, or what of it makes some."""
    return [part for sentence in sentences(normalise(text)) for part in (sentence, *sentence.clauses)]


def missed(text: str) -> list[tuple[str, str]]:
    return [
        (part.text, phrase.pattern.pattern)
        for part in parts(text)
        for phrase in PHRASES
        if not part.opens & phrase.bit and phrase.pattern.search(part.text)
    ]


@pytest.mark.requirement("rules-5")
def test_no_phrase_of_a_note_is_missed() -> None:
    texts = ["\n".join(filter(None, (note.note, note.action, note.relevance))) for note in read_corpus()] + [
        text for _, text in read_practice()
    ]
    assert [found for text in texts for found in missed(text)] == []
    opened = sum(part.opens.bit_count() for text in texts for part in parts(text))
    assert opened < 0.25 * sum(len(PHRASES) for text in texts for _ in parts(text))


@pytest.mark.requirement("rules-5")
@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(PHRASES).flatmap(lambda phrase: st.from_regex(phrase.pattern, alphabet=st.characters(codec="ascii"))),
    st.sampled_from(["", "pt ", "5", "x/", "a-", "can't ", "bp 5->", "2. "]),
)
def test_nothing_that_a_phrase_matches_is_missed(found: str, before: str) -> None:
    assert missed(before + found) == []


@pytest.mark.parametrize("pattern", [r"\w+ now", r"[a-z]+", r"\(a", r"\b[,;] ?was", r".x", r" dr", r"é"])
def test_a_phrase_that_anything_may_open_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="can start with"):
        Phrase(pattern)


@pytest.mark.parametrize(
    ("pattern", "opening", "other"),
    [
        (r"\b(?:told|asked) (?:him|her)\b", ["told", "asked/told"], ["tolding", "tol", "him", "5"]),
        (r"(?<![a-z])skip\w*(?![a-z])", ["skip", "skipped"], ["ski", "askip"]),
        (r"\bx ?\d+|\d+ ?u\b", ["x", "x2", "5", "b-5"], ["xa", "u"]),
        (r"->|[+]\d", ["->", "+"], ["a", "%"]),
        (r"^(?:and |to )*wash\b", ["and", "to", "wash"], ["washed", "hands"]),
    ],
)
def test_what_opens_a_phrase(pattern: str, opening: list[str], other: list[str]) -> None:
    phrase = Phrase(pattern)
    assert [word for word in opening if not phrase.opened_by(word)] == []
    assert [word for word in other if phrase.opened_by(word)] == []
