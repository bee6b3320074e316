"""The store keeps every version and refuses what does not fit."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from deploy.sandbox.store import Store, VersionConflict, WrongResource, decode, encode


def test_versions_are_numbered_dated_and_kept() -> None:
    clock = [datetime(2026, 10, 1, tzinfo=UTC)]
    store = Store(lambda: clock[0])
    store.put("Patient", "p", {"resourceType": "Patient", "meta": {"tag": [{"code": "x"}], "versionId": "9"}})
    clock[0] += timedelta(hours=1)
    second = store.put("Patient", "p", {"resourceType": "Patient", "id": "p", "active": True}, if_version=1)
    first = store.read("Patient", "p", 1)
    assert first is not None
    assert first.resource["meta"] == {"tag": [{"code": "x"}], "versionId": "1", "lastUpdated": "2026-10-01T00:00:00.000Z"}
    assert store.read("Patient", "p") == second
    assert second.resource["meta"]["lastUpdated"] == "2026-10-01T01:00:00.000Z"
    assert store.read("Patient", "p", 3) is None
    assert store.read("Patient", "q") is None


def test_a_write_against_another_version_or_of_another_resource_changes_nothing() -> None:
    store = Store()
    store.put("Patient", "p", {"resourceType": "Patient"})
    with pytest.raises(VersionConflict):
        store.put("Patient", "p", {"resourceType": "Patient"}, if_version=2)
    for wrong in ({"resourceType": "Group"}, {"resourceType": "Patient", "id": "q"}, {"resourceType": "Patient", "meta": []}):
        with pytest.raises(WrongResource):
            store.put("Patient", "p", wrong)
    current = store.read("Patient", "p")
    assert current is not None
    assert current.number == 1


def test_the_latest_written_comes_last() -> None:
    store = Store()
    for key in ("a", "b", "a"):
        store.put("Patient", key, {"resourceType": "Patient"})
    assert [version.resource["id"] for version in store.current("Patient")] == ["b", "a"]


def test_decimals_survive() -> None:
    read = decode(b'{"a":105.00,"b":0.10,"c":7}')
    assert read == {"a": Decimal("105.00"), "b": Decimal("0.10"), "c": 7}
    assert encode(read) == b'{"a":105.00,"b":0.10,"c":7}'
