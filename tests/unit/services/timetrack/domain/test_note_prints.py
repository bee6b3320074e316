"""What the prints of a note keep and what they leave out (findings.md 3 step 6)."""

from dataclasses import replace

import pytest

from services.timetrack.domain.note_prints import WIDTH, facts_print, words_print
from services.timetrack.domain.note_quality import assess_note
from services.timetrack.domain.note_text import normalise, sentences
from tests.unit.services.timetrack.domain.test_note_quality import ENTRY

GOUT = "Gout flare right great toe since Sunday, ran out of allopurinol. Colchicine 0.6 ok per Dr Bell, recheck Thursday."


def facts(text: str) -> set[str]:
    """Return the facts of a text's print."""
    found = facts_print(sentences(normalise(text)))
    return {found[at : at + WIDTH] for at in range(0, len(found), WIDTH)}


def test_headings_and_common_words_are_no_facts() -> None:
    """The same facts under other headings, in another order, have one print."""
    assert facts(GOUT) == facts(f"Note of the call: {GOUT.upper()}")
    turned = ". ".join(reversed(GOUT.rstrip(".").split(". ")))
    assert facts(turned) == facts(GOUT)


def test_a_retouched_note_keeps_most_of_its_facts() -> None:
    """One word exchanged leaves four fifths; another patient's values do not."""
    retouched = GOUT.replace("Thursday", "Friday")
    assert len(facts(GOUT) & facts(retouched)) / len(facts(GOUT) | facts(retouched)) >= 0.8
    first, second = "BP log 148/84, 156/90, wt 187, A1c 7.2, refill HCTZ", "BP log 122/70, 118/66, wt 165, A1c 9.1, refill HCTZ"
    assert len(facts(first) & facts(second)) / len(facts(first) | facts(second)) < 0.5


@pytest.mark.parametrize("text", ["", "Pt ok.", "BP 150/90, wt 187."])
def test_too_little_to_compare_has_no_print(text: str) -> None:
    """Short notes are alike by chance."""
    assert facts(text) == set()
    assert words_print(sentences(normalise(text))) == ""


def test_words_are_the_same_whatever_the_numbers() -> None:
    """A template with other values has one print of its words, with another word another."""
    one = "Spoke with patient, reviewed BP log 148/84 and weight 187, meds taken, will call again in 7 days."
    other = one.replace("148/84", "122/70").replace("187", "165")
    assert words_print(sentences(normalise(one))) == words_print(sentences(normalise(other))) != ""
    assert words_print(sentences(normalise(one))) != words_print(sentences(normalise(one.replace("weight", "pulse"))))


def test_the_assessment_carries_the_prints() -> None:
    """What is stored of an entry has them, so that whoever compares need not read the note."""
    found = assess_note(replace(ENTRY, note=GOUT))
    assert found.facts_print == facts_print(sentences(normalise(GOUT)))
    assert found.words_print == words_print(sentences(normalise(GOUT)))
