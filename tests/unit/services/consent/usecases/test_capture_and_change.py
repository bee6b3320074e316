"""What the use cases do in which order, and what they leave behind when they refuse."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from services.consent.domain.consent import Change, Person, Status, Stop, Submission
from services.consent.usecases.capture_consent import Captured, IdentifierTaken, UnknownPatient, capture_consent
from services.consent.usecases.change_consent import change_consent
from services.consent.usecases.ports import Recorded
from services.consent.usecases.tell_in_force import tell_in_force
from shared.kernel.errors import CareledgerError, NotFound, PreconditionFailed
from tests.unit.services.consent.domain.making import GIVEN, NOW, statement, submission
from tests.unit.services.consent.usecases.world import ACCEPTED, AUTHOR, PRACTICE, Memory, Stored

KEY = ("https://ehr.example", "c-1")


async def _capture(memory: Memory, **changes: Any) -> Captured:
    options: dict[str, Any] = {
        "submission": submission(statement()),
        "accepted": ACCEPTED,
        "identifiers": (KEY,),
        "body_hash": b"1",
        "if_none_exist": None,
        "patient": None,
    }
    return await capture_consent(**(options | changes), world=memory.world, practice=PRACTICE, author=AUTHOR)


async def _change(memory: Memory, before: Recorded, wanted: Submission, **changes: Any) -> Recorded:
    options: dict[str, Any] = {
        "consent_id": before.consent.id,
        "seen_version": before.consent.version,
        "identifiers": {KEY},
        "patient": None,
    }
    return await change_consent(
        **(options | changes), submission=wanted, accepted=ACCEPTED, world=memory.world, practice=PRACTICE, author=AUTHOR
    )


async def test_the_ehr_and_the_months_are_asked_before_the_transaction_begins() -> None:
    memory = Memory()
    await _capture(memory)

    assert memory.happened == ["ask for p-1", "ask for the month", "begin", "lock p-1 ccm", "commit"]


async def test_a_patient_whom_the_ehr_does_not_have() -> None:
    memory = Memory(unknown={"p-1"})

    with pytest.raises(UnknownPatient) as refusal:
        await _capture(memory)

    assert refusal.value.issues[0].expression == "patient"
    assert memory.happened == ["ask for p-1"]


async def test_a_repetition_gives_the_first_version_even_after_a_change() -> None:
    memory = Memory()
    first = (await _capture(memory)).recorded
    await _change(memory, first, submission(statement(), stop=Stop(NOW, "phone", "rn-1"), status=Status.INACTIVE))

    again = await _capture(memory)
    untouched = await _capture(memory, if_none_exist=KEY, body_hash=b"2")

    assert (again.created, again.recorded) == (False, first)
    assert (untouched.created, untouched.recorded.consent.version) == (False, 2)


@pytest.mark.parametrize(
    "changes",
    [
        {"body_hash": b"2"},
        {"identifiers": (KEY, ("https://ehr.example", "c-2"))},
        {"identifiers": (KEY, ("https://ehr.example", "c-2")), "if_none_exist": ("https://ehr.example", "c-2")},
    ],
)
async def test_a_taken_identifier_leaves_nothing_behind(changes: dict[str, Any]) -> None:
    memory = Memory()
    await _capture(memory)
    before = memory.stored

    with pytest.raises(IdentifierTaken):
        await _capture(memory, **changes)

    assert memory.stored == before


async def test_what_stands_for_two_consents_is_no_condition() -> None:
    memory = Memory()
    other = ("https://ehr.example", "c-2")
    await _capture(memory)
    await _capture(memory, identifiers=(other,), body_hash=b"2")

    with pytest.raises(PreconditionFailed):
        await _capture(memory, identifiers=(KEY, other), if_none_exist=KEY)


@pytest.mark.parametrize(("closed", "late"), [(set(), False), ({GIVEN}, True), ({NOW}, False)])
async def test_a_grant_for_a_closed_month_is_late(closed: set[datetime], late: bool) -> None:
    assert (await _capture(Memory(closed=closed))).recorded.late is late


async def test_a_stop_in_a_closed_month_is_late() -> None:
    memory = Memory(closed={NOW})
    first = (await _capture(memory)).recorded

    stopped = await _change(memory, first, submission(statement(), stop=Stop(NOW, "phone", "rn-1"), status=Status.INACTIVE))

    assert (first.late, stopped.late) == (False, True)


async def test_what_follows_for_others_is_written_with_it() -> None:
    memory = Memory()
    first = (await _capture(memory)).recorded
    later = submission(statement(practitioner=Person("dr-2"), given_at=GIVEN + timedelta(minutes=1)))
    second = await _capture(memory, submission=later, identifiers=(("https://ehr.example", "c-2"),))

    *_, followed = memory.stored.versions
    assert (followed.consent.id, followed.consent.version, followed.consent.change) == (first.consent.id, 2, Change.SUPERSEDED)
    assert followed.consent.superseded_by == second.recorded.consent.id
    assert (followed.accepted.kept, followed.accepted.text) == (ACCEPTED.kept, None)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"seen_version": 2}, PreconditionFailed),
        ({"seen_version": 0}, PreconditionFailed),
        ({"patient": "p-2"}, NotFound),
        ({"consent_id": PRACTICE.tenant_id}, NotFound),
        ({"identifiers": {("https://ehr.example", "c-2")}}, CareledgerError),
    ],
)
async def test_a_refused_change_leaves_nothing_behind(changes: dict[str, Any], refusal: type[Exception]) -> None:
    memory = Memory()
    first = (await _capture(memory)).recorded
    before: Stored = memory.stored

    with pytest.raises(refusal):
        await _change(memory, first, submission(statement(), reason="x"), **changes)

    assert memory.stored == before


async def test_in_force_is_asked_of_now_unless_told_otherwise() -> None:
    memory = Memory()
    await _capture(memory)
    asked: dict[str, Any] = {
        "patient": "p-1",
        "program": "ccm",
        "practitioner": None,
        "world": memory.world,
        "practice": PRACTICE,
    }

    now = await tell_in_force(at=None, known_at=None, **asked)
    before = await tell_in_force(at=None, known_at=NOW - timedelta(seconds=1), **asked)

    assert (now.at, now.known_at, now.in_force) == (NOW, NOW, True)
    assert before.in_force is False
