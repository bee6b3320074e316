"""Nothing that was published is gone, and nothing new is asked for (docs/compatibility.md)."""

import json
from copy import deepcopy
from typing import Any

import pytest

from tests.contract.promised import KEPT, promised

pytestmark = pytest.mark.requirement("issue-11.4")

Promises = dict[str, dict[str, list[str]]]


def broken(before: Promises, now: Promises) -> list[str]:
    """Return what of `before` does not hold `now`."""
    found = []
    for operation, kept in before.items():
        today = now.get(operation)
        if today is None:
            found.append(f"{operation} is gone")
            continue
        found += [
            f"{operation} no longer {word} {one}" for word in ("takes", "answers") for one in kept[word] if one not in today[word]
        ]
        found += [f"{operation} now asks for {one}" for one in today["asks"] if one not in kept["asks"]]
    return found


def test_what_was_promised_holds() -> None:
    """If this fails, do not write the file anew: announce the change (`Sunset`), and keep the old beside the new."""
    kept: Promises = json.loads(KEPT.read_text())
    assert len(kept) > 50
    assert broken(kept, promised()) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one.clear(),
        lambda one: one["GET /t/{tenant}/fhir/R4/ChargeItem"]["takes"].remove("query status"),
        lambda one: one["GET /t/{tenant}/auth/whoami"]["answers"].remove("200 application/json.client_id string"),
        lambda one: one["POST /t/{tenant}/time/timers"]["asks"].append("application/json.encounter"),
    ],
    ids=("route", "parameter", "member", "required"),
)
def test_each_kind_of_break_is_seen(change: Any) -> None:
    kept: Promises = json.loads(KEPT.read_text())
    now = deepcopy(kept)
    change(now)
    assert broken(kept, now) != []
