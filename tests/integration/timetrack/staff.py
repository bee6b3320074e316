"""Members of staff as a practice records them."""

from typing import Any

from tests.integration.timetrack.conftest import Door


def nurse(**changes: Any) -> dict[str, Any]:
    """Return a nurse with all that is asked of one; `changes` replace fields."""
    return {
        "name": "Rosa Diaz",
        "npi": "1234567893",
        "roles": [{"role": "clinical-staff", "since": "2025-01-01"}],
        "credentials": [{"credential": "registered-nurse", "state": "CT", "number": "CT-1", "since": "2024-01-01"}],
        "supervision": [{"practitioner": "d1", "since": "2025-01-01"}],
        "locations": [{"country": "US", "state": "CT", "since": "2025-01-01", "attested_by": "d1"}],
        "exclusion_checks": ["2026-10-02"],
    } | changes


async def hired(door: Door, practitioner: str = "n1", **changes: Any) -> None:
    """Put a nurse on the roster."""
    answer = await door.ask("PUT", f"time/roster/{practitioner}", json=nurse(**changes))
    assert answer.status_code == 201, answer.text
