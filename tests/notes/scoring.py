"""Read the labelled notes and count how the rules agree with the labels.

A note's id is a hash of its words; its last digit decides its half, so nobody chose which notes are scored. An even digit is the
scored half, whose errors were not looked at while the rules were written; `README.md` keeps the history.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from services.timetrack.domain.note_quality import NoteAssessment, judge

HERE = Path(__file__).parent


@dataclass(frozen=True)
class LabelledNote:
    """A note, its author's label, the blind reader's and the settled one (`pass`, `improve relevance`, `not-countable`)."""

    id: str
    lang: str
    kind: str
    hard: bool
    minutes: int
    note: str
    problem: str | None
    action: str | None
    relevance: str | None
    first: str
    blind: str
    label: str

    @property
    def scored(self) -> bool:
        """Is it of the half that the rules were not tuned on?"""
        return int(self.id[-1], 16) % 2 == 0

    @property
    def acceptable(self) -> bool:
        return self.label == "pass"

    def judged(self) -> NoteAssessment:
        """What the rules say of it."""
        return judge(self.note, self.action, self.relevance, linked=self.problem is not None, seconds=self.minutes * 60)


@dataclass(frozen=True)
class Score:
    """Agreement on pass against not-pass; `outcomes` is the share whose outcome (pass, improve, fail, not-countable) is right."""

    notes: int
    true_pass: int
    false_pass: int
    missed_pass: int
    outcomes: float

    @property
    def precision(self) -> float:
        return self.true_pass / max(self.true_pass + self.false_pass, 1)

    @property
    def recall(self) -> float:
        return self.true_pass / max(self.true_pass + self.missed_pass, 1)


def read_corpus(folder: Path = HERE) -> list[LabelledNote]:
    """Return all notes in the order of the files; a note that two labels agree on has that label, any other the settled one.

    Raises:
        KeyError: a note without one of the labels, or one on which they differ that nobody settled.
    """
    first, blind = (_yaml(folder / "labels" / f"{name}.yaml") for name in ("first", "blind"))
    settled = read_settled(folder)
    raw = [note for path in sorted((folder / "corpus").glob("*.yaml")) for note in _yaml(path)]
    return [
        LabelledNote(
            **{"problem": None, "action": None, "relevance": None} | note,
            first=first[note["id"]],
            blind=blind[note["id"]],
            label=first[note["id"]] if first[note["id"]] == blind[note["id"]] else settled[note["id"]],
        )
        for note in raw
    ]


def read_settled(folder: Path = HERE) -> dict[str, str]:
    """Return by id the labels of the notes on which the two labellings differ."""
    settled: dict[str, str] = _yaml(folder / "labels" / "settled.yaml")
    return settled


def read_practice(folder: Path = HERE) -> list[tuple[bool, str]]:
    """Return the notes to tune on: acceptable or not, and the words."""
    return [(note["acceptable"], note["note"]) for note in _yaml(folder / "practice.yaml")]


def content_id(note: LabelledNote) -> str:
    """Return the id that a note's words give."""
    words = "\x1f".join((note.note, note.problem or "", note.action or "", note.relevance or ""))
    return sha256(words.encode()).hexdigest()[:8]


def score(notes: Iterable[LabelledNote]) -> Score:
    """Judge the notes and compare."""
    judged = [(note, note.judged().outcome.value) for note in notes]
    return Score(
        notes=len(judged),
        true_pass=sum(note.acceptable and outcome == "pass" for note, outcome in judged),
        false_pass=sum(not note.acceptable and outcome == "pass" for note, outcome in judged),
        missed_pass=sum(note.acceptable and outcome != "pass" for note, outcome in judged),
        outcomes=sum(note.label.split()[0] == outcome for note, outcome in judged) / max(len(judged), 1),
    )


@dataclass(frozen=True)
class Agreement:
    """How far the two labellings agree: Cohen's kappa on pass or not, and on the outcome; on how many notes each differs."""

    notes: int
    acceptable: float
    outcome: float
    acceptable_differs: int
    outcome_differs: int


def agreement(notes: Iterable[LabelledNote]) -> Agreement:
    """Compare the two labellings, before anything was settled."""
    outcomes = [(note.first.split()[0], note.blind.split()[0]) for note in notes]
    acceptable = [(str(first == "pass"), str(blind == "pass")) for first, blind in outcomes]
    return Agreement(
        notes=len(outcomes),
        acceptable=kappa(acceptable),
        outcome=kappa(outcomes),
        acceptable_differs=sum(first != blind for first, blind in acceptable),
        outcome_differs=sum(first != blind for first, blind in outcomes),
    )


def kappa(pairs: Iterable[tuple[str, str]]) -> float:
    """Cohen's kappa of two labellings."""
    both = list(pairs)
    agreed = sum(one == other for one, other in both) / len(both)
    names = {name for pair in both for name in pair}
    chance = sum(
        (sum(one == name for one, _ in both) / len(both)) * (sum(other == name for _, other in both) / len(both))
        for name in names
    )
    return (agreed - chance) / (1 - chance)


def _yaml(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


FRESH: frozenset[str] = frozenset(
    note["id"] for path in sorted((HERE / "corpus").glob("1*_fresh_*.yaml")) for note in _yaml(path)
)
"""Written after the first rules and labelled before being judged."""

PARTS: Mapping[str, Callable[[LabelledNote], bool]] = {
    "all": lambda note: True,
    "hard": lambda note: note.hard,
    "wordy-vague": lambda note: note.kind == "wordy",
    "terse": lambda note: note.kind == "terse",
    "English": lambda note: note.lang == "en",
    "Spanish": lambda note: note.lang == "es",
    "structured": lambda note: bool(note.problem or note.action or note.relevance),
    "fresh": lambda note: note.id in FRESH,
}
