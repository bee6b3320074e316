"""A care manager's work from the EHR's chart, in a cross-site frame: consent by keyboard, timer, note, what is asked.

Requirements: issue 10 item 4; guide.md 4.1-4.3 and 7; standards.md 14.
"""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from joserfc.jwk import RSAKey
from playwright.sync_api import BrowserContext, Frame, Page

from deploy.demo.api import Api
from tests.e2e.browser import TENANT, World, open_app, serving, violations
from tests.e2e.stack import careledger

DID = "Went through the glucose log by phone. Fasting 168 to 210 since Friday; agreed to restart metformin 500 mg with food."
IDLE_SECONDS = 2
MOST_KEYS = 25


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A deployment whose practice asks after two seconds without input and files consents, and whose staff list is complete."""
    folder = tmp_path_factory.mktemp("work")
    with serving(folder) as world:
        document = yaml.safe_load((folder / "tenant.yaml").read_text()) | {"settings": {"timer_idle_seconds": IDLE_SECONDS}}
        document["ehr"]["file_consents_from"] = "2025-01-01"
        (folder / "tenant.yaml").write_text(yaml.safe_dump(document))
        _said("tenant", "apply", str(folder / "tenant.yaml"), world=world)
        with httpx.Client(timeout=30) as http:
            _hire(_roster(http, folder, world), world)
            yield world


def _said(*words: str, world: World) -> None:
    done = careledger(*words, environment=world.environment)
    assert done.returncode == 0, done.stderr


def _roster(http: httpx.Client, folder: Path, world: World) -> Api:
    key = RSAKey.generate_key(2048, auto_kid=True)
    (folder / "staff.pem").write_bytes(key.as_pem(private=True))
    public = key.as_dict(private=False) | {"kid": key.thumbprint()}
    (folder / "staff.jwks.json").write_text(json.dumps({"keys": [public]}))
    words = ("client", "add", "staff", "--name", "staff", "--tenant", TENANT, "--scope", "careledger/roster")
    _said(*words, "--jwks", str(folder / "staff.jwks.json"), world=world)
    return Api(http, world.base_url, TENANT, "staff", folder / "staff.pem", "careledger/roster")


def _hire(api: Api, world: World) -> None:
    since, doctor = "2025-01-01", world.staff["billing-practitioner"]
    people = {
        world.staff["clinical-staff"]: ("Nurse", "clinical-staff", "registered-nurse", [doctor]),
        doctor: ("Doctor", "billing-practitioner", "physician", []),
    }
    for ident, (name, role, credential, supervisors) in people.items():
        body = {
            "name": name,
            "roles": [{"role": role, "since": since}],
            "credentials": [{"credential": credential, "since": since}],
            "supervision": [{"practitioner": one, "since": since} for one in supervisors],
        }
        api.call("PUT", f"time/roster/{ident}", json=body, expect=(200, 201))


class Keys:
    """Key presses, counted."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.count = 0

    def press(self, key: str) -> None:
        """Press a key."""
        self.count += 1
        self._page.keyboard.press(key)


def focused(frame: Frame) -> str:
    """Return the id of what has the focus."""
    found: str = frame.evaluate("document.activeElement.id")
    return found


def rested(frame: Frame) -> None:
    """Wait until the roster has come by event to consent and the panels stand."""
    frame.wait_for_selector("#time-panel")
    frame.wait_for_selector("#cons-panel")


def opened(page: Page, world: World, patient: int) -> Frame:
    """Open a chart once its services know the staff."""
    frame = open_app(page, world.chart(world.patients[patient]))
    rested(frame)
    return frame


def captured(page: Page, frame: Frame) -> int:
    """Capture a verbal consent by keyboard alone, every answer the usual one; return how many keys it took."""
    keys = Keys(page)
    frame.focus("#cons-panel [data-open^='consent/capture']")
    keys.press("Enter")
    frame.wait_for_selector("#cons-availability-yes:focus")
    keys.press("Space")
    while focused(frame) != "cons-ans-consents":
        keys.press("Tab")
        if re.search(r"-yes$|-no$|-patient$|-verbal$|-consents$|-birth-date$", focused(frame)):
            keys.press("Space")
        assert keys.count < 2 * MOST_KEYS, focused(frame)
    keys.press("Control+Enter")
    frame.wait_for_selector("text=Consent recorded")
    return keys.count


