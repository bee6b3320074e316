"""Which signing key signs, which are published, and how one follows another (standards.md 1.7)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.access.domain.signing_key import (
    LEAD,
    NoSigningKey,
    RotationUnderway,
    SigningKey,
    check_rotation,
    plan_rotation,
    published_keys,
    signing_key,
)

START = datetime(2026, 10, 1, tzinfo=UTC)


def _rotate(keys: list[SigningKey], at: datetime, kid: str) -> list[SigningKey]:
    check_rotation(keys, at)
    new, ending = plan_rotation(keys, kid=kid, public_jwk="{}", at=at)
    ended = {key.kid: key for key in ending}
    return [*(ended.get(key.kid, key) for key in keys), new]


def test_the_first_key_signs_at_once_and_the_next_after_a_day() -> None:
    keys = _rotate([], START, "one")
    assert signing_key(keys, START).kid == "one"
    keys = _rotate(keys, START + timedelta(days=30), "two")
    turn = START + timedelta(days=31)
    assert signing_key(keys, turn - timedelta(seconds=1)).kid == "one"
    assert signing_key(keys, turn).kid == "two"
    assert [key.kid for key in published_keys(keys, START + timedelta(days=30))] == ["one", "two"]
    assert [key.kid for key in published_keys(keys, turn + LEAD - timedelta(seconds=1))] == ["one", "two"]
    assert [key.kid for key in published_keys(keys, turn + LEAD)] == ["two"]


def test_a_second_rotation_waits_for_the_first() -> None:
    keys = _rotate(_rotate([], START, "one"), START + timedelta(hours=1), "two")
    with pytest.raises(RotationUnderway):
        check_rotation(keys, START + timedelta(hours=24))
    assert len(_rotate(keys, START + timedelta(hours=25), "three")) == 3


def test_no_key_no_signature() -> None:
    with pytest.raises(NoSigningKey):
        signing_key([], START)


@given(st.lists(st.integers(min_value=1, max_value=2000), max_size=12))
def test_whatever_signed_is_published_a_day_before_and_stays_a_day_after(hours: list[int]) -> None:
    """At any hour one key signs; verifiers that read the set up to a day ago know it, and what it signed a day ago too."""
    keys, at = _rotate([], START, "0"), START
    for number, step in enumerate(hours, 1):
        at += timedelta(hours=step)
        try:
            keys = _rotate(keys, at, str(number))
        except RotationUnderway:
            continue
    for step in range(0, int((at - START).total_seconds() // 3600) + 60, 7):
        now = START + timedelta(hours=step)
        signer = signing_key(keys, now)
        for seen in (max(START, now - LEAD + timedelta(seconds=1)), now + LEAD - timedelta(seconds=1)):
            assert signer.published_at > seen or signer in published_keys(keys, seen)
        assert signer.published_at <= max(START, now - LEAD)
