"""Acknowledgements as the pure rule says them: integration.md 6."""

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.charge import (
    AcknowledgedAs,
    Acknowledgement,
    Answer,
    ChargeItem,
    Identifier,
    Item,
    aggregate_id,
    applied,
    judge,
)
from services.billing.domain.charge_item import ChargeStatus
from services.billing.domain.findings import PlannedCharge

AT = datetime(2026, 11, 3, tzinfo=UTC)
LINE = PlannedCharge(
    code="99490",
    code_id="ccm.clinical_staff.base",
    base=True,
    units=1,
    date_of_service=date(2026, 10, 31),
    place_of_service="11",
    modifiers=(),
    diagnoses=(),
    practitioner="dr",
    practitioner_npi=None,
    payer=None,
    coverage=None,
    patient_billable=True,
    consents=(),
    entries=(),
    rules=(),
)
FRESH = ChargeItem(
    id=UUID(int=1),
    version=1,
    status=ChargeStatus.BILLABLE,
    attempt=1,
    patient="p",
    month="2026-10",
    first_day=date(2026, 10, 1),
    last_day=date(2026, 10, 31),
    lane="clinical_staff",
    line=LINE,
    decision="d",
    rule_book="b",
    assembly_version=1,
    updated_at=AT,
)

ITEMS = st.builds(
    Item,
    charge=st.just(FRESH.id),
    outcome=st.sampled_from(AcknowledgedAs),
    claim=st.sampled_from([None, Identifier(system="s", value="1"), Identifier(system="s", value="2")]),
    reason=st.none(),
    version=st.sampled_from([None, 1, 2]),
)


def say(charge: ChargeItem, item: Item) -> tuple[Answer, ChargeItem]:
    """Judge an item and apply it if it applies."""
    answer = judge(item, charge).answer
    if answer is not Answer.APPLIED:
        return answer, charge
    said = Acknowledgement(outcome=item.outcome.value, claim=item.claim, client="biller", at=AT)
    return answer, applied(charge, item, said)


@given(st.lists(ITEMS, max_size=12))
def test_whatever_is_said_the_same_again_changes_nothing(items: list[Item]) -> None:
    charge = FRESH
    for item in items:
        answer, after = say(charge, item)
        again, still = say(after, item)
        assert still == after
        assert (after.version == charge.version + 1) == (answer is Answer.APPLIED)
        if answer is Answer.APPLIED:
            assert again is Answer.ALREADY
        charge = after
    if charge.status is ChargeStatus.BILLED:
        assert charge.acknowledgement is not None and charge.acknowledgement.outcome == "billed"


@given(st.lists(ITEMS, max_size=12))
def test_an_ended_charge_never_comes_back(items: list[Item]) -> None:
    for ended in (ChargeStatus.ABORTED, ChargeStatus.ENTERED_IN_ERROR):
        charge = replace(FRESH, status=ended)
        for item in items:
            answer, charge = say(charge, item)
            assert answer in (Answer.ALREADY, Answer.REFUSED)
            assert charge.status is ended


def test_nobody_acknowledges_what_is_not_there() -> None:
    result = judge(Item(charge=None, outcome=AcknowledgedAs.BILLED), None)
    assert (result.answer, result.issue and result.issue.rule) == (Answer.REFUSED, "not-found")


def test_a_source_names_its_thing() -> None:
    assert [aggregate_id(text) for text in ("consent/7f3a@3", "ehr/Coverage/c-1@2", "plain")] == ["7f3a", "c-1", "plain"]
