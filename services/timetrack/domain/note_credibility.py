"""What only several entries show: cloned notes, templates, uniform totals, months of attempts, long staff days, late notes.

Pure functions over what is already written (findings.md 3, step 6 and rows 17 and 18). None of it fails an entry: each suspicion
sends entries to a person. Amounts that a payer chose are arguments.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from services.timetrack.domain.note_quality import Outcome
from services.timetrack.domain.note_text import normalise, sentences

_FACT_KINDS = frozenset({"drug", "symptom", "measure", "thing", "means"})
_FEWEST_FACTS = 4
"""Notes with fewer words of fact are alike by chance."""
_COMMON = 50
"""A word of fact in more notes than this does not link two of them."""


@dataclass(frozen=True, slots=True)
class WrittenEntry:
    """An entry as this module needs it: `text` is all its words, `day` its local day, `written` the local day of writing."""

    entry_id: str
    patient: str
    performer: str
    day: date
    seconds: int
    written: date
    text: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What a person should look at: `kind` (clone, template, uniform, attempts, long-day, late), in plain words.

    `concerns` are entry ids; for `uniform` patients.
    """

    kind: str
    concerns: tuple[str, ...]
    text: str


def facts_of(text: str) -> frozenset[str]:
    """Return the words of fact in a text: numbers, drugs, findings, measures, things, names; no headings, no common phrases."""
    found = set()
    for sentence in sentences(normalise(text)):
        for token in sentence.tokens:
            named = len(token.text) > 2 and not token.kinds
            if token.number or named or token.kinds & _FACT_KINDS:
                found.add(token.text)
    return frozenset(found)


def clones(entries: Sequence[WrittenEntry], *, likeness: float = 0.8) -> tuple[Suspicion, ...]:
    """Return pairs of notes near-identical in their facts: one patient's on different days, or two patients'.

    `likeness` is the shared part of all words of fact of both notes. Parts of one stretch (one patient, one day) are no clones.
    """
    facts = [facts_of(entry.text) for entry in entries]
    found = []
    for first, second, shared in _sharing(facts):
        one, other = entries[first], entries[second]
        if (one.patient, one.day) == (other.patient, other.day):
            continue
        if shared / len(facts[first] | facts[second]) >= likeness:
            whose = "the same patient" if one.patient == other.patient else "another patient"
            text = f"The note of {other.day} tells the same facts as the note of {one.day} for {whose}."
            found.append(Suspicion("clone", (one.entry_id, other.entry_id), text))
    return tuple(found)


def _sharing(facts: Sequence[frozenset[str]]) -> Iterator[tuple[int, int, int]]:
    """Each pair of notes with enough facts that share one that is not common, with how many they share."""
    holders: dict[str, list[int]] = defaultdict(list)
    for at, words in enumerate(facts):
        if len(words) >= _FEWEST_FACTS:
            for word in words:
                holders[word].append(at)
    pairs = {
        (first, second)
        for notes in holders.values()
        if len(notes) <= _COMMON
        for place, first in enumerate(notes)
        for second in notes[place + 1 :]
    }
    for first, second in sorted(pairs):
        yield first, second, len(facts[first] & facts[second])


def templates(entries: Iterable[WrittenEntry], *, least: int = 3) -> tuple[Suspicion, ...]:
    """Return the texts that stand word for word in `least` or more entries (their numbers may differ)."""
    same: dict[str, list[WrittenEntry]] = defaultdict(list)
    for entry in entries:
        if shape := _shape(entry.text):
            same[shape].append(entry)
    return tuple(
        Suspicion("template", tuple(entry.entry_id for entry in group), f"{len(group)} notes have the same words.")
        for group in same.values()
        if len(group) >= least
    )


def _shape(text: str) -> str:
    return " ".join("#" if token.number else token.text for sentence in sentences(normalise(text)) for token in sentence.tokens)


def uniform_totals(
    totals: Mapping[str, int], *, threshold_seconds: int, window_seconds: int = 90, share: float = 0.5, least: int = 8
) -> Suspicion | None:
    """Return a suspicion if many month totals (patient → seconds) end just past the payer's threshold.

    It needs `least` totals that reach the threshold, of which more than `share` lie within `window_seconds` above it.
    """
    reached = {patient: total for patient, total in totals.items() if total >= threshold_seconds}
    just = sorted(patient for patient, total in reached.items() if total < threshold_seconds + window_seconds)
    if len(reached) < least or len(just) <= share * len(reached):
        return None
    text = f"{len(just)} of {len(reached)} patients end the month within {window_seconds} s above the threshold."
    return Suspicion("uniform", tuple(just), text)


def attempts_only(entries: Sequence[WrittenEntry]) -> Suspicion | None:
    """Return a suspicion if a patient's month consists of entries without a countable act: attempts, voicemails, errands."""
    if not entries or any(entry.outcome is not Outcome.NOT_COUNTABLE for entry in entries):
        return None
    return Suspicion("attempts", tuple(entry.entry_id for entry in entries), "No contact and no countable act this month.")


def long_staff_days(entries: Iterable[WrittenEntry], *, limit_seconds: int = 8 * 60 * 60) -> tuple[Suspicion, ...]:
    """Return the days on which one performer's entries together exceed `limit_seconds` (row 17)."""
    days: dict[tuple[str, date], list[WrittenEntry]] = defaultdict(list)
    for entry in entries:
        days[entry.performer, entry.day].append(entry)
    return tuple(
        Suspicion(
            "long-day",
            tuple(entry.entry_id for entry in worked),
            f"{performer} logged {sum(entry.seconds for entry in worked)} s on {day}.",
        )
        for (performer, day), worked in sorted(days.items())
        if sum(entry.seconds for entry in worked) > limit_seconds
    )


def late_notes(entries: Iterable[WrittenEntry], *, after: timedelta = timedelta(days=7)) -> tuple[Suspicion, ...]:
    """Return the entries written more than `after` their day, or after the end of their month (step 6)."""
    found = []
    for entry in entries:
        month_over = (entry.written.year, entry.written.month) > (entry.day.year, entry.day.month)
        if entry.written - entry.day > after or month_over:
            found.append(Suspicion("late", (entry.entry_id,), f"Written on {entry.written} for {entry.day}."))
    return tuple(found)
