"""The roster: recorded whole, versioned, told by event."""

import json
from typing import Any

import pytest

from shared.contracts.staff_member import StaffMemberState
from tests.integration.timetrack.conftest import Door
from tests.integration.timetrack.staff import nurse


async def put(door: Door, body: Any, **headers: str) -> Any:
    """Record the nurse n1."""
    return await door.ask("PUT", "time/roster/n1", json=body, headers={k.replace("_", "-"): v for k, v in headers.items()})


async def test_a_member_is_recorded_and_told(door: Door) -> None:
    answer = await put(door, nurse())
    assert (answer.status_code, answer.headers["etag"], answer.json()["version"]) == (201, 'W/"1"', 1)
    read = await door.get("time/roster/n1")
    assert (read.json(), read.headers["etag"]) == (answer.json(), 'W/"1"')
    event = door.rows("SELECT event_type, aggregate, data FROM journal JOIN journal_unpublished USING (tenant_id, id)")[0]
    assert (event["event_type"], event["aggregate"]) == ("ccm.staff-member.recorded.v1", "n1")
    state = StaffMemberState.model_validate_json(event["data"])
    assert (state.credentials[0].credential, state.supervision[0].practitioner) == ("registered-nurse", "d1")
    assert json.loads(event["data"])["exclusion_checks"] == ["2026-10-02"]


async def test_the_same_again_changes_nothing(door: Door) -> None:
    first = await put(door, nurse())
    again = await put(door, nurse())
    assert (again.status_code, again.json()) == (200, first.json())
    assert len(door.rows("SELECT 1 FROM journal WHERE status IS NULL")) == 1


async def test_a_change_says_which_version_it_saw(door: Door) -> None:
    await put(door, nurse())
    changed = nurse(name="Rosa Diaz-Lee")
    assert (await put(door, changed)).status_code == 400
    assert (await put(door, changed, If_Match='W/"2"')).status_code == 412
    answer = await put(door, changed, If_Match='W/"1"')
    assert (answer.status_code, answer.json()["version"]) == (200, 2)
    assert [row["version"] for row in door.rows("SELECT version FROM staff_member ORDER BY version")] == [1, 2]
    everybody = (await door.get("time/roster")).json()["members"]
    assert [(member["practitioner"], member["name"]) for member in everybody] == [("n1", "Rosa Diaz-Lee")]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"npi": "1234567890"}, "npi"),
        ({"npi": "123"}, "npi"),
        ({"roles": [{"role": "clinical-staff", "since": "2025-01-02", "until": "2025-01-01"}]}, "roles.0.until"),
        ({"exclusion_checks": ["2026-10-16"]}, "exclusion_checks.0"),
        ({"roles": [{"role": "king", "since": "2025-01-02"}]}, "body.roles.0.role"),
        ({"credentials": [{"credential": "registered-nurse", "since": "yesterday"}]}, "body.credentials.0.since"),
        ({"locations": [{"country": "USA", "since": "2025-01-01", "attested_by": "d1"}]}, "body.locations.0.country"),
        ({"supervision": [{"practitioner": "d 1", "since": "2025-01-01"}]}, "body.supervision.0.practitioner"),
        ({"salary": 1}, "body.salary"),
        ({"name": " "}, "body.name"),
    ],
)
async def test_a_refusal_names_the_field_and_stores_nothing(door: Door, change: dict[str, Any], field: str) -> None:
    answer = await put(door, nurse(**change))
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert [issue["field"] for issue in answer.json()["issues"]] == [field]
    assert door.rows("SELECT 1 FROM staff_member") == []
    assert door.stored() == 0


async def test_nobody_of_that_id(door: Door) -> None:
    assert (await door.get("time/roster/n9")).status_code == 404
    assert (await door.ask("PUT", "time/roster/n%209", json=nurse())).status_code == 422
