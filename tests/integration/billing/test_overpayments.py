"""An overpayment is a case with its own days: from the day it was found, through replacement and void, until it is settled."""

from datetime import timedelta
from typing import Any

import pytest

from tests.integration.billing import world as small
from tests.integration.billing.conftest import NOW, Clinic, item
from tests.integration.billing.pages import Visitor, biller, words
from tests.integration.billing.test_differences import released, void

pytestmark = pytest.mark.requirement("issue-11.1")


async def cases(clinic: Clinic) -> list[dict[str, Any]]:
    """Return the open cases."""
    answer = await clinic.ask("GET", "/billing/overpayments")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["cases"]
    return found


async def settle(clinic: Clinic, case: str, status: int = 200, **changes: str) -> dict[str, Any]:
    """End a case."""
    body = {"outcome": "returned", "reference": "refund 7", "by": small.DEE} | changes
    answer = await clinic.ask("POST", f"/billing/overpayments/{case}/settle", json=body)
    assert answer.status_code == status, answer.text
    said: dict[str, Any] = answer.json()
    return said


async def test_the_days_run_from_the_first_look_and_outlive_the_replacement(clinic: Clinic) -> None:
    await released(clinic, billed=True)
    assert await cases(clinic) == []
    await clinic.tell([void(), small.entry("p1", small.at(8), 22, number=2)])
    await clinic.assemble()
    (found,) = await cases(clinic)
    assert (found["month"], found["patient"], found["report_by"], found["investigate_by"]) == (
        "2026-10", "p1", "2027-01-02", "2027-05-02",
    )  # fmt: skip
    assert found["billed"] == [{"code": "99439", "units": 1}, {"code": "99490", "units": 1}]
    assert found["now"] == [{"code": "99490", "units": 1}]
    clinic.clock.set(NOW + timedelta(days=20))
    await clinic.tell([small.entry("p1", small.at(9), 3, number=3)])
    await clinic.assemble()
    assert await cases(clinic) == [found], "a later look moves no day"
    await clinic.attest(differences=True)
    (new,) = await clinic.queue()
    await clinic.acknowledge(item(new["id"], "billed", claim="C2"))
    await clinic.assemble()
    assert await cases(clinic) == [found], "the claim is right again, the money is still to be returned"
    ended = await settle(clinic, found["id"])
    assert (ended["outcome"], ended["reference"], ended["by"]) == ("returned", "refund 7", small.DEE)
    assert await settle(clinic, found["id"]) == ended
    await settle(clinic, found["id"], 409, reference="refund 8")
    assert await cases(clinic) == []
    told = clinic.rows("SELECT action, patients FROM journal WHERE action LIKE 'overpayment.%%' ORDER BY version")
    assert [tuple(row.values()) for row in told] == [("overpayment.found", ["p1"]), ("overpayment.settled", ["p1"])]


async def test_a_void_is_one_too_and_a_fact_that_comes_back_ends_it(clinic: Clinic) -> None:
    await released(clinic, billed=True)
    await clinic.tell([void()])
    await clinic.assemble()
    (found,) = await cases(clinic)
    assert found["now"] == []
    await clinic.tell([small.entry("p1", small.at(8), 45, number=2)])
    await clinic.assemble()
    assert await cases(clinic) == []
    (row,) = clinic.rows("SELECT outcome, by, reference FROM overpayment")
    assert tuple(row.values()) == ("not-owed", None, "the facts give again what was billed")


async def test_what_was_never_billed_was_never_overpaid(clinic: Clinic) -> None:
    await released(clinic, billed=False)
    await clinic.tell([void()])
    await clinic.assemble()
    assert await cases(clinic) == []
    await released_more(clinic)


async def released_more(clinic: Clinic) -> None:
    """More than was billed is none either."""
    await clinic.enrol("p2", minutes=25)
    await clinic.assemble()
    await clinic.attest()
    mine = [one for one in await clinic.queue() if one["subject"]["reference"].endswith("/p2")]
    await clinic.acknowledge(*(item(one["id"], "billed", claim="C2") for one in mine))
    await clinic.tell([small.entry("p2", small.at(9, 11), 20, number=2)])
    await clinic.assemble()
    assert (await clinic.result("p2"))["difference"]["lower"] is False
    assert await cases(clinic) == []


async def test_settling_needs_the_role_a_reference_and_a_case(clinic: Clinic) -> None:
    await released(clinic, billed=True)
    await clinic.tell([void()])
    await clinic.assemble()
    (found,) = await cases(clinic)
    await settle(clinic, found["id"], 403, by=small.BO)
    await settle(clinic, found["id"], 422, reference=" ")
    await settle(clinic, found["id"], 422, outcome="forgotten")
    await settle(clinic, "01890000-0000-7000-8000-000000000000", 404)
    assert await cases(clinic) == [found]


async def test_the_desk_shows_the_case_with_its_day_and_ends_it(clinic: Clinic) -> None:
    await released(clinic, billed=True)
    assert "No overpayment is open" in words(await biller(clinic).get("overpayments"))
    await clinic.tell([void(), small.entry("p1", small.at(8), 22, number=2)])
    await clinic.assemble()
    (case,) = await cases(clinic)
    assert "1 case is to be reported and returned, the first by Jan 2, 2027." in words(await biller(clinic).get("desk"))
    page = words(await Visitor(clinic, small.DEE, ("auditor",)).get("overpayments"))
    assert "October 2026 99439 + 99490 99490 $50.44 Nov 3, 2026 Jan 2, 2027 60 days left May 2, 2027" in page
    assert "End the case" not in page
    text = (await biller(clinic).ask("GET", "overpayments.csv")).text
    assert "$50.44" in text
    refused = words(await biller(clinic).post(f"overpayments/{case['id']}", 422, reference="letter 12"))
    assert "Choose how it ended." in refused
    assert "Name the refund" in words(await biller(clinic).post(f"overpayments/{case['id']}", 422, outcome="offset"))
    ended = words(await biller(clinic).post(f"overpayments/{case['id']}", outcome="offset", reference="letter 12"))
    assert "The case is ended: taken back by the payer." in ended
    assert await cases(clinic) == []
