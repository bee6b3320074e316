"""The desk's whole month without a mouse: filter, a hold and its fix, release, decide, sign, close, reopen.

Requirements: issue-10.7, issue-10.10; design guide 4.5. The month is that of the demo's clinic, a small one.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Frame, Page

from shared.ops.clock import DevClock
from tests.e2e.browser import World, open_app, violations
from tests.e2e.served_demo import demo, world_of
from tests.e2e.tour import settle

pytestmark = pytest.mark.requirement("issue-10")

PATIENTS = 30
AFTER_THE_MONTH = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)
MOST_TABS = 250
_STANDS_ON = """(wanted) => {
  const at = document.activeElement;
  return document.hasFocus() && (wanted.startsWith('#') ? at.matches(wanted) : at.textContent.trim().startsWith(wanted));
}"""


@dataclass(frozen=True)
class Practice:
    """The demo as it is served, and who is who by name."""

    world: World
    ids: dict[str, str]


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    """A small clinic two days after its month."""
    with demo(tmp_path_factory.mktemp("k") / "d", PATIENTS) as data:
        yield practice_of(data)


def practice_of(data: Path) -> Practice:
    """Return the demo of a data folder, its clock after the month."""
    DevClock(data / "dev-clock").set(AFTER_THE_MONTH)
    people = json.loads((data / "demo" / "clinic" / "practice.json").read_text("utf-8"))["people"]
    return Practice(world_of(data), {one["name"]: one["id"] for one in people})


@dataclass(frozen=True)
class Hands:
    """Somebody at the keyboard of one page; nothing here touches a mouse."""

    page: Page
    frame: Frame

    def reach(self, wanted: str) -> None:
        """Tab on until the focus stands on what is meant: by selector (`#…`) or by how its words begin."""
        for _ in range(MOST_TABS):
            if self.frame.evaluate(_STANDS_ON, wanted):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"no way to {wanted!r} by Tab")

    def press(self, wanted: str, there: str) -> None:
        """Go to a link or button, press Enter, and wait for what it opens."""
        self.reach(wanted)
        self.page.keyboard.press("Enter")
        self.frame.wait_for_selector(there)
        settle(self.frame)

    def write(self, field: str, words: str) -> None:
        """Write into a field."""
        self.reach(field)
        self.page.keyboard.type(words)

    def desk(self) -> None:
        """Open the desk from the menu."""
        self.press("Desk", "#bill-desk-table")


def sit_down(page: Page, practice: Practice, person: str) -> Hands:
    """Open the app from the EHR's menu as a person of the practice."""
    frame = open_app(page, f"{practice.world.ehr_url}/menu?user={person}")
    settle(frame)
    hands = Hands(page, frame)
    hands.desk()
    return hands


def the_billers_work(hands: Hands) -> list[str]:
    """Filter, see a fix, release two by one reason, decide one alone; return whose the released are."""
    frame, keys = hands.frame, hands.page.keyboard
    hands.write("#bill-state", "On hold")
    frame.wait_for_selector("#bill-desk-table .cl-group >> nth=1", state="detached")
    hands.press("Set up the plan", "#page h1:has-text('Plans')")
    hands.press("Desk, ", "#bill-desk-table")
    rows = frame.locator("#bill-desk-table tr", has=frame.locator(".cl-check"), has_text="asserted, not measured").all()
    whose = [row.locator("td").nth(1).inner_text() for row in rows]
    for patient in [row.locator(".cl-check").get_attribute("value") for row in rows]:
        hands.reach(f"#bill-desk-table .cl-check[value='{patient}']")
        keys.press("Space")
    assert frame.inner_text("#bill-release strong") == "2 picked"
    keys.press("Enter")
    frame.wait_for_selector(".ds-c-alert--error:focus")
    keys.press("Tab")
    keys.press("Enter")
    hands.write("#bill-reason", "Looked at each in the chart.")
    keys.press("Enter")
    frame.wait_for_selector("[role=status] >> text=2 released to attest.")
    hands.press("Decide", "#bill-h-findings")
    hands.reach("#page .cl-findings input[type=radio]")
    keys.press("Space")
    keys.press("Tab")
    keys.type("Agreed with the author.")
    keys.press("Enter")
    frame.wait_for_selector(".cl-findings >> text=Agreed with the author.")
    return whose


@pytest.mark.requirement("issue-10.7")
def test_the_month_is_brought_to_its_end_by_keyboard_alone(practice: Practice, context: BrowserContext) -> None:
    biller, lead = practice.world.staff["biller"], practice.world.staff["program-lead"]
    hands = sit_down(context.new_page(), practice, biller)
    whose = the_billers_work(hands)
    signs = sit_down(context.new_page(), practice, practice.ids[whose[0]])
    signs.press("Attest ", "#bill-h-attest:focus")
    signs.reach("#bill-read")
    signs.page.keyboard.press("Space")
    signs.press("Attest ", "[role=status] >> text=attested")
    hands = sit_down(context.new_page(), practice, biller)
    assert "planned for Wed Nov 4" in hands.frame.inner_text(".cl-close")
    hands.press("Close month", "#bill-h-close:focus")
    hands.write("#bill-reason-close", "Everybody is through.")
    hands.page.keyboard.press("Enter")
    hands.frame.wait_for_selector(".cl-close >> text=by Felix Dunleavy")
    opens = sit_down(context.new_page(), practice, lead)
    opens.write("#bill-month", "October")  # the desk stands at the month that runs, once the one before is closed
    opens.frame.wait_for_selector("#page h1:focus >> text=October 2026")
    opens.press("Reopen month", "#bill-h-close:focus")
    opens.write("#bill-reason-close", "One consent came late.")
    opens.page.keyboard.press("Enter")
    opens.frame.wait_for_selector(".cl-close >> text=planned for Wed Nov 4")
    assert [violations(one.frame) for one in (signs, hands, opens)] == [[], [], []]
