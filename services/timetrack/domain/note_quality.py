"""Does the documentation of an entry carry it? Called once for every version that is stored (findings.md 3).

The procedure stops at the first No: identity, a countable act, the problem, the action, the relevance. What `action_taken` and
`clinical_relevance` say is read as part of the note. A linked problem by itself counts only if the rest is about it, that is,
tells an act or a fact. Length, spelling, abbreviations and the language (English, Spanish) never matter.
"""

from dataclasses import dataclass
from enum import StrEnum

from services.timetrack.domain.note_prints import facts_print, words_print
from services.timetrack.domain.note_reading import Reading, read_note
from services.timetrack.domain.time_entry import TimeEntry
from shared.kernel.vocabulary import Activity

VERSION = "note-rules-2"
"""Which check judged; an assessment is only compared with others of its version."""

PROBLEM, ACTION, RELEVANCE = "problem", "action", "relevance"
TIME_FLAG = "time"
"""The minutes are far beyond what the note tells: for a person to look at."""

_NOT_COUNTABLE = frozenset(
    {Activity.OUTREACH_ATTEMPT, Activity.SCHEDULING, Activity.CLERICAL, Activity.BILLING_WORK, Activity.AUTOMATED}
)
"""By choosing one of these the author says that it was no countable act."""

_SECONDS_PER_ACT = 10 * 60
_SECONDS_FOR_A_SENTENCE = 20 * 60


class Outcome(StrEnum):
    """What the check says: `improve` is one missing element, `fail` two or more."""

    PASS = "pass"  # noqa: S105 - no password
    IMPROVE = "improve"
    FAIL = "fail"
    NOT_COUNTABLE = "not-countable"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class NoteAssessment:
    """The outcome; `missing` names the elements (problem, action, relevance) that lack, `flags` what a person should look at.

    The two prints (`note_prints`) are those by which it can be compared with other notes.
    """

    outcome: Outcome
    missing: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    version: str = VERSION
    facts_print: str = ""
    words_print: str = ""


@dataclass(frozen=True, slots=True)
class Advice:
    """One sentence for the author while they write: about which element (or `entry`), and whether there is something to do."""

    about: str
    text: str
    to_do: bool = True


def assess_note(entry: TimeEntry) -> NoteAssessment:
    """Judge the documentation of `entry` by its elements: problem addressed, action taken, clinical relevance."""
    if not (entry.performer.id and entry.patient and entry.seconds > 0):
        return NoteAssessment(Outcome.INCOMPLETE)
    return judge(
        entry.note,
        entry.action_taken,
        entry.clinical_relevance,
        linked=bool(entry.problem),
        activity=entry.activity,
        seconds=entry.seconds,
    )


def judge(
    note: str | None,
    action: str | None = None,
    relevance: str | None = None,
    *,
    linked: bool = False,
    activity: Activity | None = None,
    seconds: int = 0,
) -> NoteAssessment:
    """Judge words that may still be typed; `linked`: the author chose a problem for them; `seconds`: how long the work took."""
    reading = read_note("\n".join(part for part in (note, action, relevance) if part))
    if activity in _NOT_COUNTABLE or reading.errand:
        return NoteAssessment(Outcome.NOT_COUNTABLE)
    missing = _missing(reading, linked)
    outcome = (Outcome.PASS, Outcome.IMPROVE, Outcome.FAIL, Outcome.FAIL)[len(missing)]
    prints = facts_print(reading.parts), words_print(reading.parts)
    return NoteAssessment(outcome, missing, _flags(reading, seconds), VERSION, *prints)


_ADVICE = {
    PROBLEM: "Name the condition, symptom, drug or barrier that this was about.",
    ACTION: "Say what you did and to what: called whom about which drug, went through which log, changed what.",
    RELEVANCE: "Add one thing true of this patient today: a value, what they said, a barrier, a decision or the dated next step.",
}
_OUTCOME_ADVICE = {
    Outcome.PASS: Advice("entry", "Says what was done, for this patient.", to_do=False),
    Outcome.NOT_COUNTABLE: Advice(
        "entry",
        "Attempts, scheduling, mailing, billing and filing do not count. If you did more, say what and why it was needed.",
    ),
    Outcome.INCOMPLETE: Advice("entry", "Who worked, for whom and how long must be there before the note is looked at."),
}


def advise(assessment: NoteAssessment) -> tuple[Advice, ...]:
    """Return what the author should read beside the note, in the order of the elements; it never keeps them from saving."""
    whole = _OUTCOME_ADVICE.get(assessment.outcome)
    found = (whole,) if whole else tuple(Advice(element, _ADVICE[element]) for element in assessment.missing)
    if TIME_FLAG in assessment.flags:
        found += (Advice(TIME_FLAG, "The time is long for what the note tells. Say what else you did, or check the time."),)
    return found


def _missing(reading: Reading, linked: bool) -> tuple[str, ...]:
    """The elements that cannot be underlined; checked things with results, or one with a consequence, are an act (step 3)."""
    sorts = reading.sorts
    consequence = not sorts.isdisjoint({"change", "decision"})
    monitored = reading.results >= 2 or reading.telling >= 2 or (reading.results >= 1 and consequence)
    followed_up = bool(sorts) and (reading.steps > 0 or (len(sorts) > 1 and not sorts.isdisjoint({"next", "change"})))
    acted = bool(reading.acts) or monitored or "decision" in sorts or followed_up
    found = (
        (PROBLEM, bool(reading.problems) or (linked and (acted or bool(sorts)))),
        (ACTION, acted),
        (RELEVANCE, bool(sorts)),
    )
    return tuple(name for name, there in found if not there)


def _flags(reading: Reading, seconds: int) -> tuple[str, ...]:
    told = max(len(set(reading.acts)), reading.telling, 1)
    long = seconds > told * _SECONDS_PER_ACT or (len(reading.parts) <= 1 and seconds >= _SECONDS_FOR_A_SENTENCE)
    return (TIME_FLAG,) if long else ()
