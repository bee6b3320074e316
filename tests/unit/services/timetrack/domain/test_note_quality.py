"""The documentation check on one entry: the procedure of findings.md 3, step by step, with its examples on the border."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.timetrack.domain.note_quality import VERSION, Outcome, advise, assess_note, judge
from services.timetrack.domain.note_reading import read_note
from services.timetrack.domain.time_entry import Performer, Problem, TimeEntry
from shared.kernel.interval import Interval
from shared.kernel.vocabulary import Activity, PerformerRole, Program, TimeBasis

ENTRY = TimeEntry(
    patient="p1",
    performer=Performer("n1"),
    role=PerformerRole.REGISTERED_NURSE,
    program=Program.CCM,
    activity=Activity.PATIENT_CONTACT,
    stretch=Interval(datetime(2026, 11, 3, 15, 0, tzinfo=UTC), datetime(2026, 11, 3, 15, 8, tzinfo=UTC)),
    basis=TimeBasis.MEASURED,
)

ACCEPTABLE = (
    "BP log 148-156/84-90 ×5, skipped HCTZ 3 days (ran out). Called Walgreens, refill today 4 pm. Recheck Thu.",
    "Pt afebrile, cough dry, uses albuterol 1×/d as before; green zone, no change to plan.",
    "dtr says mom stopped donepezil, nausea. Told Dr P, ok to hold 1 wk, call 5/20.",
    "No food in house x2d, skips insulin when not eating. Referred to Meals on Wheels, intake tmrw 10a.",
    "Read d/c summary 5/3: COPD exac, pred taper ends 5/9; home O2 not delivered, DME confirms today.",
)
NOT_ACCEPTABLE = (
    ("HTN, DM, CHF reviewed with patient, meds reconciled, no changes, verbalized understanding.", "action relevance"),
    ("Pt called w/ question about sugar, answered.", "action relevance"),
    ("Reviewed chart: labs, imaging, cardiology note, med list updated.", "problem action relevance"),
    (
        "Comprehensive assessment of chronic disease burden completed; individualized strategies offered to improve adherence.",
        "problem action relevance",
    ),
)


@pytest.mark.requirement("rules-5")
@pytest.mark.parametrize("note", ACCEPTABLE)
def test_a_specific_note_passes_however_terse(note: str) -> None:
    assert judge(note).outcome is Outcome.PASS


@pytest.mark.requirement("rules-5")
@pytest.mark.parametrize(("note", "missing"), NOT_ACCEPTABLE)
def test_a_note_that_fits_any_patient_fails_and_says_what_is_missing(note: str, missing: str) -> None:
    found = judge(note)
    assert (found.outcome, " ".join(found.missing)) == (Outcome.FAIL, missing)


@pytest.mark.requirement("rules-5")
@pytest.mark.parametrize(
    ("note", "outcome", "missing"),
    [
        ("A1c 7.8.", Outcome.IMPROVE, ("action",)),
        ("wt 182, no swelling", Outcome.PASS, ()),
        ("Called Walgreens to confirm the lisinopril refill was received.", Outcome.IMPROVE, ("relevance",)),
        ("Scheduled podiatry, faxed referral, verified insurance.", Outcome.NOT_COUNTABLE, ()),
        ("LVM x2, no answer.", Outcome.NOT_COUNTABLE, ()),
        ("No contestó, dejé mensaje de voz.", Outcome.NOT_COUNTABLE, ()),
        ("", Outcome.FAIL, ("problem", "action", "relevance")),
    ],
)
def test_each_step_of_the_procedure(note: str, outcome: Outcome, missing: tuple[str, ...]) -> None:
    found = judge(note)
    assert (found.outcome, found.missing) == (outcome, missing)


@pytest.mark.requirement("rules-5")
@pytest.mark.parametrize(
    "note",
    [
        "Educated on hypoglycemia: shaking, sweating, blood sugar below 70, take 15 g of sugar.",
        "Denies chest pain, SOB, dizziness. HTN meds continued. No changes.",
        "Care plan goal: A1c less than 7, BP less than 130/80.",
        "Told patient to call if weight goes up 3 lb in a day.",
        "Se instruyó sobre signos de hipoglucemia y la regla de 15.",
    ],
)
def test_what_is_taught_denied_wanted_or_conditional_is_no_fact(note: str) -> None:
    assert "relevance" in judge(note).missing


@pytest.mark.requirement("rules-5")
def test_the_same_words_count_in_structured_fields() -> None:
    found = judge("", "Moved lisinopril from noon to 7 am with her", "Cuff reads 150s every morning", linked=True)
    assert found.outcome is Outcome.PASS
    boilerplate = judge("", "Education", "Chronic condition", linked=True)
    assert boilerplate.outcome is Outcome.FAIL


@pytest.mark.requirement("rules-5")
def test_a_linked_problem_counts_only_if_the_words_are_about_it() -> None:
    specific = "Bed rail missing; he slid out on Sunday without injury. Called Medline, rail comes Friday."
    assert judge(specific, linked=True).outcome is Outcome.PASS
    assert "problem" in judge("Reviewed the plan and upcoming visits.", linked=True).missing


@pytest.mark.requirement("rules-5")
def test_an_entry_is_judged_with_its_fields_activity_and_length() -> None:
    told = replace(
        ENTRY, problem=Problem(text="COPD"), action_taken="Called Apria about the mask", clinical_relevance="leaks at night"
    )
    assert assess_note(told).outcome is Outcome.PASS
    assert assess_note(told).version == VERSION
    assert assess_note(replace(told, activity=Activity.OUTREACH_ATTEMPT)).outcome is Outcome.NOT_COUNTABLE
    assert assess_note(replace(told, performer=Performer(""))).outcome is Outcome.INCOMPLETE
    assert assess_note(ENTRY).outcome is Outcome.FAIL


@pytest.mark.parametrize(("minutes", "flags"), [(10, ()), (11, ("time",)), (45, ("time",))])
def test_minutes_far_beyond_the_note_are_flagged_and_do_not_fail_it(minutes: int, flags: tuple[str, ...]) -> None:
    found = judge("A1c 9.2, was 8.1.", seconds=minutes * 60)
    assert (found.outcome, found.flags) == (Outcome.PASS, flags)


def test_advice_names_each_missing_element_and_praises_a_note_that_passes() -> None:
    vague = advise(judge("HTN reviewed, stable.", seconds=25 * 60))
    assert [advice.about for advice in vague] == ["action", "relevance", "time"]
    assert all(advice.to_do for advice in vague)
    (good,) = advise(judge(ACCEPTABLE[0]))
    assert not good.to_do
    (errand,) = advise(judge("Faxed records, confirmed receipt."))
    assert "do not count" in errand.text


@pytest.mark.parametrize("note", ACCEPTABLE)
def test_capitals_line_ends_and_polite_phrases_change_nothing(note: str) -> None:
    assert judge(note.upper()).outcome is Outcome.PASS
    assert judge(note.replace(". ", ".\r\n") + " Verbalized understanding, all questions answered.").outcome is Outcome.PASS


@pytest.mark.parametrize("word", ["metfromin", "lisinoprill", "furosmide", "warfarn", "gabapentine"])
def test_a_drug_is_known_despite_a_slip_of_the_pen(word: str) -> None:
    assert word in read_note(f"She stopped {word} on Monday.").problems


@pytest.mark.parametrize("polite", ["Pt doing well, no concerns.", "Will continue to monitor.", "Todo bien, continúa igual."])
@given(times=st.integers(1, 30))
def test_more_of_nothing_stays_nothing(polite: str, times: int) -> None:
    assert judge(" ".join([polite] * times)).outcome is Outcome.FAIL


@given(st.text(max_size=400))
def test_any_text_is_judged(text: str) -> None:
    assert judge(text).outcome in set(Outcome) - {Outcome.INCOMPLETE}


@pytest.mark.parametrize("piece", ["pain 5, ", "no ", "told her to ", "llamé ", "5 was ", '"', "\n", "x"])
def test_a_very_long_text_reads_like_its_beginning(piece: str) -> None:
    long = piece * 6000
    assert judge(long + "BP 190/110, called Dr Roe.") == judge(long)
