"""A month from evidence to billed charges, over the public doors."""

from tests.integration.billing.conftest import Clinic, item


async def test_a_plain_month_is_planned_signed_pulled_and_billed(clinic: Clinic) -> None:
    """House 2, steps 4-7: nothing leaves before the practitioner signs, and what left is billed once."""
    await clinic.enrol("p1", minutes=45)
    done = await clinic.assemble()
    assert (done["results"], done["changed"], done["outcomes"]) == (1, 1, {"planned": 1})
    result = await clinic.result("p1")
    assert [(c["code"], c["units"], c["status"]) for c in result["charges"]] == [("99439", 1, "planned"), ("99490", 1, "planned")]
    assert result["releasable"], result["assembly"]["findings"]
    assert await clinic.queue() == []

    signed = await clinic.attest()
    assert signed == {"released": ["p1"], "changed": [], "waiting": [], "charges": 2}
    queue = await clinic.queue()
    assert [(c["code"]["coding"][0]["code"], c["quantity"]["value"]) for c in queue] in (
        [("99490", 1), ("99439", 1)],
        [("99439", 1), ("99490", 1)],
    )
    answers = await clinic.acknowledge(*(item(charge["id"], "billed", claim="C1") for charge in queue))
    assert [a["result"] for a in answers] == ["applied", "applied"]
    assert await clinic.queue() == []
    again = await clinic.attest()
    assert again["charges"] == 0
