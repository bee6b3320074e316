"""The launch from the sandbox EHR's chart, in a cross-site frame with third-party cookies blocked.

Requirements: standards.md 9, 12, 14; integration.md 3. CARELEDGER_ROUNDS sets how often two patients are opened at once.
"""

import base64
import json
import os
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Frame, Page, Route
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.e2e.browser import World, app_frame, fresh_context, open_app, violations

OPEN = "#shell-user:not(:empty)"
ROUNDS = int(os.environ.get("CARELEDGER_ROUNDS", "3"))


def claims(frame: Frame) -> dict[str, Any]:
    """Return the claims of the token that the page's next fragment would carry."""
    token = frame.evaluate(
        """async () => {
          let seen = null;
          const real = window.fetch;
          window.fetch = async (_, options) => { seen = options.headers.Authorization; return new Response(""); };
          await careledger.ask(careledger.address("drafts/none"));
          window.fetch = real;
          return seen.split(" ")[1];
        }"""
    )
    body = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


def reload(frame: Frame) -> None:
    """Load the frame's page anew."""
    with frame.expect_navigation():
        frame.evaluate("location.reload()")


def test_a_chart_opens_the_app_with_its_patient(world: World, context: BrowserContext) -> None:
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    frame = open_app(page, world.chart(world.patients[0]))
    assert frame.inner_text("#shell-user").endswith("RN")
    assert "Clinical staff" in frame.inner_text("#shell-role")
    assert frame.evaluate("location.search") == ""
    assert claims(frame)["patient"] == world.patients[0]
    fragments = ["billing/identity", "time/panel", "consent/panel", "billing/month", "billing/entries"]
    assert [part for part in fragments if any(url.endswith(f"/t/millbrook/app/{part}") for url in asked)] == fragments
    assert violations(frame) == []


def test_the_address_the_page_and_its_stores_hold_no_token_and_no_patient(
    world: World,
    context: BrowserContext,
) -> None:
    frame = open_app(context.new_page(), world.chart(world.patients[0]))
    kept = frame.evaluate("(() => { try { return JSON.stringify(sessionStorage) } catch { return '' } })()")
    cookies = json.dumps(context.cookies())
    for text in (kept, cookies, frame.url, frame.evaluate("document.cookie")):
        assert world.patients[0] not in text
        assert "eyJ" not in text
    assert "ltx" not in kept + cookies, "a launch that is over leaves nothing"


def test_a_reload_goes_on_in_the_same_session(world: World, context: BrowserContext) -> None:
    page = context.new_page()
    frame = open_app(page, world.chart(world.patients[0]))
    before = claims(frame)
    reload(frame)
    frame.wait_for_selector(OPEN, state="attached")
    after = claims(frame)
    assert (before["sid"], before["patient"]) == (after["sid"], after["patient"])


def opened(frame: Frame, number: int) -> None:
    """Wait until the app is open in the frame; AssertionError with what it shows instead."""
    try:
        frame.wait_for_selector(OPEN, state="attached")
    except PlaywrightTimeout as error:
        raise AssertionError(f"round {number}: {frame.url} shows {frame.inner_text('body')[:600]}") from error


def test_two_charts_in_one_browser_never_mix(world: World, context: BrowserContext) -> None:
    for number in range(ROUNDS):
        pages = [context.new_page() for _ in range(2)]
        for page, patient in zip(pages, world.patients, strict=False):
            page.goto(world.chart(patient), wait_until="commit")
        frames = [app_frame(page) for page in pages]
        for frame in frames:
            opened(frame, number)
        assert [claims(frame)["patient"] for frame in frames] == list(world.patients[:2])
        for frame in frames:
            reload(frame)
            opened(frame, number)
        assert [claims(frame)["patient"] for frame in frames] == list(world.patients[:2])
        for page in pages:
            page.close()


