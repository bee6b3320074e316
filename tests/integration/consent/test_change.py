"""Changing a consent by rule: every transition, what it means for the patient's other consents, lost updates."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.integration.consent.conftest import Door
from tests.integration.consent.resources import (
    SENDER,
    by_practitioner,
    consent,
    declined,
    extension_of,
    given,
    revoked,
    with_reason,
)

Record = Callable[[Any], Awaitable[dict[str, Any]]]

LATER = "2026-10-20T09:00:00-04:00"


def _events(door: Door) -> list[tuple[str, int]]:
    rows = door.rows("SELECT j.event_type, j.version FROM journal j JOIN journal_unpublished USING (tenant_id, id) ORDER BY 2, 1")
    return [(row["event_type"].split(".")[2], row["version"]) for row in rows]


def _rule(answer: Any) -> str:
    return str(answer.json()["issue"][0]["details"]["coding"][0]["code"])


async def test_a_stop_ends_the_consent_at_the_end_of_its_month(door: Door, recorded: Record) -> None:
    body = await recorded(consent())

    answer = await door.put(revoked(body, LATER))

    changed = answer.json()
    assert (answer.status_code, changed["status"], answer.headers["etag"]) == (200, "inactive", 'W/"2"')
    assert changed["provision"]["period"] == {"start": "2026-10-05", "end": "2026-10-31"}
    assert answer.headers["location"].endswith("/_history/2")
    assert _events(door) == [("granted", 1), ("revoked", 2)]
    assert (await door.get(f"Consent/{body['id']}/_history/1")).json() == body


async def test_the_month_of_a_stop_is_that_of_the_practice(door: Door, recorded: Record) -> None:
    """R10: at 03:30 UTC on the 1st it is still the 31st in New York."""
    body = await recorded(consent())

    answer = await door.put(revoked(body, "2026-11-01T03:30:00Z"))

    assert answer.json()["provision"]["period"]["end"] == "2026-10-31"


async def test_what_we_answer_can_be_sent_back(door: Door, recorded: Record) -> None:
    body = await recorded(consent())
    stopped = (await door.put(revoked(body, LATER))).json()

    answer = await door.put(with_reason(stopped, "the channel was right, checked"))

    assert answer.status_code == 200, answer.text
    assert answer.json()["provision"]["period"]["end"] == "2026-10-31"
    assert extension_of(answer.json(), "revocation") == extension_of(stopped, "revocation")


@pytest.mark.parametrize(
    ("received_at", "rule"),
    [("2026-10-04T09:00:00Z", "revocation-time"), ("2026-11-10T15:00:01Z", "revocation-time")],
)
async def test_a_stop_lies_between_the_grant_and_now(door: Door, recorded: Record, received_at: str, rule: str) -> None:
    answer = await door.put(revoked(await recorded(consent()), received_at))

    assert (answer.status_code, _rule(answer)) == (422, rule)
    assert "received-at" in answer.json()["issue"][0]["expression"][0]
    assert _events(door) == [("granted", 1)]


async def test_the_last_day_after_a_stop_is_the_rules_to_give(door: Door, recorded: Record) -> None:
    body = await recorded(consent())
    resource = revoked(body, LATER)
    stated = {"url": "effective", "valueDate": "2026-10-20"}
    resource["extension"][-1]["extension"].append(stated)
    refused = await door.put(resource)
    stated["valueDate"] = "2026-10-31"
    taken = await door.put(resource)

    assert (refused.status_code, _rule(refused), taken.status_code) == (422, "revocation-effective", 200)


async def test_a_correction_is_a_new_version_with_its_reason(door: Door, recorded: Record) -> None:
    body = await recorded(consent())
    silent = await door.put({**body, "dateTime": "2026-10-05T11:00:00-04:00"})
    spoken = await door.put(with_reason(body, "an hour later", dateTime="2026-10-05T11:00:00-04:00"))

    assert (silent.status_code, _rule(silent)) == (422, "change-reason")
    assert (spoken.status_code, spoken.json()["dateTime"]) == (200, "2026-10-05T11:00:00-04:00")
    assert extension_of(spoken.json(), "change-reason") == {
        "url": "https://careledger.example/fhir/StructureDefinition/change-reason",
        "valueString": "an hour later",
    }
    assert _events(door) == [("granted", 1), ("corrected", 2)]


@pytest.mark.parametrize("start", ["granted", "declined", "revoked"])
async def test_any_consent_can_be_taken_back_as_an_error_and_stays_so(door: Door, recorded: Record, start: str) -> None:
    body = await recorded(declined() if start == "declined" else consent())
    if start == "revoked":
        body = (await door.put(revoked(body, LATER))).json()

    answer = await door.put(with_reason(body, "wrong patient", status="entered-in-error"))
    again = await door.put(with_reason(answer.json(), "no, right after all"))

    assert (answer.status_code, answer.json()["status"]) == (200, "entered-in-error")
    assert (again.status_code, _rule(again)) == (422, "consent-transition")


@pytest.mark.parametrize(
    ("start", "wanted"),
    [("active", "rejected"), ("rejected", "active"), ("rejected", "inactive"), ("inactive", "active"), ("inactive", "rejected")],
)
async def test_no_other_transition_is_allowed(door: Door, recorded: Record, start: str, wanted: str) -> None:
    body = await recorded(declined() if start == "rejected" else consent())
    if start == "inactive":
        body = (await door.put(revoked(body, LATER))).json()
    before = _events(door)

    answer = await door.put(with_reason(body, "changed my mind", status=wanted))

    assert (answer.status_code, _rule(answer)) == (422, "consent-transition")
    assert answer.json()["issue"][0]["expression"] == ["Consent.status"]
    assert _events(door) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda body: by_practitioner(body, "dr-2"),
        lambda body: {**body, "patient": {"reference": "Patient/p-2"}, "performer": [{"reference": "Patient/p-2"}]},
    ],
)
async def test_patient_and_practitioner_stay(door: Door, recorded: Record, change: Callable[[Any], Any]) -> None:
    answer = await door.put(with_reason(change(await recorded(consent())), "the other one"))

    assert (answer.status_code, _rule(answer)) == (422, "consent-identity")


async def test_the_identifiers_stay(door: Door, recorded: Record) -> None:
    body = await recorded(consent())
    body["identifier"] = [{"system": SENDER, "value": "c-2"}]

    answer = await door.put(with_reason(body, "renumbered"))

    assert (answer.status_code, _rule(answer)) == (422, "identifier-kept")


async def test_a_stop_changes_nothing_else(door: Door, recorded: Record) -> None:
    body = await recorded(consent())

    answer = await door.put(revoked({**body, "dateTime": "2026-10-05T11:00:00-04:00"}, LATER))

    assert (answer.status_code, _rule(answer)) == (422, "consent-unchanged")


async def test_a_change_says_which_version_it_saw(door: Door, recorded: Record) -> None:
    body = await recorded(consent())
    blind = await door.ask("PUT", f"Consent/{body['id']}", json=body)
    stale = await door.put(with_reason(body, "x"), version=7)
    elsewhere = await door.ask("PUT", f"Consent/{body['id']}", json={**body, "id": "x"}, headers={"If-Match": 'W/"1"'})
    nowhere = await door.put({**body, "id": "01990000-0000-7000-8000-000000000000", "identifier": consent()["identifier"]})

    assert (blind.status_code, stale.status_code, elsewhere.status_code, nowhere.status_code) == (400, 412, 400, 405)


async def test_of_twenty_writers_one_wins(door: Door, recorded: Record) -> None:
    body = await recorded(consent())

    answers = await asyncio.gather(*(door.put(with_reason(body, f"writer {n}")) for n in range(20)))

    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 19
    assert [row["version"] for row in door.rows("SELECT version FROM consent_version ORDER BY version")] == [1, 2]


@pytest.mark.requirement("standards-21")
async def test_twenty_writers_who_try_again_all_get_through(door: Door, recorded: Record) -> None:
    ident = (await recorded(consent()))["id"]

    async def write(number: int) -> None:
        status = 412
        while status == 412:
            body = (await door.get(f"Consent/{ident}")).json()
            status = (await door.put(with_reason(body, f"writer {number}"))).status_code
        assert status == 200

    await asyncio.gather(*(write(number) for number in range(20)))
    versions = door.rows("SELECT state::jsonb ->> 'change_reason' AS why FROM consent_version WHERE version > 1")
    assert {row["why"] for row in versions} == {f"writer {number}" for number in range(20)}


async def test_another_practitioner_supersedes_the_first_in_one_transaction(door: Door, recorded: Record) -> None:
    first = await recorded(consent())
    second = await recorded(given(by_practitioner(consent("c-2"), "dr-2"), LATER))

    old = (await door.get(f"Consent/{first['id']}")).json()
    assert (old["status"], old["provision"]["period"]["end"]) == ("inactive", "2026-10-20")
    reference = extension_of(old, "superseded-by")
    assert reference is not None
    assert reference["valueReference"]["reference"] == f"Consent/{second['id']}"
    assert sorted(_events(door)) == [("granted", 1), ("granted", 1), ("superseded", 2)]


async def test_a_grant_recorded_after_a_later_one_is_superseded_at_once(door: Door, recorded: Record) -> None:
    """R14: when it was given decides, not when it was recorded."""
    later = await recorded(given(by_practitioner(consent("c-2"), "dr-2"), LATER))
    earlier = await door.post(consent(), Prefer="return=OperationOutcome")

    assert [issue["details"]["coding"][0]["code"] for issue in earlier.json()["issue"]] == ["consent-superseded"]
    assert (await door.get(f"Consent/{later['id']}")).json()["status"] == "active"
    assert sorted(_events(door)) == [("granted", 1), ("granted", 1)]


async def test_a_superseding_consent_taken_back_lets_the_first_stand_again(door: Door, recorded: Record) -> None:
    first = await recorded(consent())
    second = await recorded(given(by_practitioner(consent("c-2"), "dr-2"), LATER))

    await door.put(with_reason(second, "wrong patient", status="entered-in-error"))

    stands = (await door.get(f"Consent/{first['id']}")).json()
    assert (stands["status"], stands["meta"]["versionId"]) == ("active", "3")
    assert "end" not in stands["provision"]["period"]
    assert extension_of(stands, "superseded-by") is None


async def test_a_refusal_after_a_grant_ends_it(door: Door, recorded: Record) -> None:
    """R16."""
    first = await recorded(consent())
    await recorded(given(declined(), LATER))

    ended = (await door.get(f"Consent/{first['id']}")).json()
    assert (ended["status"], ended["provision"]["period"]["end"]) == ("inactive", "2026-10-20")


async def test_a_stop_ends_every_earlier_grant_to_the_practitioner(door: Door, recorded: Record) -> None:
    first = await recorded(consent())
    again = await recorded(given(consent("c-2"), "2026-10-08T09:00:00-04:00"))
    assert (await door.get(f"Consent/{first['id']}")).json()["status"] == "active"

    await door.put(revoked(again, LATER))

    ended = (await door.get(f"Consent/{first['id']}")).json()
    assert (ended["status"], ended["provision"]["period"]["end"]) == ("inactive", "2026-10-31")
    assert extension_of(ended, "revocation") is not None
    assert sorted(_events(door)) == [("granted", 1), ("granted", 1), ("revoked", 2), ("revoked", 2)]


async def test_other_programs_and_patients_are_left_alone(door: Door, recorded: Record) -> None:
    other_program = consent("c-2")
    other_program["category"][1]["coding"][0]["code"] = "rpm"
    other_patient = consent("c-3", patient={"reference": "Patient/p-2"}, performer=[{"reference": "Patient/p-2"}])
    bodies = [await recorded(one) for one in (consent(), other_program, other_patient)]

    await recorded(given(by_practitioner(consent("c-4"), "dr-2"), LATER))

    statuses = [(await door.get(f"Consent/{body['id']}")).json()["status"] for body in bodies]
    assert statuses == ["inactive", "active", "active"]


async def test_the_writing_of_a_version_never_goes_back_in_time(door: Door, recorded: Record) -> None:
    body = await recorded(consent())
    door.clock.set(datetime(2026, 11, 1, tzinfo=UTC))

    answer = await door.put(with_reason(body, "by a slow clock"))

    assert answer.json()["meta"]["lastUpdated"] == body["meta"]["lastUpdated"]
