"""A patient-month on paper: the same figures as the page, with consent, plan, every entry, findings, rules and sources.

Requirements: issue 10 (printing of the month with its evidence).
"""

from io import BytesIO

import pytest
from pypdf import PdfReader

from tests.integration.billing import world as small
from tests.integration.billing.conftest import Clinic
from tests.integration.billing.pages import Visitor, biller, doctor, nurse

pytestmark = pytest.mark.requirement("issue-10.10")

MONTH = "2026-10"


async def paper(visitor: Visitor, path: str) -> list[str]:
    """Return the words of each sheet."""
    answer = await visitor.ask("GET", path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf"), answer.text
    return [" ".join(page.extract_text().split()) for page in PdfReader(BytesIO(answer.content)).pages]


async def test_the_month_is_written_whole_on_numbered_sheets(clinic: Clinic) -> None:
    await clinic.enrol("clear", minutes=25)
    await clinic.assemble()
    sheets = await paper(biller(clinic), f"months/{MONTH}/patients/clear/packet")
    for number, sheet in enumerate(sheets, 1):
        assert f"Sheet {number} of {len(sheets)}" in sheet
        assert "CCM, October 2026" in sheet and "MRN" in sheet
    text = " ".join(sheets)
    for said in (
        "Comes to 99490 (to attest)", "25 min counted of 25 min logged", "99490 ×1", "In force Yes", "Told what it is, cost",
        "Comprehensive care plan (E5)", "25:00 25:00", "Rules used", "T1", "Certainty", "Assembled", "None has been attested.",
    ):  # fmt: skip
        assert said in text, (said, text)

    signed = await doctor(clinic).post(f"months/{MONTH}/attest", patient="clear")
    assert "99490" in signed
    text = " ".join(await paper(biller(clinic), f"months/{MONTH}/patients/clear/packet"))
    assert "Billable" in text and "Attested by" in text


async def test_the_chart_gives_its_own_patients_month_only(clinic: Clinic) -> None:
    await clinic.enrol("brief", minutes=12)
    text = " ".join(await paper(nurse(clinic).at("brief"), f"packet?month={MONTH}"))
    assert "12 min counted of 12 min logged" in text
    assert "12:00 12:00" in text
    refused = await nurse(clinic).at("brief").ask("GET", f"months/{MONTH}/patients/other/packet")
    assert refused.status_code == 403
    assert (await nurse(clinic).at("brief").ask("GET", "packet?month=2026-13")).status_code == 400
    empty = " ".join(await paper(nurse(clinic).at("nobody-known"), f"packet?month={MONTH}"))
    assert "No time is recorded." in empty and "Name not in the chart" in empty


async def test_what_does_not_count_says_why(clinic: Clinic) -> None:
    await clinic.enrol("void", minutes=25)
    start = small.at(7, 15)
    await clinic.tell([small.entry("void", start, 30, number=2, status="entered-in-error")])
    text = " ".join(await paper(nurse(clinic).at("void"), f"packet?month={MONTH}"))
    assert "Voided:" in text and "30:00 0:00" in text