def stolen(world: World, context: BrowserContext) -> tuple[str, Page]:
    """Launch up to the EHR's answer and keep it from the app; return the stolen callback address."""
    page = context.new_page()
    found: list[str] = []

    def steal(route: Route) -> None:
        found.append(route.fetch(max_redirects=0).headers["location"])
        route.abort()

    page.route("**/auth/authorize?*", steal)
    with page.expect_event("requestfailed", lambda request: "/auth/authorize" in request.url):
        page.goto(world.chart(world.patients[0]), wait_until="commit")
    return found[0], page


def refused(frame: Frame | Page) -> str:
    """Return the code on the page of a refused launch."""
    frame.wait_for_selector(".cl-ref")
    return frame.inner_text(".cl-ref").split(" ")[0]


def test_a_stolen_answer_opens_nothing_elsewhere_and_is_burnt(
    world: World,
    context: BrowserContext,
    chromium: Browser,
) -> None:
    address, page = stolen(world, context)
    victim = fresh_context(chromium)
    other = victim.new_page()
    other.goto(address)
    assert refused(other) == "launch-other-browser"
    assert urlsplit(other.url).query == ""
    victim.close()
    frame = app_frame(page)
    frame.goto(address)
    assert refused(frame) == "launch-used"


def test_an_answer_serves_once(world: World, context: BrowserContext) -> None:
    page = context.new_page()
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url) if "/callback?" in request.url else None)
    frame = open_app(page, world.chart(world.patients[0]))
    frame.goto(seen[0])
    assert refused(frame) == "launch-used"
    assert "state" in dict(parse_qsl(urlsplit(seen[0]).query))


