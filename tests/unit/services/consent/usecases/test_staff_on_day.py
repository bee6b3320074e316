"""Who somebody is on a day. Requirements: ccm-rules C4; issue 10 item 3."""

from datetime import date

import pytest

from services.consent.usecases.staff_on_day import billing_practitioners, credential_on, likely_practitioner, may_obtain
from shared.contracts.staff_member import Credential, RoleHeld, Supervision
from tests.integration.consent.pages import STAFF, member

DAY = date(2026, 11, 10)


@pytest.mark.parametrize(
    ("role", "since", "until", "expected"),
    [
        ("clinical-staff", date(2026, 11, 10), None, True),
        ("clinical-staff", date(2026, 11, 11), None, False),
        ("clinical-staff", date(2025, 1, 1), date(2026, 11, 9), False),
        ("billing-practitioner", date(2025, 1, 1), date(2026, 11, 10), True),
        ("biller", date(2025, 1, 1), None, False),
        ("program-lead", date(2025, 1, 1), None, False),
    ],
)
def test_who_may_obtain(role: str, since: date, until: date | None, expected: bool) -> None:
    held = (RoleHeld(since=since, until=until, role=role),)
    assert may_obtain(member("x", "X", role, None, roles=held), DAY) is expected


def test_the_credential_that_holds_goes_before_one_that_lapsed() -> None:
    credentials = (
        Credential(since=date(2024, 1, 1), until=date(2026, 1, 1), credential="medical-assistant"),
        Credential(since=date(2026, 6, 1), credential="registered-nurse"),
    )
    someone = member("x", "X", "clinical-staff", None, credentials=credentials)
    assert credential_on(someone, DAY) == "registered-nurse"
    assert credential_on(someone, date(2026, 3, 1)) == "medical-assistant"
    assert credential_on(someone, date(2023, 1, 1)) is None


def test_for_whom_a_consent_is_most_likely_meant() -> None:
    nurse, doctor, _ = STAFF
    practitioners = billing_practitioners(STAFF, DAY)
    assert set(practitioners) == {"dr-1", "dr-2"}
    assert likely_practitioner(nurse, practitioners, DAY, current="dr-2") == "dr-2"
    assert likely_practitioner(nurse, practitioners, DAY, current="dr-9") == "dr-1"
    assert likely_practitioner(doctor, practitioners, DAY, current=None) == "dr-1"
    both = tuple(Supervision(since=date(2025, 1, 1), practitioner=one) for one in ("dr-1", "dr-2"))
    undecided = nurse.model_copy(update={"supervision": both})
    assert likely_practitioner(undecided, practitioners, DAY, current=None) is None
    assert likely_practitioner(undecided, ["dr-2"], DAY, current=None) == "dr-2"
