"""The desk's pages in the shell, in a cross-site frame: they load, filter and download under the page policy.

Requirements: standards.md 14; design guide 4.4-4.6.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Frame, Route

from tests.e2e.browser import World, open_app, violations
from tests.e2e.tour import settle


@pytest.fixture
def lead(world: World, context: BrowserContext) -> Iterator[Frame]:
    """The program lead's menu, after one chart of the practice was opened by a nurse."""
    chart = context.new_page()
    frame = open_app(chart, world.chart(world.patients[0]))
    frame.wait_for_selector("#bill-h-month")
    chart.close()
    page = context.new_page()
    frame = open_app(page, world.menu("program-lead"))
    frame.wait_for_selector("#page h1")
    yield frame
    assert violations(frame) == []


def test_the_menu_opens_worklist_desk_and_program(lead: Frame) -> None:
    assert "Worklist" in lead.inner_text("#page h1")
    lead.click("#shell-pages >> text=Desk")
    lead.wait_for_selector("#bill-desk-table")
    assert lead.locator(".cl-close > li").count() == 5
    lead.click("#shell-pages >> text=Program")
    lead.wait_for_selector(".cl-chart svg")
    assert lead.evaluate("document.activeElement.tagName") == "H1"
    lead.click("#bill-t-enrollment ~ .cl-tile__foot >> text=enrolled")
    lead.wait_for_selector("#bill-drill")
    assert "enrolled patients" in lead.inner_text("h1")


def test_the_table_alone_is_swapped_while_somebody_types(lead: Frame) -> None:
    lead.click("#shell-pages >> text=Desk")
    lead.wait_for_selector("#bill-q")
    before = lead.locator("#bill-desk-table .cl-pt__name").count()
    assert before > 0
    lead.fill("#bill-q", "nobody is called so")
    lead.wait_for_selector("#bill-desk-table .cl-pt__name", state="detached")
    assert lead.input_value("#bill-q") == "nobody is called so"
    lead.fill("#bill-q", "")
    lead.wait_for_selector(f"#bill-desk-table .cl-pt__name >> nth={before - 1}")


def test_a_table_is_a_file(lead: Frame) -> None:
    lead.click("#shell-pages >> text=Desk")
    lead.wait_for_selector("#bill-desk-table")
    with lead.page.expect_download() as waiting:
        lead.click("text=CSV")
    download = waiting.value
    assert download.suggested_filename.startswith("desk-")
    assert download.path().read_text("utf-8-sig").startswith("state,name,date of birth")


def test_a_patients_page_explains_a_rule_in_place(lead: Frame) -> None:
    lead.click("#shell-pages >> text=Desk")
    lead.click("#bill-desk-table .cl-pt__name >> nth=0")
    lead.wait_for_selector("#bill-h-findings")
    lead.click(".cl-finding__src a >> nth=0")
    lead.wait_for_selector("#bill-h-rule:focus")
    assert lead.inner_text("#bill-h-rule").startswith("Rule ")


@pytest.mark.requirement("issue-10.8")
def test_a_lesson_is_done_by_keyboard_alone(lead: Frame) -> None:
    lead.click("#shell-pages >> text=Refreshers")
    lead.wait_for_selector("#bill-h-staff")
    lead.focus("#page .cl-act >> nth=0")
    lead.page.keyboard.press("Enter")
    lead.wait_for_selector("#bill-refresher")
    lead.focus("#bill-refresher input >> nth=0")
    lead.page.keyboard.press("Control+Enter")
    lead.wait_for_selector(".ds-c-alert--error:focus")
    assert "Question 1: no answer yet." in lead.inner_text(".ds-c-alert--error")


@pytest.mark.requirement("issue-10.10")
def test_rules_are_found_while_somebody_types(lead: Frame) -> None:
    lead.click("#shell-pages >> text=Rules")
    lead.wait_for_selector("#bill-rules-table")
    lead.fill("#bill-rules-q", "simultaneous")
    lead.wait_for_selector("#bill-rules-table a >> nth=1", state="detached")
    lead.click("#bill-rules-table a >> text=T5")
    lead.wait_for_selector("#bill-h-rule:focus")
    assert lead.input_value("#bill-rules-q") == "simultaneous"


def test_a_refusal_stays_where_the_form_was(lead: Frame) -> None:
    lead.click("#shell-pages >> text=Desk")
    lead.select_option("#bill-month", index=1)
    lead.click("text=Close month")
    lead.wait_for_selector("#bill-h-close")
    lead.click("#bill-dialog button.ds-c-button--solid")
    lead.wait_for_selector("#bill-dialog .ds-c-alert--error")
    assert lead.locator("#bill-desk-table").count() == 1


def test_of_two_presses_the_last_one_stands_however_late_the_first_is_answered(lead: Frame) -> None:
    held: list[Route] = []
    lead.page.route("**/app/billing/program", lambda route: held.append(route))
    with lead.page.expect_request("**/app/billing/program"):
        lead.click("#shell-pages >> text=Program")
    lead.click("#shell-pages >> text=Rules")
    lead.wait_for_selector("#bill-rules-table")
    with lead.page.expect_event("requestfinished", lambda request: request.url.endswith("/app/billing/program")):
        held[0].continue_()
    settle(lead)
    assert lead.inner_text("#page h1") == "Rules and codes"
    assert lead.inner_text("#shell-pages [aria-current]") == "Rules"
