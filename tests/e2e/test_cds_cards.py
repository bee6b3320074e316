"""Cards of CDS Hooks in the sandbox EHR's chart, as its users see them, and the app opened by a card's link (issue 11.2)."""

import time

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.e2e.browser import World, app_frame, open_app, violations

pytestmark = pytest.mark.requirement("issue-11.2")

CONSENT = ".card[data-topic=consent]"
_PATIENCE_SECONDS = 30


def _until_there(page: Page, address: str, selector: str) -> None:
    """Open the chart again until a card has come: the EHR's records are read once the chart was first opened."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while page.query_selector(selector) is None:
        assert time.monotonic() < deadline, page.inner_text("body")
        page.wait_for_timeout(500)
        page.goto(address)


def test_a_card_in_the_chart_and_the_app_behind_it(world: World, context: BrowserContext) -> None:
    page = context.new_page()
    address = world.chart(world.patients[0])
    open_app(page, address)
    _until_there(page, address, CONSENT)
    card = page.locator(CONSENT)
    assert "nobody has asked yet" in card.inner_text()
    assert "\\" not in card.inner_text(), "the EHR shows Markdown's escapes as what they stand for"
    assert card.locator("text=Source: Careledger").count() == 1
    card.locator("a", has_text="Open the consent").click()
    frame = app_frame(page)
    frame.wait_for_selector("#shell-user:not(:empty)", state="attached")
    assert "appContext" not in frame.url
    assert violations(frame) == []


def test_a_card_is_set_aside(world: World, context: BrowserContext) -> None:
    page = context.new_page()
    address = world.chart(world.patients[1])
    open_app(page, address)
    _until_there(page, address, CONSENT)
    with page.expect_navigation(url=lambda url: "/feedback" not in url):
        page.click(f"{CONSENT} button:has-text('Ask later')")
    assert "does not take this" not in page.inner_text("body")
    assert page.locator(CONSENT).count() == 1, "feedback changes nothing of what is true"
