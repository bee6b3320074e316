"""What a practice answers for a plan becomes the profile by which all its patients are decided."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.billing.adapters.rule_book_files import load_rule_book
from services.billing.domain.attestations import AttestationKind, parse_value
from services.billing.domain.findings import Severity
from services.billing.domain.ledger import Attestation
from services.billing.domain.rules import rules_for
from services.billing.domain.stated_facts import plan_answers
from shared.kernel.calendar_month import CalendarMonth

OCTOBER = CalendarMonth(2026, 10)


def answer(
    ident: str = "a", *, signed: int = 1, since: date = date(2026, 10, 1), until: date | None = None, **value: Any
) -> Attestation:
    """Return an answer for plan acme."""
    at = datetime(2026, 10, signed, tzinfo=UTC)
    return Attestation(
        source=f"attestation/{ident}@1",
        recorded_at=at,
        attestation_id=ident,
        kind=AttestationKind.PLAN_RULES,
        value=parse_value(
            AttestationKind.PLAN_RULES, {"plan": "acme", "like": "ffs_like", "evidence": "letter of 1 Oct", **value}
        ),
        by="lead",
        role="program-lead",
        signed_at=at,
        effective=since,
        until=until,
    )


@pytest.mark.requirement("issue-9.2")
def test_a_plan_like_medicare_needs_no_profile_of_its_own() -> None:
    """`ffs_like` adopted with evidence is that profile."""
    assert plan_answers([answer()], OCTOBER) == ({"acme": "ffs_like"}, {})


@pytest.mark.requirement("issue-9.2")
def test_switches_make_a_profile_of_the_plan_s_own() -> None:
    """Each switch is read by the engine's rules: rows 5, 6, 28, 29, cover, diagnoses."""
    said = answer(
        transitional_care="held",
        remote_monitoring="review",
        written_consent=True,
        consent_renewal_months=24,
        diagnoses_min=3,
        covers=False,
    )
    plans, profiles = plan_answers([said], OCTOBER)
    rules = rules_for(load_rule_book().with_profiles(profiles), plans["acme"], OCTOBER)
    assert {row: rules.situations[row].severity for row in ("5", "6", "28", "29")} == {
        "5": Severity.HOLD,
        "6": Severity.HOLD,
        "28": Severity.HOLD,
        "29": Severity.REVIEW,
    }
    assert (rules.consent_renewal_months, rules.diagnoses_min, rules.covers, rules.switches_set) == (24, 3, "no", True)


@pytest.mark.requirement("issue-9.2")
def test_what_is_not_answered_stays_as_the_plan_is_like() -> None:
    """A verbal consent without renewal under a plan otherwise strict."""
    plans, profiles = plan_answers(
        [answer(like="commercial_strict", written_consent=False, consent_renewal_months=0, covers=True)], OCTOBER
    )
    rules = rules_for(load_rule_book().with_profiles(profiles), plans["acme"], OCTOBER)
    assert [rules.situations[row].severity for row in ("5", "6", "28")] == [Severity.INFO, None, Severity.HOLD]
    assert rules.covers == "yes"


@pytest.mark.requirement("issue-9.2")
@pytest.mark.parametrize(
    ("said", "profile"),
    [
        ([answer("a", signed=1, like="commercial_strict"), answer("b", signed=2)], "ffs_like"),
        ([answer("b", signed=2), answer("a", signed=1, covers=False)], "ffs_like"),
        ([answer(since=date(2026, 10, 31))], "ffs_like"),
        ([answer(since=date(2026, 11, 1))], None),
        ([answer(until=date(2026, 10, 31))], "ffs_like"),
        ([answer(until=date(2026, 10, 30))], None),
    ],
)
def test_the_latest_answer_of_the_month_s_last_day_stands(said: list[Attestation], profile: str | None) -> None:
    """An answer of another month is none; a later one replaces an earlier one whole."""
    plans, profiles = plan_answers(said, OCTOBER)
    assert plans.get("acme") == profile
    assert profiles == {}
