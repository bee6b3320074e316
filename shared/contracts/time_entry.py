"""Owner: timetrack. `ccm.time-entry.{logged|amended|voided}.v1`"""

from datetime import date
from typing import Literal

from shared.contracts.base import Instant, Payload, Person

TYPES = tuple(f"ccm.time-entry.{fact}.v1" for fact in ("logged", "amended", "voided"))


class Problem(Payload):
    """The problem that the work addressed: the EHR's Condition id, its codes (system|code), the words."""

    condition: str | None = None
    codes: tuple[str, ...] = ()
    text: str | None = None


class NoteAssessment(Payload):
    """What the documentation check of timetrack said of the entry, with the check's version (findings.md 3).

    `missing` names the elements (problem, action, relevance) that the note lacks; `flags` what a person should look at.

    Notes are compared by two prints: `facts_print` has the sorted hashes of the different facts, six hex digits each,
    `words_print` is a hash of the words with any number like any other; either is empty where there is too little to compare.
    """

    outcome: Literal["pass", "improve", "fail", "not-countable", "incomplete"]
    missing: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    version: str
    facts_print: str = ""
    words_print: str = ""


class TimeEntryState(Payload):
    """One stretch of one performer's time for one patient, whole, at a version.

    Either `start` and `end` (aware UTC, half-open) or, for an entry known by its day only, `day`; `seconds` is always
    there: end - start, or the sender's statement. `written_at` is when this version was written, `first_written_at` when the
    first was. `gap_seconds` is idle time that a person chose to keep.
    """

    entry_id: str
    version: int
    patient: str
    status: Literal["completed", "entered-in-error"]
    change: Literal["logged", "amended", "voided"]
    performer: Person
    role: str
    directed_by: str | None = None
    program: str
    activity: str
    start: Instant | None = None
    end: Instant | None = None
    day: date | None = None
    seconds: int
    basis: Literal["measured", "measured-with-gap", "asserted"]
    gap_seconds: int = 0
    asserted_reason: str | None = None
    problem: Problem = Problem()
    additional_problems: tuple[Problem, ...] = ()
    action_taken: str | None = None
    clinical_relevance: str | None = None
    note: str | None = None
    note_assessment: NoteAssessment | None = None
    group: str | None = None
    encounter: str | None = None
    external_ids: tuple[str, ...] = ()
    author: str
    written_at: Instant
    first_written_at: Instant
    reason: str | None = None
