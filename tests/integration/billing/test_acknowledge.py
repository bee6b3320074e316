"""What the billing system says of charges: integration.md 6, item by item."""

from typing import Any

import pytest

from tests.integration.billing import world as small
from tests.integration.billing.conftest import ATTEST, BILL, Clinic, item


@pytest.fixture
async def charge(clinic: Clinic) -> str:
    """A charge that waits on the queue."""
    await clinic.enrol("p1")
    await clinic.assemble()
    await clinic.attest()
    return str((await clinic.queue())[0]["id"])


SAID: dict[str, dict[str, Any]] = {
    "billed": {"outcome": "billed", "claim": "C1"},
    "billed-2": {"outcome": "billed", "claim": "C2"},
    "rejected": {"outcome": "rejected", "reason": "wrong payer"},
    "returned": {"outcome": "returned", "reason": "never sent"},
    "voided": {"outcome": "voided", "reason": "sent by mistake"},
    "voided-c2": {"outcome": "voided", "claim": "C2", "reason": "sent by mistake"},
}
MATRIX = [
    # what was said before, what is said now, answer, status after
    ((), "billed", "applied", "billed"),
    ((), "rejected", "applied", "aborted"),
    ((), "returned", "refused", "billable"),
    ((), "voided", "refused", "billable"),
    (("billed",), "billed", "already", "billed"),
    (("billed",), "billed-2", "conflict", "billed"),
    (("billed",), "rejected", "refused", "billed"),
    (("billed",), "returned", "applied", "billable"),
    (("billed",), "voided", "applied", "entered-in-error"),
    (("billed",), "voided-c2", "conflict", "billed"),
    (("rejected",), "rejected", "already", "aborted"),
    (("rejected",), "billed", "refused", "aborted"),
    (("rejected",), "voided", "refused", "aborted"),
    (("billed", "returned"), "returned", "already", "billable"),
    (("billed", "returned"), "billed-2", "applied", "billed"),
    (("billed", "voided"), "voided", "already", "entered-in-error"),
    (("billed", "voided"), "billed", "refused", "entered-in-error"),
]


def saying(charge: str, word: str) -> dict[str, Any]:
    """Return an item of the table above."""
    parts = dict(SAID[word])
    return item(charge, parts.pop("outcome"), **parts)


@pytest.mark.parametrize(("before", "now", "answer", "status"), MATRIX)
async def test_every_state_meets_every_word(
    clinic: Clinic, charge: str, before: tuple[str, ...], now: str, answer: str, status: str
) -> None:
    for word in before:
        assert (await clinic.acknowledge(saying(charge, word)))[0]["result"] == "applied"
    told = await clinic.acknowledge(saying(charge, now))
    assert (told[0]["result"], told[0]["status"]) == (answer, status)
    read = (await clinic.bill(f"ChargeItem/{charge}")).json()
    assert read["status"] == status
    assert int(read["meta"]["versionId"]) == 1 + len(before) + (answer == "applied")
    if answer in ("conflict", "refused"):
        assert told[0]["outcome-detail"]["issue"][0]["details"]["coding"][0]["code"]
    else:
        assert "outcome-detail" not in told[0]


async def test_items_are_answered_in_their_place_and_counted(clinic: Clinic, charge: str) -> None:
    body = {
        "resourceType": "Parameters",
        "parameter": [
            item("01890000-0000-7000-8000-000000000000", "billed", claim="X"),
            item(charge, "billed", claim="C1"),
            item(charge, "billed", claim="C1"),
            item(charge, "billed", claim="C9"),
        ],
    }
    answer = (await clinic.ask("POST", "/fhir/R4/ChargeItem/$acknowledge", scope=BILL, json=body)).json()
    counts = {p["name"]: p["valueInteger"] for p in answer["parameter"] if "valueInteger" in p}
    assert counts == {"applied": 1, "already": 1, "conflict": 1, "refused": 1}
    results = [
        next(part["valueCode"] for part in p["part"] if part["name"] == "result")
        for p in answer["parameter"]
        if p["name"] == "item"
    ]
    assert results == ["refused", "applied", "already", "conflict"]


async def test_a_charge_named_twice_in_a_message_changes_twice(clinic: Clinic, charge: str) -> None:
    told = await clinic.acknowledge(
        item(charge, "billed", claim="C1"), item(charge, "returned", reason="not sent"), item(charge, "billed", claim="C2")
    )
    assert [(one["result"], one["version"]) for one in told] == [("applied", "2"), ("applied", "3"), ("applied", "4")]
    rows = clinic.rows("SELECT version, status FROM charge_version ORDER BY version")
    assert [tuple(row.values()) for row in rows] == [(1, "billable"), (2, "billed"), (3, "billable"), (4, "billed")]


async def test_a_stale_version_is_a_conflict_and_a_repetition_is_not(clinic: Clinic, charge: str) -> None:
    stale = await clinic.acknowledge(item(charge, "billed", claim="C1", version="7"))
    assert stale[0]["result"] == "conflict"
    assert (await clinic.acknowledge(item(charge, "billed", claim="C1", version="1")))[0]["result"] == "applied"
    assert (await clinic.acknowledge(item(charge, "billed", claim="C1", version="1")))[0]["result"] == "already"


