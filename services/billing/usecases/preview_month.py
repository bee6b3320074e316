"""Decide a patient-month of which somebody else holds the facts: the same function that assembles months, and nothing is kept."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.billing.domain.assembly import assemble
from services.billing.domain.findings import Assembly
from services.billing.domain.ledger import Ledger
from services.billing.domain.rule_book import RuleBook
from shared.kernel.calendar_month import CalendarMonth


def preview_month(
    *, month: CalendarMonth, ledger: Ledger, payers: Mapping[str, Any], rule_book: RuleBook, at: datetime
) -> Assembly:
    """Return what the month comes to as known at `at`; Invalid if one of the practice's `payers` does not resolve."""
    return assemble(month, ledger, rule_book.with_profiles(payers), at=at)
