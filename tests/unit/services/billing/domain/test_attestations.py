"""The table of attestations is the check: each kind takes its fields and refuses the rest by name."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.billing.adapters.rule_book_files import load_rule_book
from services.billing.domain.attestations import SPECS, AttestationKind, parse_value
from services.billing.domain.claim_fields import ClaimEditRefused, check_claim_edit
from services.billing.domain.rules import rules_for
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.errors import Invalid


def test_every_kind_is_in_the_table() -> None:
    """No kind without a meaning, a rule and a scope."""
    assert set(SPECS) == set(AttestationKind)
    assert all(spec.rule and spec.meaning and spec.scope in ("patient", "either", "practice") for spec in SPECS.values())


@pytest.mark.parametrize(
    ("kind", "raw", "read"),
    [
        ("risk", {"significant": True}, {"significant": True}),
        ("plan-copy", {"day": "2026-01-20", "method": None}, {"day": date(2026, 1, 20)}),
        ("conditions", {"codes": ["I10", "E11.9"]}, {"codes": ("I10", "E11.9")}),
        ("lane", {"lane": "complex"}, {"lane": "complex"}),
        ("time-allocation", {"entry": "e", "program": "ccm", "seconds": 0}, {"entry": "e", "program": "ccm", "seconds": 0}),
        ("abroad", {"start": "2026-10-01T00:00:00Z"}, {"start": datetime(2026, 10, 1, tzinfo=UTC)}),
        ("death", {"day": "2026-10-05"}, {"day": date(2026, 10, 5)}),
        ("hospice", {"start": "2026-10-02", "end": "2026-10-02"}, {"start": date(2026, 10, 2), "end": date(2026, 10, 2)}),
        ("plan-rules", {"plan": "p", "like": "ffs_like", "evidence": "e"}, {"plan": "p", "like": "ffs_like", "evidence": "e"}),
    ],
)
def test_value_is_typed(kind: str, raw: dict[str, Any], read: dict[str, Any]) -> None:
    """Days, instants and lists come back typed."""
    assert parse_value(AttestationKind(kind), raw) == read


@pytest.mark.parametrize(
    ("kind", "raw", "field"),
    [
        ("risk", {}, "value.significant"),
        ("risk", {"significant": "yes"}, "value.significant"),
        ("risk", {"significant": True, "mood": "good"}, "value.mood"),
        ("lane", {"lane": "fast"}, "value.lane"),
        ("complexity", {"level": "extreme"}, "value.level"),
        ("plan-copy", {"day": "20 January"}, "value.day"),
        ("conditions", {"codes": "I10"}, "value.codes"),
        ("conditions", {"codes": [""]}, "value.codes"),
        ("abroad", {"start": "2026-10-01T00:00:00"}, "value.start"),
        ("hospice", {"start": "2026-10-02", "end": "2026-10-01"}, "value.end"),
        ("institutional-stay", {"stay": "spa", "start_day": "2026-10-02"}, "value.stay"),
        ("institutional-stay", {"stay": "inpatient", "start_day": "2026-10-02", "end_day": "2026-10-01"}, "value.end_day"),
        (
            "other-service",
            {"code": "99495", "day": "2026-10-02", "window_start": "2026-10-02", "window_end": "2026-10-01"},
            "value.window_end",
        ),
        ("disclosure", {"consent": "c", "codes": ["horoscope"], "told_at": "2026-10-01T00:00:00Z"}, "value.codes"),
        ("plan-rules", {"plan": "p", "like": "mine", "evidence": "e"}, "value.like"),
        ("plan-rules", {"plan": "p", "like": "ffs_like"}, "value.evidence"),
        ("withdrawal", {"attestation": "a"}, "value.reason"),
        ("time-allocation", {"entry": "e", "program": "ccm", "seconds": -1}, "value.seconds"),
        ("time-allocation", {"entry": "e", "program": "ccm", "seconds": True}, "value.seconds"),
    ],
)
def test_refusal_names_the_field(kind: str, raw: dict[str, Any], field: str) -> None:
    """What is missing, unknown or of the wrong kind is named."""
    with pytest.raises(Invalid) as caught:
        parse_value(AttestationKind(kind), raw)
    assert field in [issue.expression for issue in caught.value.issues]


@pytest.mark.parametrize(
    ("place", "modifiers", "rule"), [("10", ("95",), "A3"), ("02", (), "A3"), (None, ("95",), "A6"), ("11", ("52",), "A6")]
)
def test_telehealth_is_refused(place: str | None, modifiers: tuple[str, ...], rule: str) -> None:
    """A biller cannot make CCM a telehealth service (worked case S17)."""
    rules = rules_for(load_rule_book(), "medicare_ffs", CalendarMonth(2026, 10))
    with pytest.raises(ClaimEditRefused) as caught:
        check_claim_edit(rules, place, modifiers)
    assert caught.value.issues[0].rule == rule
    check_claim_edit(rules, "22", ("25", "GW"))