async def test_a_charge_is_named_by_reference_or_by_identifier(clinic: Clinic, charge: str) -> None:
    identifier = {"system": "https://careledger.example/fhir/sid/charge", "value": charge}
    for value in ({"valueReference": {"identifier": identifier}}, {"valueIdentifier": identifier}):
        named = item(charge, "billed", claim="C1")
        named["part"][0] = {"name": "charge", **value}
        assert (await clinic.acknowledge(named))[0]["result"] in ("applied", "already")


@pytest.mark.parametrize(
    ("broken", "status", "place"),
    [
        ([], 400, None),
        ([{"name": "thing", "valueString": "x"}], 400, "Parameters.parameter"),
        ([{"name": "item", "part": [{"name": "outcome", "valueCode": "billed"}]}], 422, "Parameters.parameter[0].charge"),
        ([item("01890000-0000-7000-8000-000000000000", "billed")], 422, "Parameters.parameter[0].claim"),
        ([item("01890000-0000-7000-8000-000000000000", "rejected")], 422, "Parameters.parameter[0].reason"),
        ([item("01890000-0000-7000-8000-000000000000", "paid")], 422, "Parameters.parameter[0].outcome"),
        (
            [item("01890000-0000-7000-8000-000000000000", "billed", claim="C", version="x")],
            422,
            "Parameters.parameter[0].version",
        ),
    ],
)
async def test_a_bad_envelope_applies_nothing_and_names_the_place(
    clinic: Clinic, charge: str, broken: list[dict[str, Any]], status: int, place: str | None
) -> None:
    items = [*broken, item(charge, "billed", claim="C1")] if broken else []
    body = {"resourceType": "Parameters", "parameter": items} if items else {"resourceType": "Parameters"}
    answer = await clinic.ask("POST", "/fhir/R4/ChargeItem/$acknowledge", scope=BILL, json=body)
    assert answer.status_code == status, answer.text
    if place:
        assert answer.json()["issue"][0]["expression"] == [place]
    assert (await clinic.bill(f"ChargeItem/{charge}")).json()["status"] == "billable"


async def test_more_than_500_items_are_refused(clinic: Clinic, charge: str) -> None:
    answer = await clinic.ask(
        "POST",
        "/fhir/R4/ChargeItem/$acknowledge",
        scope=BILL,
        json={"resourceType": "Parameters", "parameter": [item(charge, "billed", claim="C1")] * 501},
    )
    assert answer.status_code == 400
    assert (await clinic.bill(f"ChargeItem/{charge}")).json()["status"] == "billable"


async def test_acknowledging_needs_its_scope(clinic: Clinic, charge: str) -> None:
    body = {"resourceType": "Parameters", "parameter": [item(charge, "billed", claim="C1")]}
    for scope in ("system/ChargeItem.rs", ATTEST):
        answer = await clinic.ask("POST", "/fhir/R4/ChargeItem/$acknowledge", scope=scope, json=body)
        assert answer.status_code == 403


async def test_a_rejected_charge_comes_again_as_a_new_one(clinic: Clinic, charge: str) -> None:
    """Nothing taken off the queue returns changed: the next attempt is a charge of its own that says what it replaces."""
    await clinic.acknowledge(item(charge, "rejected", reason="wrong payer"))
    await clinic.assemble()
    planned = [c for c in (await clinic.result("p1"))["charges"] if c["status"] == "planned"]
    assert [(c["attempt"], c["id"] == charge) for c in planned] == [(2, False)]
    await clinic.attest()
    again = (await clinic.queue())[0]
    assert again["id"] == planned[0]["id"]
    replaces = next(e for e in again["extension"] if e["url"].endswith("/replaces"))
    assert replaces["valueReference"]["reference"] == f"ChargeItem/{charge}"


async def test_each_change_tells_the_others_whole(clinic: Clinic, charge: str) -> None:
    await clinic.acknowledge(item(charge, "billed", claim="C1"))
    await clinic.acknowledge(item(charge, "voided", reason="by mistake"))
    rows = clinic.rows(
        "SELECT j.event_type, j.version, j.patients, u.id IS NOT NULL AS pending FROM journal j"
        " LEFT JOIN journal_unpublished u USING (tenant_id, id) WHERE j.event_type LIKE 'ccm.charge-item%%' ORDER BY j.version"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("ccm.charge-item.billable.v1", 1, ["p1"], True),
        ("ccm.charge-item.billed.v1", 2, ["p1"], True),
        ("ccm.charge-item.voided.v1", 3, ["p1"], True),
    ]


async def test_another_practice_cannot_acknowledge(clinic: Clinic, charge: str) -> None:
    clinic.tenant = "south"
    await clinic.tell(small.practice("south"))
    told = await clinic.acknowledge(item(charge, "billed", claim="C1"))
    assert told[0]["result"] == "refused"
    assert told[0]["outcome-detail"]["issue"][0]["code"] == "not-found"
    clinic.tenant = "north"
    assert (await clinic.bill(f"ChargeItem/{charge}")).json()["status"] == "billable"
