"""The launch from the sandbox EHR's chart, in a cross-site frame with third-party cookies blocked.

Requirements: standards.md 9, 11, 12, 14; integration.md 3.
"""

from playwright.sync_api import BrowserContext

from tests.e2e.browser import World, chromium, context, open_app, violations, world  # noqa: F401 - fixtures


def test_a_chart_opens_the_app_with_its_patient(world: World, context: BrowserContext) -> None:  # noqa: F811
    page = context.new_page()
    frame = open_app(page, world.chart(world.patients[0]))
    assert frame.inner_text("#shell-user").endswith("RN")
    assert "Clinical staff" in frame.inner_text("#shell-role")
    assert frame.evaluate("location.search") == ""
    assert violations(frame) == []
