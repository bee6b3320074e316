"""After the release: what the facts now say is a difference first, and changes nothing until the practitioner signs it."""

from typing import Any

from tests.integration.billing import world as small
from tests.integration.billing.conftest import Clinic, item
from tests.integration.billing.test_charge_item import extensions


async def released(clinic: Clinic, *, billed: bool, minutes: float = 45) -> list[str]:
    """Release a patient's month, and have it billed or not; return the charges' ids, the base first."""
    await clinic.enrol("p1", minutes=minutes)
    await clinic.assemble()
    await clinic.attest()
    charges = sorted(await clinic.queue(), key=lambda one: "partOf" in one)
    if billed:
        await clinic.acknowledge(*(item(one["id"], "billed", claim="C1") for one in charges))
    await clinic.assemble()
    return [one["id"] for one in charges]


def void(number: int = 1) -> Any:
    """Return the void of the first entry."""
    return small.entry(
        "p1", small.at(1, 9), 45, number=number, version=2, status="entered-in-error", change="voided", reason="other patient"
    )


async def states(clinic: Clinic) -> list[tuple[str, int, str, int]]:
    """Return code, units, status and attempt of each charge."""
    charges = (await clinic.result("p1"))["charges"]
    return [(c["code"], c["units"], c["status"], c["attempt"]) for c in charges]


async def test_a_released_month_that_stands_is_no_difference(clinic: Clinic) -> None:
    await released(clinic, billed=True)
    result = await clinic.result("p1")
    assert result["difference"] is None
    assert result["assembly"]["outcome"] == "billed"
    assert (await clinic.attest(differences=True))["charges"] == 0


async def test_less_than_billed_is_replaced_when_signed_and_not_before(clinic: Clinic) -> None:
    old = await released(clinic, billed=True)
    await clinic.tell([void(), small.entry("p1", small.at(8), 22, number=2)])
    await clinic.assemble()
    found = (await clinic.result("p1"))["difference"]
    assert (found["kind"], found["lower"]) == ("replacement", True)
    assert await states(clinic) == [("99439", 1, "billed", 1), ("99490", 1, "billed", 1)]
    assert (await clinic.attest())["charges"] == 0
    signed = await clinic.attest(differences=True)
    assert (signed["released"], signed["charges"]) == (["p1"], 3)
    assert await states(clinic) == [
        ("99439", 1, "entered-in-error", 1),
        ("99490", 1, "entered-in-error", 1),
        ("99490", 1, "billable", 2),
    ]
    new = (await clinic.queue())[0]
    assert extensions(new)["replaces"]["valueReference"]["reference"] == f"ChargeItem/{old[0]}"
    assert extensions(new)["claim-frequency"]["valueCode"] == "7"
    again = await clinic.attest(differences=True)
    assert again["charges"] == 0


async def test_nothing_left_is_a_void(clinic: Clinic) -> None:
    old = await released(clinic, billed=True)
    await clinic.tell([void()])
    await clinic.assemble()
    assert (await clinic.result("p1"))["difference"]["kind"] == "void"
    assert (await clinic.attest(differences=True))["charges"] == 2
    assert {status for _, _, status, _ in await states(clinic)} == {"entered-in-error"}
    ended = (await clinic.bill(f"ChargeItem/{old[0]}")).json()
    assert extensions(ended)["claim-frequency"]["valueCode"] == "8"
    assert await clinic.queue() == []


async def test_more_than_billed_is_replaced_by_more(clinic: Clinic) -> None:
    await released(clinic, billed=True, minutes=25)
    await clinic.tell([small.entry("p1", small.at(8), 20, number=2)])
    await clinic.assemble()
    found = (await clinic.result("p1"))["difference"]
    assert (found["kind"], found["lower"]) == ("replacement", False)
    signed = await clinic.attest(differences=True)
    if signed["waiting"]:
        raise AssertionError((await clinic.result("p1"))["assembly"]["findings"])
    assert await states(clinic) == [("99439", 1, "billable", 1), ("99490", 1, "entered-in-error", 1), ("99490", 1, "billable", 2)]


async def test_what_was_not_billed_yet_is_withdrawn(clinic: Clinic) -> None:
    """A charge on the queue ends as aborted: a biller who acknowledges it late is refused."""
    old = await released(clinic, billed=False)
    await clinic.tell([void(), small.entry("p1", small.at(8), 22, number=2)])
    await clinic.assemble()
    await clinic.attest(differences=True)
    assert await states(clinic) == [("99439", 1, "aborted", 1), ("99490", 1, "aborted", 1), ("99490", 1, "billable", 2)]
    told = await clinic.acknowledge(item(old[0], "billed", claim="C1"))
    assert (told[0]["result"], told[0]["outcome-detail"]["issue"][0]["details"]["coding"][0]["code"]) == ("refused", "withdrawn")
    assert "claim-frequency" not in extensions((await clinic.queue())[0])


async def test_a_revoked_consent_before_the_signature_is_not_billed(clinic: Clinic) -> None:
    await clinic.enrol("p1")
    await clinic.assemble()
    await clinic.tell(
        [small.consent("p1", version=2, status="entered-in-error", change="corrected", change_reason="other patient")]
    )
    signed = await clinic.attest()
    assert (signed["changed"], signed["charges"]) == (["p1"], 0)
    assert await clinic.queue() == []