class _Stranger(BaseHTTPRequestHandler):
    """A site that frames the app, which is `launch`."""

    launch = ""

    def do_GET(self) -> None:
        """Serve the framing page."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(f"<iframe src='{escape(self.launch)}'></iframe>".encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_stranger_cannot_frame_the_app(world: World, context: BrowserContext, host: str) -> None:
    _Stranger.launch = f"{world.base_url}/launch?iss={world.fhir_base}&launch=x"
    with ThreadingHTTPServer(("127.0.0.1", 0), _Stranger) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        page = context.new_page()
        with page.expect_event("framenavigated", lambda frame: frame is not page.main_frame and bool(frame.url)) as navigated:
            page.goto(f"http://{host}:{server.server_port}/")
        assert navigated.value.url.startswith("chrome-error://")
        server.shutdown()


def test_a_frame_without_any_store_offers_an_own_window(world: World, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(world.chart(world.patients[0], sandbox="allow-scripts allow-forms allow-popups allow-popups-to-escape-sandbox"))
    frame = app_frame(page)
    frame.wait_for_selector("h1")
    assert frame.inner_text("h1") == "Careledger needs its own window here"
    with context.expect_page() as opened:
        frame.click("#launch-open")
    own = opened.value
    own.wait_for_url("**/app/*")
    own.wait_for_selector(OPEN, state="attached")


def test_the_app_opens_in_its_own_window(world: World, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(world.chart(world.patients[0], window="own"))
    with context.expect_page() as opened:
        page.click("#own-window")
    own = opened.value
    own.wait_for_url("**/app/*")
    own.wait_for_selector(OPEN, state="attached")
    assert claims(own.main_frame)["patient"] == world.patients[0]


@pytest.mark.parametrize(
    ("role", "names"),
    [("biller", ["Desk", "Rules", "Refreshers"]), ("program-lead", ["Worklist", "Desk", "Program", "Rules", "Refreshers"])],
)
def test_the_menu_opens_the_desk(world: World, context: BrowserContext, role: str, names: list[str]) -> None:
    frame = open_app(context.new_page(), world.menu(role))
    assert [link.inner_text() for link in frame.query_selector_all("#shell-pages a")] == names
    assert frame.query_selector_all("[data-slot]") == []
    assert frame.inner_text("#shell-pages [aria-current=page]") == names[0]


def test_who_is_away_for_fifteen_minutes_finds_the_chart_covered(world: World, context: BrowserContext) -> None:
    page = context.new_page()
    page.clock.install()
    frame = open_app(page, world.chart(world.patients[0]))
    page.clock.run_for(14 * 60 * 1000)
    assert frame.is_visible("main") and not frame.is_visible("#shell-cover")
    page.clock.run_for(61 * 1000)
    frame.wait_for_selector("#shell-cover", state="visible")
    assert not frame.is_visible("main") and not frame.is_visible("#ident")
    frame.press("#shell-cover", "Escape")
    assert frame.is_visible("#shell-cover")
    frame.click("#shell-uncover")
    frame.wait_for_selector("#shell-cover", state="hidden")
    assert frame.is_visible("main")


def test_a_session_that_is_over_hides_the_chart_and_says_what_is_kept(world: World, context: BrowserContext) -> None:
    frame = open_app(context.new_page(), world.chart(world.patients[0]))
    frame.evaluate(
        """async () => {
          const headers = { "Content-Type": "application/json", "X-Careledger-Launch": location.pathname.split("/")[2] };
          await fetch("/session/end", { method: "POST", headers, body: "{}" });
          await careledger.ask(careledger.address("drafts/none")).catch(() => {});
        }"""
    )
    assert frame.inner_text("h1") == "Open Careledger from the chart again"
    assert frame.evaluate("document.activeElement.tagName") == "H1"
    assert not frame.is_visible("#ident")


def test_a_refusal_says_what_to_do(world: World, context: BrowserContext) -> None:
    world.weather("authorize", "access_denied")
    page = context.new_page()
    page.goto(world.chart(world.patients[0]))
    frame = app_frame(page)
    assert refused(frame) == "sign-in-refused"
    assert frame.inner_text("h1") == "Your EHR did not sign you in"
    assert violations(frame) == []


@pytest.mark.parametrize(("role", "acts"), [("clinical-staff", ["Log time by hand", "Print month"]), ("biller", ["Print month"])])
def test_a_page_opens_over_the_month_and_closes(
    world: World,
    context: BrowserContext,
    role: str,
    acts: list[str],
) -> None:
    frame = open_app(context.new_page(), world.chart(world.patients[0], role))
    assert [link.inner_text() for link in frame.query_selector_all("#shell-acts a")] == acts
    assert frame.inner_text("#shell-pages [aria-current=page]") == "This month"
    frame.click("#shell-pages >> text=Consent")
    assert not frame.is_visible("#time")
    assert frame.inner_text("#shell-pages [aria-current=page]") == "Consent"
    frame.click("#shell-pages >> text=This month")
    assert frame.query_selector("#page-over") is None
    assert frame.inner_text("#shell-pages [aria-current=page]") == "This month"
    assert violations(frame) == []


def test_what_was_typed_and_not_saved_is_offered_after_a_relaunch(world: World, context: BrowserContext) -> None:
    form = """(() => {
      const form = document.createElement("form");
      form.dataset.draft = "test-note";
      form.innerHTML = "<textarea name=note></textarea>";
      document.getElementById("main").prepend(form);
      document.dispatchEvent(new CustomEvent("htmx:after:swap", { detail: { ctx: {} } }));
    })()"""
    page = context.new_page()
    frame = open_app(page, world.chart(world.patients[0]))
    frame.evaluate(form)
    with page.expect_response(lambda answer: answer.url.endswith("/drafts/test-note") and answer.request.method == "PUT") as kept:
        frame.fill("form[data-draft] textarea", "Called about glucose 182")
    assert kept.value.ok
    other = open_app(page, world.chart(world.patients[1]))
    with page.expect_response(lambda answer: answer.url.endswith("/drafts/test-note")) as asked:
        other.evaluate(form)
    assert asked.value.status == 204, "another chart knows nothing of it"
    frame = open_app(page, world.chart(world.patients[0]))
    frame.evaluate(form)
    frame.click("form[data-draft] [data-use]")
    assert frame.input_value("form[data-draft] textarea") == "Called about glucose 182"
    assert violations(frame) == []
