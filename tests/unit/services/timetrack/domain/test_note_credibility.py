"""What only several entries show (findings.md 3 step 6, rows 17 and 18)."""

from datetime import date, timedelta

import pytest

from services.timetrack.domain.note_credibility import (
    WrittenEntry,
    attempts_only,
    clones,
    facts_of,
    late_notes,
    long_staff_days,
    templates,
    uniform_totals,
)
from services.timetrack.domain.note_quality import Outcome

DAY = date(2026, 11, 3)
GOUT = "Gout flare right great toe since Sunday, ran out of allopurinol. Colchicine 0.6 ok per Dr Bell, recheck Thursday."


def entry(
    entry_id: str,
    text: str = GOUT,
    *,
    patient: str = "p1",
    day: date = DAY,
    seconds: int = 600,
    written: date | None = None,
    outcome: Outcome = Outcome.PASS,
    performer: str = "n1",
) -> WrittenEntry:
    return WrittenEntry(entry_id, patient, performer, day, seconds, written or day, text, outcome)


@pytest.mark.requirement("rules-5")
def test_a_note_cloned_to_another_patient_or_month_is_found_by_its_facts() -> None:
    retouched = (
        "FOLLOW UP NOTE\nRan out of allopurinol, gout flare right great toe since Sunday! "
        "Dr Bell ok with colchicine 0.6; recheck Thursday"
    )
    found = clones([entry("a"), entry("b", retouched, patient="p2"), entry("c", day=DAY - timedelta(days=31))])
    assert {suspicion.concerns for suspicion in found} == {("a", "b"), ("a", "c"), ("b", "c")}
    assert {suspicion.kind for suspicion in found} == {"clone"}


@pytest.mark.requirement("rules-5")
def test_other_values_under_the_same_headings_are_no_clone() -> None:
    first = "Problem: CHF. Weight: 182, BP 128/70, edema none. Plan: furosemide 40."
    second = "Problem: CHF. Weight: 191, BP 146/88, edema to the shin, sleeps in recliner. Plan: torsemide 20, call Friday."
    assert clones([entry("a", first), entry("b", second, patient="p2")]) == ()


def test_parts_of_one_day_and_notes_with_few_facts_are_no_clones() -> None:
    assert clones([entry("a"), entry("b")]) == ()
    assert clones([entry("a", "Pt ok."), entry("b", "Pt ok.", patient="p2")]) == ()


def test_a_copied_template_is_found_whatever_its_numbers() -> None:
    notes = [entry(str(at), f"Monthly check in, BP {120 + at}. Continue plan.", patient=f"p{at}") for at in range(3)]
    (found,) = templates([*notes, entry("x")])
    assert found.concerns == ("0", "1", "2")
    assert templates(notes[:2]) == ()


@pytest.mark.parametrize(("just", "beyond", "suspicious"), [(5, 3, True), (4, 4, False), (5, 2, False)])
def test_month_totals_just_past_the_threshold(just: int, beyond: int, suspicious: bool) -> None:
    totals = {f"j{at}": 1200 + at for at in range(just)} | {f"b{at}": 1900 for at in range(beyond)} | {"short": 1199}
    found = uniform_totals(totals, threshold_seconds=1200)
    assert (found is not None) is suspicious
    assert found is None or found.concerns == tuple(f"j{at}" for at in range(just))


def test_a_month_of_voicemails() -> None:
    tried = [entry("a", "LVM", outcome=Outcome.NOT_COUNTABLE), entry("b", "no answer", outcome=Outcome.NOT_COUNTABLE)]
    found = attempts_only(tried)
    assert found is not None
    assert found.concerns == ("a", "b")
    assert attempts_only([*tried, entry("c")]) is None
    assert attempts_only([]) is None


@pytest.mark.parametrize(("seconds", "days"), [(8 * 3600, 0), (8 * 3600 + 1, 1)])
def test_a_staff_day_longer_than_a_shift(seconds: int, days: int) -> None:
    entries = [entry("a", seconds=seconds - 600, patient="p1"), entry("b", patient="p2"), entry("c", performer="n2")]
    assert len(long_staff_days(entries)) == days


@pytest.mark.parametrize(
    ("day", "written", "late"),
    [
        (date(2026, 11, 3), date(2026, 11, 10), False),
        (date(2026, 11, 3), date(2026, 11, 11), True),
        (date(2026, 11, 30), date(2026, 12, 1), True),
        (date(2026, 12, 31), date(2027, 1, 1), True),
    ],
)
def test_late_is_more_than_seven_days_or_after_the_month(day: date, written: date, late: bool) -> None:
    assert bool(late_notes([entry("a", day=day, written=written)])) is late


def test_facts_are_numbers_names_drugs_and_findings_not_phrases() -> None:
    assert facts_of("Care plan reviewed, verbalized understanding, will continue to monitor.") == frozenset()
    assert {"allopurinol", "0.6", "flare", "toe"} <= facts_of(GOUT)
