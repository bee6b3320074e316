"""Attestations, reviews, and the close of a month: each names a person of the roster."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from shared.contracts.month import MonthState
from tests.integration.billing import world as small
from tests.integration.billing.conftest import BILL, Clinic


async def test_the_same_statement_again_is_the_same_and_another_is_refused(empty: Clinic) -> None:
    body = small.statement("risk", {"significant": True}, patient="p1")
    first = await empty.state(body)
    again = await empty.state(body, status=200)
    assert (again["id"], first["created"], again["created"]) == (first["id"], True, False)
    other = await empty.ask("POST", "/billing/attestations", json=body | {"value": {"significant": False}})
    assert other.status_code == 409
    assert empty.rows("SELECT count(*) AS n FROM ledger_entry WHERE kind = 'attestation'") == [{"n": 1}]


async def test_fifty_identical_statements_at_once_are_one(empty: Clinic) -> None:
    body = small.statement("access-24-7", {"given": True})
    answers = await asyncio.gather(*(empty.ask("POST", "/billing/attestations", json=body) for _ in range(50)))
    assert sorted({answer.status_code for answer in answers}) == [200, 201]
    assert [answer.status_code for answer in answers].count(201) == 1
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert empty.rows("SELECT count(*) AS n FROM journal WHERE action = 'attestation.recorded'") == [{"n": 1}]


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"by": "stranger"}, 403, "by"),
    ({"by": small.BO}, 403, "by"),
    ({"by": small.ADA, "role": "biller"}, 403, "by"),
    ({"signed_at": "2027-01-01T00:00:00Z"}, 422, "signed_at"),
    ({"signed_at": "2024-01-01T00:00:00Z"}, 403, "by"),
    ({"value": {}}, 422, "value.significant"),
    ({"value": {"significant": "yes"}}, 422, "value.significant"),
    ({"value": {"significant": True, "colour": "red"}}, 422, "value.colour"),
    ({"patient": None}, 422, "patient"),
    ({"kind": "lane", "value": {"lane": "complex"}}, 422, "month"),
    ({"kind": "lane", "value": {"lane": "express"}, "month": "2026-10"}, 422, "value.lane"),
    ({"until": "2025-01-01"}, 422, "until"),
    ({"kind": "weather"}, 422, "body.kind"),
    ({"colour": "red"}, 422, "body.colour"),
    ({"month": "2026-13"}, 422, "body.month"),
    ({"patient": "a/b"}, 422, "body.patient"),
]


@pytest.mark.parametrize(("changes", "status", "field"), REFUSED)
async def test_what_is_wrong_is_named_and_nothing_is_stored(
    empty: Clinic, changes: dict[str, Any], status: int, field: str
) -> None:
    answer = await empty.ask(
        "POST", "/billing/attestations", json=small.statement("risk", {"significant": True}, patient="p1") | changes
    )
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert field in {issue.get("field") for issue in answer.json()["issues"]}
    assert empty.rows("SELECT count(*) AS n FROM ledger_entry WHERE kind = 'attestation'") == [{"n": 0}]


async def test_attesting_needs_its_scope(empty: Clinic) -> None:
    for path in (
        "attestations",
        f"reviews/{uuid4()}",
        "months/2026-10/assemble",
        "months/2026-10/attest",
        "months/2026-10/close",
    ):
        answer = await empty.ask("POST", f"/billing/{path}", scope=BILL, json={})
        assert answer.status_code == 403, path


async def under_review(clinic: Clinic) -> tuple[str, dict[str, Any]]:
    """Return the id and the finding of a review: two of three stretches were asserted."""
    await clinic.enrol("p1", minutes=12)
    asserted = {"basis": "asserted", "asserted_reason": "timer forgotten"}
    await clinic.tell([small.entry("p1", small.at(5), 14, number=2, **asserted)])
    await clinic.assemble()
    result = await clinic.result("p1")
    finding = next(f for f in result["assembly"]["findings"] if f["severity"] == "review")
    return result["reviews"][finding["key"]], finding


async def test_a_review_waits_for_a_named_person_and_is_lifted_by_the_decision(clinic: Clinic) -> None:
    review, finding = await under_review(clinic)
    assert (await clinic.attest())["waiting"] == ["p1"]
    refused = await clinic.ask("POST", f"/billing/reviews/{review}", json={"decision": "bill", "reason": "seen", "by": small.BO})
    assert refused.status_code == 403
    decision = "add" if finding["concerns"] == "time" else "bill"
    body = {"decision": decision, "reason": "the timer was forgotten, the note shows the call", "by": small.ADA}
    answers = [await clinic.ask("POST", f"/billing/reviews/{review}", json=body) for _ in range(2)]
    assert [answer.json()["version"] for answer in answers] == [1, 1]
    await clinic.assemble()
    result = await clinic.result("p1")
    decided = next(f for f in result["assembly"]["findings"] if f["key"] == finding["key"])["decided"]
    assert (decided["decision"], decided["by"]) == (decision, small.ADA)
    assert (await clinic.attest())["released"] == ["p1"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"decision": "maybe", "reason": "x", "by": small.ADA}, 422),
        ({"decision": "bill", "reason": "   ", "by": small.ADA}, 422),
        ({"decision": "bill", "reason": "x"}, 422),
    ],
)
async def test_a_decision_needs_its_parts(clinic: Clinic, body: dict[str, Any], status: int) -> None:
    review, _ = await under_review(clinic)
    assert (await clinic.ask("POST", f"/billing/reviews/{review}", json=body)).status_code == status
    assert clinic.rows("SELECT count(*) AS n FROM ledger_entry WHERE kind = 'review-decision'") == [{"n": 0}]


async def test_an_unknown_review_is_not_found(clinic: Clinic) -> None:
    body = {"decision": "bill", "reason": "x", "by": small.ADA}
    assert (await clinic.ask("POST", f"/billing/reviews/{uuid4()}", json=body)).status_code == 404


async def test_a_month_is_closed_and_reopened_by_name_and_told(clinic: Clinic) -> None:
    by = {"by": small.ADA, "reason": "all signed"}
    await clinic.enrol("p1")
    await clinic.assemble()
    await clinic.attest()
    closed = await clinic.ask("POST", "/billing/months/2026-10/close", json=by)
    assert (closed.status_code, closed.json()["status"], closed.json()["version"]) == (200, "closed", 1)
    again = await clinic.ask("POST", "/billing/months/2026-10/close", json=by)
    assert again.json() == closed.json()
    shown = (await clinic.ask("GET", "/billing/months/2026-10?count=0")).json()
    assert shown["status"] == "closed"
    manifest = (await clinic.ask("GET", "/billing/months/2026-10/manifest", scope=BILL)).json()
    assert manifest["feed_position_at_close"] == manifest["feed_position"]
    reopened = await clinic.ask("POST", "/billing/months/2026-10/reopen", json=by | {"reason": "one more"})
    assert (reopened.json()["status"], reopened.json()["version"]) == ("open", 2)
    events = clinic.rows(
        "SELECT event_type, aggregate, version, data FROM journal WHERE event_type LIKE 'ccm.month%%' ORDER BY version"
    )
    assert [(e["event_type"], e["version"]) for e in events] == [("ccm.month.closed.v1", 1), ("ccm.month.reopened.v1", 2)]
    state = MonthState.model_validate_json(events[0]["data"])
    assert (state.month, state.by, state.reason) == ("2026-10", small.ADA, "all signed")
    assert (state.starts_at.isoformat(), state.ends_at.isoformat()) == ("2026-10-01T04:00:00+00:00", "2026-11-01T04:00:00+00:00")


@pytest.mark.parametrize(
    ("month", "body", "status"),
    [
        ("2026-10", {"by": small.BO, "reason": "x"}, 403),
        ("2026-10", {"by": small.ADA, "reason": ""}, 422),
        ("2026-11", {"by": small.ADA, "reason": "too early"}, 409),
        ("2026-13", {"by": small.ADA, "reason": "x"}, 400),
    ],
)
async def test_a_close_that_is_refused_closes_nothing(clinic: Clinic, month: str, body: dict[str, Any], status: int) -> None:
    assert (await clinic.ask("POST", f"/billing/months/{month}/close", json=body)).status_code == status
    assert clinic.rows("SELECT count(*) AS n FROM ledger_entry WHERE kind = 'month'") == [{"n": 0}]


async def test_time_logged_after_the_close_waits_for_a_reopening(clinic: Clinic) -> None:
    """What belongs to a closed month is stored, marked late and not counted; reopening lets it count."""
    await clinic.enrol("p1", minutes=15)
    body = {"by": small.ADA, "reason": "done"}
    await clinic.ask("POST", "/billing/months/2026-10/close", json=body)
    clinic.clock.set(small.at(4, month=11))
    late = {"written_at": small.at(4, month=11), "first_written_at": small.at(4, month=11)}
    await clinic.tell([small.entry("p1", small.at(29), 10, number=2, **late)])
    await clinic.assemble()
    assert (await clinic.result("p1"))["assembly"]["seconds"] == [["clinical_staff", 900]]
    await clinic.ask("POST", "/billing/months/2026-10/reopen", json=body)
    await clinic.assemble()
    findings = (await clinic.result("p1"))["assembly"]["findings"]
    assert any(f["severity"] == "review" and f["rule"] in ("T23", "R12") for f in findings), findings


async def test_totals_and_manifest_count_what_was_published(clinic: Clinic) -> None:
    await clinic.enrol("p1", minutes=65)
    await clinic.enrol("p2", minutes=25)
    await clinic.assemble()
    before = (await clinic.ask("GET", "/billing/months/2026-10/manifest", scope=BILL)).json()
    assert (before["status"], before["charges"], before["totals"]) == ("open", 0, [])
    await clinic.attest()
    manifest = (await clinic.ask("GET", "/billing/months/2026-10/manifest", scope=BILL)).json()
    assert (manifest["status"], manifest["charges"], manifest["units"]) == ("attested", 3, 4)
    assert manifest["totals"] == [
        {"code": "99439", "status": "billable", "charges": 1, "units": 2},
        {"code": "99490", "status": "billable", "charges": 2, "units": 2},
    ]
    pages = []
    after = ""
    while True:
        page = (await clinic.ask("GET", f"/billing/months/2026-10?count=1{after}")).json()
        pages += [result["patient"] for result in page["results"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert pages == ["p1", "p2"]


@pytest.mark.requirement("issue-9.3")
async def test_seconds_with_two_patients_at_once_are_added_to_one_of_them(clinic: Clinic) -> None:
    """T25: divided, never repeated; two who answer at once are told apart, and what was left out may be added instead."""
    for patient in ("p1", "p2"):
        await clinic.enrol(patient, minutes=10)
        await clinic.tell([small.entry(patient, small.at(20), 20, number=2)])
    await clinic.assemble()
    found = {patient: await clinic.result(patient) for patient in ("p1", "p2")}
    reviews = {patient: next(iter(result["reviews"].values())) for patient, result in found.items()}
    assert {f["rule"] for result in found.values() for f in result["assembly"]["findings"] if f["severity"] == "review"} == {
        "R29"
    }

    def answer(patient: str, decision: str) -> Any:
        body = {"decision": decision, "reason": "as the log says", "by": small.ADA}
        return clinic.ask("POST", f"/billing/reviews/{reviews[patient]}", json=body)

    answers = await asyncio.gather(*(answer(patient, "add") for patient in ("p1", "p2")))
    assert sorted(one.status_code for one in answers) == [200, 409]
    refused = next(one for one in answers if one.status_code == 409)
    assert [(issue["rule"], issue["field"]) for issue in refused.json()["issues"]] == [("T25", "decision")]
    won, lost = ("p1", "p2") if answers[0].status_code == 200 else ("p2", "p1")
    assert (await answer(won, "leave-out")).status_code == 200
    assert (await answer(lost, "add")).status_code == 200
    await clinic.assemble()
    seconds = [(await clinic.result(patient))["assembly"]["seconds"][0][1] for patient in (won, lost)]
    assert seconds == [10 * 60, 30 * 60]
