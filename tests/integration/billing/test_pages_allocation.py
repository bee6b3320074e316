"""The same minute in two programs: held until somebody says to which it goes, from the chart or from the desk (T6, row 31)."""

import pytest

from tests.integration.billing import world as small
from tests.integration.billing.conftest import Clinic
from tests.integration.billing.pages import biller, doctor, look_again, nurse, words

MONTH = "2026-10"
ENTRY = "entry-both-1"


@pytest.fixture
async def both(clinic: Clinic) -> Clinic:
    """A patient whose 25 minutes remote monitoring claims too."""
    clinic.ehr.charts["both"] = small.chart("both")
    ours = small.entry("both", small.at(6, 15), 25)
    theirs = small.entry("both", small.at(6, 15), 25, number=2, program="rpm")
    await clinic.tell([small.consent("both"), ours, theirs])
    for body in small.statements("both"):
        await clinic.state(body)
    await clinic.assemble()
    await look_again(clinic)
    return clinic


@pytest.mark.requirement("issue-10.7")
async def test_the_desk_gives_contested_minutes_to_one_program(both: Clinic) -> None:
    visitor, path = biller(both), f"months/{MONTH}/patients/both"
    page = words(await visitor.get(path))
    assert "Claimed by rpm too." in page
    assert "Say which program gets it" in page
    form = await visitor.get(f"{path}/allocations/{ENTRY}")
    assert "25 min of “Call with patient, Tue Oct 6, Bo, RN” are claimed by more than one program." in words(form)
    assert " checked" not in form
    refused = words(await visitor.post(f"{path}/allocations/{ENTRY}", 422, minutes="26"))
    assert "Choose the program." in refused
    assert "Give minutes, not more than are contested" in refused
    done = words(await visitor.post(f"{path}/allocations/{ENTRY}", program="ccm", minutes="20"))
    assert "99490 for October 2026 To attest" in done
    assert "20:00 99490 ×1" in done
    await visitor.get(f"{path}/allocations/{ENTRY}", 404)


async def test_the_chart_gives_them_to_the_other_program(both: Clinic) -> None:
    visitor = nurse(both).at("both")
    assert "Say which program gets it" in await visitor.get(f"entries?month={MONTH}")
    answer = await visitor.ask("POST", f"allocations/{ENTRY}", data={"program": "rpm", "month": MONTH})
    assert "the contested time goes to RPM as stated" in words(answer.text)
    assert "careledger:written" in answer.headers["HX-Trigger"]
    entries = words(await visitor.get(f"entries?month={MONTH}"))
    assert "Allocated to another program." in entries
    assert "Say which program" not in entries
    await visitor.get("allocations/unknown", 404)
    assert (await doctor(both).ask("GET", f"allocations/{ENTRY}")).status_code == 403  # no chart
