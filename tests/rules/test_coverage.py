"""No rule without a case, and the matrix that says so is the one that is committed."""

from pathlib import Path

from services.billing.adapters.rule_book_lint import lint
from tests.rules.coverage import TARGET, coverage


def test_every_rule_has_a_case_and_a_source() -> None:
    """The files are whole, and nothing is without a case."""
    assert lint("", cases=Path(__file__).parent) == []


def test_the_committed_matrix_is_today_s() -> None:
    """docs/coverage.md is what the cases say."""
    assert TARGET.read_text(encoding="utf-8") == coverage()
