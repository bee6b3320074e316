"""The documentation check agrees with the labels on the half of the corpus that its rules were not tuned on."""

import pytest

from services.timetrack.domain.note_quality import Outcome, judge
from tests.notes.scoring import PARTS, LabelledNote, agreement, content_id, read_corpus, read_practice, read_settled, score


@pytest.fixture(scope="module")
def corpus() -> list[LabelledNote]:
    return read_corpus()


@pytest.fixture(scope="module")
def scored(corpus: list[LabelledNote]) -> list[LabelledNote]:
    return [note for note in corpus if note.scored]


@pytest.mark.requirement("rules-5")
def test_the_corpus_is_large_mixed_and_split_by_its_own_words(corpus: list[LabelledNote]) -> None:
    assert len(corpus) >= 600
    assert 0.4 <= sum(note.acceptable for note in corpus) / len(corpus) <= 0.6
    assert all(note.id == content_id(note) for note in corpus)
    assert len({note.id for note in corpus}) == len(corpus)
    assert all(sum(belongs(note) for note in corpus) >= 30 for belongs in PARTS.values())


@pytest.mark.requirement("rules-5")
@pytest.mark.parametrize("part", ["all", "hard", "Spanish"])
def test_the_two_labellings_agree(corpus: list[LabelledNote], part: str) -> None:
    got = agreement(note for note in corpus if PARTS[part](note))
    assert got.acceptable >= 0.9
    assert got.outcome >= 0.8


@pytest.mark.requirement("rules-5")
def test_nothing_is_settled_that_the_two_labellings_agree_on(corpus: list[LabelledNote]) -> None:
    assert set(read_settled()) == {note.id for note in corpus if note.first != note.blind}


@pytest.mark.requirement("rules-5")
@pytest.mark.parametrize(
    ("part", "precision", "recall"),
    [("all", 0.95, 0.95), ("English", 0.95, 0.95), ("Spanish", 0.95, 0.9), ("terse", 0.95, 0.9), ("hard", 0.95, 0.95)],
)
def test_precision_and_recall_on_the_scored_half(scored: list[LabelledNote], part: str, precision: float, recall: float) -> None:
    got = score(note for note in scored if PARTS[part](note))
    assert got.precision >= precision
    assert got.recall >= recall


@pytest.mark.requirement("rules-5")
def test_no_long_empty_note_passes(scored: list[LabelledNote]) -> None:
    got = score(note for note in scored if PARTS["wordy-vague"](note))
    assert got.notes >= 30
    assert got.false_pass == 0


@pytest.mark.requirement("rules-5")
def test_the_notes_to_practise_on_stay_learnt() -> None:
    practice = read_practice()
    wrong = [note for acceptable, note in practice if (judge(note).outcome is Outcome.PASS) is not acceptable]
    assert len(wrong) <= 0.03 * len(practice), wrong
