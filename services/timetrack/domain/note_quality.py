"""Does the documentation of an entry carry it? Called once for every version that is stored (findings.md 3)."""

from dataclasses import dataclass
from enum import StrEnum

from services.timetrack.domain.time_entry import TimeEntry

VERSION = "structured-1"
"""Which check judged; an assessment is only compared with others of its version."""


class Outcome(StrEnum):
    """What the check says: `improve` is one missing element, `fail` two or more."""

    PASS = "pass"  # noqa: S105 - no password
    IMPROVE = "improve"
    FAIL = "fail"
    NOT_COUNTABLE = "not-countable"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class NoteAssessment:
    """The outcome; `missing` names the elements (problem, action, relevance) that lack, `flags` what a person should look at."""

    outcome: Outcome
    missing: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    version: str = VERSION


def assess_note(entry: TimeEntry) -> NoteAssessment:
    """Judge the documentation of `entry` by its elements: problem addressed, action taken, clinical relevance."""
    elements = (("problem", entry.problem), ("action", entry.action_taken), ("relevance", entry.clinical_relevance))
    missing = tuple(name for name, present in elements if not present)
    outcome = (Outcome.PASS, Outcome.IMPROVE, Outcome.FAIL, Outcome.FAIL)[len(missing)]
    return NoteAssessment(outcome, missing)
