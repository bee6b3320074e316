"""What the long runs have found, kept (requirement 24)."""

import pytest

from tests.security.place import ALL_SCOPES, Place

pytestmark = pytest.mark.requirement("standards-24")

TIMER = {"performer": "rn-north-1", "patient": "pat-north-1", "program": "ccm", "activity": "patient-contact"}


async def test_a_zero_byte_is_refused_wherever_it_stands(place: Place) -> None:
    headers, before = place.tokens.bearer("north", ALL_SCOPES), place.stored("timetrack")
    answers = [
        await place.ask("GET", "/t/north/time/roster/%00", headers=headers),
        await place.ask("GET", "/t/north/time/roster/%00x", headers=headers),
        await place.ask("POST", "/t/north/time/timers", headers=headers, json=TIMER | {"identifier": "\0"}),
    ]
    assert [(answer.status_code, answer.json()["issues"][0]["rule"]) for answer in answers] == [(400, "json-character")] * 3
    assert place.stored("timetrack") == before


@pytest.mark.parametrize("month", ["0000-01", "9999-12", "2026-13", "２０２６-10"])
async def test_a_month_that_is_none(place: Place, month: str) -> None:
    answer = await place.ask("GET", f"/t/north/billing/months/{month}", headers=place.tokens.bearer("north", ALL_SCOPES))
    assert answer.status_code == 400
