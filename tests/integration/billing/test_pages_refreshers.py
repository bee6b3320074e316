"""Refreshers: one's own lessons, a lesson answered right and wrong, and what the lead sees.

Requirements: issue 10.8; findings.md 5 (coders: completion dated and shown to the lead).
"""

import html as entities
import re
from typing import Any

import pytest

from services.billing.adapters.lesson_files import load_lessons
from tests.integration.billing import world as small
from tests.integration.billing.conftest import Clinic
from tests.integration.billing.pages import Visitor, biller, lead, nurse, words

PAYERS = load_lessons().named("payers")


async def answers(visitor: Visitor, *, right: bool) -> dict[str, Any]:
    """Return a form of the lesson on payers, filled in."""
    page = await visitor.get("refreshers/payers")
    filled: dict[str, Any] = {}
    for number, case in enumerate(PAYERS.cases, start=1):
        values = [entities.unescape(value) for value in re.findall(rf'name="case-{number}" value="([^"]*)"', page)]
        wanted = "{}" if not case.bills else '{"99490":1}'
        filled[f"case-{number}"] = wanted if right or number > 1 else next(value for value in values if value != wanted)
    return filled


@pytest.mark.requirement("issue-10.8")
async def test_a_lesson_is_done_by_right_answers_and_dated(clinic: Clinic) -> None:
    visitor = biller(clinic)
    page = await visitor.get("refreshers")
    assert "8 of 8 to do" in words(page)
    assert "Payers, plans and the patient’s share" in words(page)
    lesson = await visitor.get("refreshers/payers")
    assert " checked" not in lesson
    assert "Patients with QMB or Medicaid are never billed." in words(lesson)
    refused = words(await visitor.post("refreshers/payers", 422, **(await answers(visitor, right=False))))
    assert "Question 1: not right. Read the rules once more." in refused
    assert "Question 2: no answer yet." in words(await visitor.post("refreshers/payers", 422, **{"case-1": "{}"}))
    done = words(await visitor.post("refreshers/payers", **(await answers(visitor, right=True))))
    assert "7 of 8 to do" in done
    assert "Nov 3, 2027 Nov 3, 2026 Look again" in done


async def test_the_lead_sees_who_has_done_what(clinic: Clinic) -> None:
    assert "Staff" not in words(await biller(clinic).get("refreshers"))
    await biller(clinic).post("refreshers/payers", **(await answers(biller(clinic), right=True)))
    said = words(await lead(clinic).get("refreshers"))
    assert f"{small.DEE} Biller 7 lessons overdue 1 of 8 Nov 3, 2026" in said
    file = await lead(clinic).ask("GET", "refreshers.csv")
    assert f"{small.DEE},biller," in file.text
    assert ",done,2027-11-03,2026-11-03" in file.text
    assert (await nurse(clinic).ask("GET", "refreshers.csv")).status_code == 403


async def test_nobody_outside_the_roster_completes_and_no_other_lesson_is_there(clinic: Clinic) -> None:
    stranger = Visitor(clinic, "nobody", ("biller",))
    assert (await stranger.ask("POST", "refreshers/payers", data=await answers(stranger, right=True))).status_code == 403
    await biller(clinic).get("refreshers/none", 404)
