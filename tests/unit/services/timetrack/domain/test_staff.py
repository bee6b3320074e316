"""The roster: what holds on a day, and what may be recorded."""

from datetime import date

import pytest

from services.timetrack.domain.staff import (
    Credential,
    InvalidStaffMember,
    NotOnRoster,
    RoleHeld,
    StaffMember,
    Supervision,
    check_member,
    is_npi,
    require_timer_role,
)
from shared.kernel.vocabulary import PerformerRole, StaffRole

DAY = date(2026, 10, 15)
RN, LPN = PerformerRole.REGISTERED_NURSE, PerformerRole.LICENSED_PRACTICAL_NURSE


@pytest.mark.parametrize(
    ("role", "since", "until", "allowed"),
    [
        (StaffRole.CLINICAL_STAFF, date(2026, 10, 15), None, True),
        (StaffRole.BILLING_PRACTITIONER, date(2026, 1, 1), date(2026, 10, 15), True),
        (StaffRole.CLINICAL_STAFF, date(2026, 10, 16), None, False),
        (StaffRole.CLINICAL_STAFF, date(2026, 1, 1), date(2026, 10, 14), False),
        (StaffRole.BILLER, date(2026, 1, 1), None, False),
        (StaffRole.PROGRAM_LEAD, date(2026, 1, 1), None, False),
    ],
)
def test_who_may_run_timers(role: StaffRole, since: date, until: date | None, allowed: bool) -> None:
    member = StaffMember("n1", "Rosa", roles=(RoleHeld(since, until, role),))
    if allowed:
        assert require_timer_role(member, practitioner="n1", day=DAY) is member
    else:
        with pytest.raises(NotOnRoster):
            require_timer_role(member, practitioner="n1", day=DAY)


def test_nobody_is_not_on_the_roster() -> None:
    with pytest.raises(NotOnRoster) as error:
        require_timer_role(None, practitioner="n9", day=DAY)
    assert error.value.issues[0].expression == "performer"


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        ([Credential(date(2020, 1, 1), None, LPN), Credential(date(2024, 1, 1), None, RN)], RN),
        ([Credential(date(2020, 1, 1), None, LPN), Credential(date(2024, 1, 1), date(2025, 1, 1), RN)], LPN),
        ([Credential(date(2024, 1, 1), date(2025, 1, 1), RN)], RN),
        ([Credential(date(2026, 10, 16), None, RN)], None),
        ([], None),
    ],
)
def test_the_credential_worked_in(held: list[Credential], wanted: PerformerRole | None) -> None:
    assert StaffMember("n1", "Rosa", credentials=tuple(held)).credential_on(DAY) is wanted


def test_the_supervisor_is_said_only_if_there_is_one() -> None:
    one, other = Supervision(DAY, None, "d1"), Supervision(DAY, None, "d2")
    assert StaffMember("n1", "Rosa", supervision=(one,)).supervisor_on(DAY) == "d1"
    assert StaffMember("n1", "Rosa", supervision=(one, other)).supervisor_on(DAY) is None
    assert StaffMember("n1", "Rosa", supervision=()).supervisor_on(DAY) is None


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("1234567893", True),
        ("1245319599", True),
        ("1234567890", False),
        ("123456789", False),
        ("12345678930", False),
        ("١٢٣٤٥٦٧٨٩٣", False),
    ],
)
def test_an_npi_has_its_check_digit(text: str, good: bool) -> None:
    assert is_npi(text) is good


def test_every_fault_is_named() -> None:
    member = StaffMember(
        "n1",
        "Rosa",
        npi="1",
        roles=(RoleHeld(DAY, date(2026, 10, 14), StaffRole.CLINICAL_STAFF),),
        exclusion_checks=(DAY, date(2026, 10, 16)),
    )
    with pytest.raises(InvalidStaffMember) as error:
        check_member(member, today=DAY)
    assert [issue.expression for issue in error.value.issues] == ["roles.0.until", "npi", "exclusion_checks.1"]
