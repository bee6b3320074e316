"""What the browser tests share: one deployment for a worker's whole run, a browser for each module, a profile for each test.

The deployment is shared by modules that leave the practice as good as they found it; who changes it starts one of its own
(`browser.serving`). At rest it takes no time of the other tests.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.e2e.browser import ARGS, World, fresh_context, serving
from tests.needs import needed


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The deployment and the EHR of this worker."""
    with serving(tmp_path_factory.mktemp("e2e")) as running_world:
        yield running_world


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium. It occupies the thread's event loop while it lives: a module with it holds no async tests."""
    (program,) = needed("chromium", for_what="the pages in a browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGS))
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A fresh browser profile; violations of the page policy are collected in every page (`violations`)."""
    fresh = fresh_context(chromium)
    yield fresh
    fresh.close()
