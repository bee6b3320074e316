"""axe-core finds nothing on any page in any role at either width; nothing scrolls sideways, nothing breaks the page policy."""

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Frame

from tests.contract.node import FOLDER, counterparts
from tests.e2e.browser import World, open_app, violations
from tests.e2e.tour import WIDTHS, tour

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def axe() -> str:
    """The program's text."""
    counterparts()
    return (FOLDER / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")


def faults_of(frame: Frame, axe: str) -> list[str]:
    """Return what axe finds, each with the elements."""
    frame.evaluate(axe)
    found: dict[str, Any] = frame.evaluate("(tags) => axe.run(document, {runOnly: {type: 'tag', values: tags}})", RULES)
    nodes = [(one["id"], node) for one in found["violations"] for node in one["nodes"]]
    return [f"{rule}: {node['html'][:160]} {node['failureSummary'][:200]}" for rule, node in nodes]


@pytest.mark.requirement("issue-10")
def test_every_page(world: World, context: BrowserContext, axe: str) -> None:
    page = context.new_page()
    open_app(page, world.chart(world.patients[0])).wait_for_selector("#bill-h-month")  # so that the practice has a patient
    wrong: dict[str, list[str]] = {}
    for stop, frame in tour(page, world):
        faults = list(violations(frame))  # before axe, which writes a style of its own
        for width, height in WIDTHS.items():
            page.set_viewport_size({"width": width + 40, "height": height})
            faults += faults_of(frame, axe)
            if (over := frame.evaluate(SIDEWAYS)) > 0:
                faults.append(f"scrolls sideways by {over} px at {width} px")
        if faults:
            wrong[stop.name] = faults
    assert wrong == {}
