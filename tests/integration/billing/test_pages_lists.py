"""Lines of lists: made anew from facts, decisions and charges, whoever wrote them."""

from tests.integration.billing import world as small
from tests.integration.billing.conftest import Clinic
from tests.integration.billing.pages import look_again


async def _line(clinic: Clinic, patient: str, month: str = "2026-10") -> dict[str, object]:
    found = clinic.rows("SELECT * FROM overview WHERE patient = %s AND month = %s", patient, f"{month}-01")
    assert len(found) == 1
    return found[0]


async def test_a_line_follows_facts_decisions_and_charges(clinic: Clinic) -> None:
    await clinic.enrol("ada-lee", minutes=25)
    await look_again(clinic)
    line = await _line(clinic, "ada-lee")
    assert (line["state"], line["counted"], line["next_code"], line["missing"]) == ("hold", 1500, "99439", 900)
    assert "EHR has not been asked" in str(line["finding"])
    await clinic.assemble()
    await look_again(clinic)
    line = await _line(clinic, "ada-lee")
    assert (line["state"], line["mrn"], str(line["amount"])) == ("attest", "MRN-ada-lee", "66.13")
    await clinic.attest()
    await look_again(clinic)
    assert (await _line(clinic, "ada-lee"))["state"] == "released"
    assert clinic.rows("SELECT 1 FROM overview_due") == []


async def test_a_voided_entry_leaves_the_line_and_the_staffs_sum(clinic: Clinic) -> None:
    await clinic.enrol("bea", minutes=25)
    await clinic.assemble()
    await look_again(clinic)
    staff = clinic.rows("SELECT measured, entries, passed FROM overview_staff WHERE patient = 'bea' AND month = '2026-10-01'")
    assert staff == [{"measured": 1500, "entries": 1, "passed": 1}]
    await clinic.tell([small.entry("bea", small.at(1, 9), 25, version=2, status="entered-in-error", change="voided")])
    await look_again(clinic)
    assert (await _line(clinic, "bea"))["counted"] == 0
    assert clinic.rows("SELECT 1 FROM overview_staff WHERE patient = 'bea' AND month = '2026-10-01'") == []


async def test_someone_not_enrolled_and_eligible_is_outside_the_month(clinic: Clinic) -> None:
    clinic.ehr.charts["cal"] = [one for one in small.chart("cal") if one["resourceType"] != "EpisodeOfCare"]
    await clinic.tell([small.consent("cal", status="rejected", change="declined", in_force_until=None)])
    await clinic.assemble()
    await look_again(clinic)
    line = await _line(clinic, "cal")
    assert (line["state"], line["eligible"], line["enrolled"], line["consent"]) == ("outside", True, False, "declined")
    assert line["approached"] and not line["consented"]


async def test_a_practices_own_fact_moves_every_line(empty: Clinic) -> None:
    await empty.enrol("dot", minutes=25)
    await empty.assemble()
    await look_again(empty)
    assert (await _line(empty, "dot"))["state"] == "hold"
    for kind in small.PRACTICE_STATEMENTS:
        await empty.state(small.statement(kind, {"given": True}))
    await look_again(empty)
    assert (await _line(empty, "dot"))["state"] == "attest"