def test_consent_timer_and_note_by_keyboard(clinic: World, context: BrowserContext) -> None:
    page = context.new_page()
    frame = opened(page, clinic, 0)
    assert captured(page, frame) <= MOST_KEYS
    frame.focus("[data-back]")
    page.keyboard.press("Enter")
    frame.wait_for_selector("#cons-panel >> text=In force")

    frame.focus("#time-panel [data-focus]")
    if "anyway" in frame.inner_text("#time-panel"):  # the consent's event is still under way
        frame.click("text=Start the timer anyway")
    frame.wait_for_selector("#time-start-button:focus")
    page.keyboard.press("Enter")
    frame.wait_for_selector("#time-did:focus")
    page.keyboard.type(DID)
    frame.wait_for_selector("#time-advice-why .cl-advice, #time-advice-did .cl-advice")
    page.keyboard.press("Control+Enter")
    frame.wait_for_selector("#time-panel >> text=Saved")
    assert "Last note" in frame.inner_text("#time-panel")
    assert violations(frame) == []


def test_idle_time_is_asked_about_and_nothing_typed_is_lost(clinic: World, context: BrowserContext) -> None:
    page = context.new_page()
    frame = opened(page, clinic, 1)
    frame.click("text=Start the timer anyway")
    frame.click("#time-start-button")
    frame.fill("#time-did", "Half a sentence")
    frame.wait_for_selector("dialog[data-question][open]")
    assert "No keyboard or mouse since" in frame.inner_text("#time-q-p")
    assert frame.evaluate("document.querySelector('[name=choice]:checked')") is None
    page.keyboard.press("d")
    assert frame.evaluate("document.querySelector('[name=choice]:checked').value") == "drop"
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    frame.wait_for_selector("#time-question", state="detached")
    assert frame.input_value("#time-did") == "Half a sentence"
    frame.focus("#time-did")
    page.keyboard.press("Control+Enter")
    frame.wait_for_selector("text=confirmed by you")
    assert violations(frame) == []


def test_an_unanswered_question_is_asked_again_and_no_key_slips_by(clinic: World, context: BrowserContext) -> None:
    page = context.new_page()
    frame = opened(page, clinic, 2)
    frame.click("text=Start the timer anyway")
    frame.click("#time-start-button")
    frame.wait_for_selector("dialog[data-question][open]")
    frame.click("label[for=time-choice-part]")
    frame.click("#time-until")
    page.keyboard.type("kd")
    assert frame.input_value("#time-until") == "kd"
    assert frame.evaluate("document.querySelector('[name=choice]:checked').value") == "part"
    page.keyboard.press("Enter")
    frame.wait_for_selector("text=Give a time of day within that time")
    frame.wait_for_selector("dialog[data-question][open]")
    page.keyboard.press("Escape")
    frame.wait_for_selector("dialog[data-question]:not([open])", state="attached")
    assert frame.inner_text(".cl-timer__state").startswith("Running since")
    frame.click("text=Undo start")
    frame.wait_for_selector("#time-start-button")
    assert frame.query_selector("dialog[data-question]") is None


def test_the_page_over_the_month_leaves_what_is_typed_under_it(clinic: World, context: BrowserContext) -> None:
    page = context.new_page()
    frame = opened(page, clinic, 3)
    frame.click("text=Start the timer anyway")
    frame.click("#time-start-button")
    frame.fill("#time-did", "Half a sentence")
    frame.click("#timer [data-open='time/log']")
    frame.wait_for_selector("#time-log")
    assert frame.is_hidden("#time-did")
    frame.wait_for_selector("dialog[data-question][open]")  # asked over whatever page is open
    assert frame.is_visible("#time-choice-keep")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    frame.wait_for_selector("#time-question", state="detached")
    frame.click("[data-back]")
    assert frame.input_value("#time-did") == "Half a sentence"
    assert frame.query_selector("#page-over") is None


@pytest.mark.requirement("issue-10.9")
def test_a_consent_goes_into_the_chart_and_the_panel_says_so(clinic: World, context: BrowserContext) -> None:
    page = context.new_page()
    frame = opened(page, clinic, 3)
    captured(page, frame)
    panel = "async () => (await (await careledger.ask(careledger.address('consent/panel'))).text())"
    shown, deadline = "", time.monotonic() + 60
    while "Filed in the chart" not in shown and time.monotonic() < deadline:
        assert "the EHR refused" not in shown, shown
        page.wait_for_timeout(200)
        shown = frame.evaluate(panel)
    assert "Filed in the chart" in shown, shown
    frame.click("[data-back]")
    frame.click("#cons-panel >> text=See the record")
    with page.expect_download() as saved:
        frame.click("text=Record as a file (PDF)")
    assert Path(saved.value.path()).read_bytes().startswith(b"%PDF-")
    assert violations(frame) == []
