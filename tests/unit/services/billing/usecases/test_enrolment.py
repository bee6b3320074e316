"""Whose month gets a result: an episode or a consent in force on any day of it, or CCM time without either."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.billing.domain.ledger import (
    BilledCharge,
    ConsentFact,
    Enrollment,
    Ledger,
    Patient,
    Practice,
    TenantFact,
    TimeEntryFact,
)
from services.billing.usecases.enrolment import has_result
from shared.kernel.calendar_month import CalendarMonth

OCTOBER = CalendarMonth(2026, 10)
AT = datetime(2026, 1, 1, tzinfo=UTC)
ROW: dict[str, Any] = {"source": "s@1", "recorded_at": AT}
TENANT = TenantFact(**ROW, tenant="north", effective_from=date(2025, 1, 1), zone=ZoneInfo("America/New_York"))


def ledger(**facts: Any) -> Ledger:
    """Return the ledger of a patient with these facts."""
    return Ledger(patient=Patient(**ROW, id="p"), practice=Practice(tenants=(TENANT,)), **facts)


def consent(**changes: Any) -> ConsentFact:
    """Return a version of a consent."""
    fields: dict[str, Any] = {
        **ROW,
        "consent_id": "c",
        "version": 1,
        "program": "ccm",
        "practitioner": "dr",
        "status": "active",
        "method": "verbal",
        "given_at": AT,
        "first_recorded_at": AT,
        "in_force_from": AT,
    }
    return ConsentFact(**fields | changes)


def entry(**changes: Any) -> TimeEntryFact:
    """Return a time entry."""
    fields: dict[str, Any] = {
        **ROW,
        "entry_id": "e",
        "version": 1,
        "performer": "rn",
        "role": "registered-nurse",
        "program": "ccm",
        "activity": "patient-contact",
        "seconds": 600,
        "author": "rn",
        "written_at": AT,
        "first_written_at": AT,
    }
    return TimeEntryFact(**fields | changes)


EPISODE: dict[str, Any] = {**ROW, "episode_id": "e", "program": "ccm", "status": "active"}


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({}, True),
        ({"start": date(2026, 10, 31)}, True),
        ({"start": date(2026, 11, 1)}, False),
        ({"end": date(2026, 10, 1), "status": "finished"}, True),
        ({"end": date(2026, 9, 30), "status": "finished"}, False),
        ({"status": "cancelled"}, False),
        ({"status": "planned"}, False),
        ({"program": "rpm"}, False),
    ],
)
def test_an_episode(changes: dict[str, Any], counts: bool) -> None:
    assert has_result(ledger(enrollments=(Enrollment(**EPISODE | changes),)), OCTOBER) is counts


@pytest.mark.parametrize(
    ("versions", "counts"),
    [
        ((consent(),), True),
        ((consent(in_force_until=date(2026, 10, 1)),), True),
        ((consent(in_force_until=date(2026, 9, 30)),), False),
        ((consent(in_force_from=datetime(2026, 11, 1, 3, 59, tzinfo=UTC)),), True),
        ((consent(in_force_from=datetime(2026, 11, 1, 4, 0, tzinfo=UTC)),), False),
        ((consent(status="rejected"),), False),
        ((consent(program="pcm"),), True),
        ((consent(program="rpm"),), False),
        ((consent(), consent(version=2, status="entered-in-error")), False),
        ((consent(version=2, status="inactive", in_force_until=date(2026, 10, 31)), consent()), True),
    ],
)
def test_a_consent_in_its_newest_version(versions: tuple[ConsentFact, ...], counts: bool) -> None:
    assert has_result(ledger(consents=versions), OCTOBER) is counts


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({"start": datetime(2026, 11, 1, 3, 50, tzinfo=UTC), "end": datetime(2026, 11, 1, 4, 0, tzinfo=UTC)}, True),
        ({"start": datetime(2026, 11, 1, 4, 0, tzinfo=UTC), "end": datetime(2026, 11, 1, 4, 10, tzinfo=UTC)}, False),
        ({"start": datetime(2026, 10, 1, 3, 50, tzinfo=UTC), "end": datetime(2026, 10, 1, 4, 0, tzinfo=UTC)}, False),
        ({"day": date(2026, 10, 31)}, True),
        ({"day": date(2026, 11, 1)}, False),
        ({"day": date(2026, 10, 31), "status": "entered-in-error"}, False),
        ({"day": date(2026, 10, 31), "program": "rpm"}, False),
    ],
)
def test_time_of_somebody_who_is_not_enrolled_is_not_passed_over(changes: dict[str, Any], counts: bool) -> None:
    assert has_result(ledger(entries=(entry(**changes),)), OCTOBER) is counts


def test_a_released_month_stays_in_sight() -> None:
    charge = BilledCharge(**ROW, charge_id="x", code="99490", units=1, date_of_service=date(2026, 10, 31), practitioner="dr")
    assert has_result(ledger(billed=(charge,)), OCTOBER)
    assert not has_result(ledger(), OCTOBER)
