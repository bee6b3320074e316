"""A page that the practice has not named frames the app: the browser shows nothing, and the operator learns of whom.

`careledger tenant check` lists the page right around our frame; of a page further up it knows that there is one, and the trial
page, which may be framed by anybody and opens nothing, names them all.
"""

from collections.abc import Iterator
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Frame, Page

from tests.e2e.browser import World
from tests.e2e.stack import careledger

pytestmark = pytest.mark.requirement("issue-10.1")


class _Frames(BaseHTTPRequestHandler):
    """Pages that frame what their query names."""

    def do_GET(self) -> None:
        """Serve one."""
        inner = parse_qs(urlsplit(self.path).query).get("inner", ["about:blank"])[0]
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(f"<iframe name='inner' src='{escape(inner)}'></iframe>".encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def portal() -> Iterator[str]:
    """The origin of a stranger's site."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Frames) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()


def checked(world: World) -> tuple[int, str]:
    """Return what the operator's command says, and its status."""
    said = careledger("tenant", "check", "millbrook", environment=world.environment)
    return said.returncode, said.stdout


def shown(page: Page, name: str) -> Frame:
    """Return the frame at an address that contains `name`."""
    return next(frame for frame in page.frames if name in frame.url)


def test_the_operator_learns_who_framed_the_app(world: World, context: BrowserContext, portal: str) -> None:
    assert f"{portal} has framed us" not in checked(world)[1]
    page = context.new_page()
    launch = f"{world.base_url}/launch?iss={world.fhir_base}&launch=x"
    with page.expect_event("framenavigated", lambda frame: frame is not page.main_frame and bool(frame.url)) as navigated:
        page.goto(f"{portal}/?inner={quote(launch, safe='')}")
    assert navigated.value.url.startswith("chrome-error://")
    status, said = checked(world)
    assert (status, f"{portal} has framed us and is not named" in said) == (1, True)


def test_a_page_further_up_is_known_to_be_there_and_the_trial_page_names_it(
    world: World,
    context: BrowserContext,
    portal: str,
) -> None:
    page = context.new_page()
    chart = world.chart(world.patients[0])
    with page.expect_request("**/launch/refused/*") as reported:
        page.goto(f"{portal}/?inner={quote(chart, safe='')}")
    answer = reported.value.response()
    assert answer is not None and answer.status == 204
    said = checked(world)[1]
    assert f"{world.ehr_url} has framed us and is named, but a page above it was refused" in said

    trial = f"{world.base_url}/launch/frame?iss={world.fhir_base}"
    middle = f"{portal}/middle?inner={quote(trial, safe='')}"
    with page.expect_response("**/launch/framed"):
        page.goto(f"{portal}/?inner={quote(middle, safe='')}")
    frame = shown(page, "/launch/frame")
    frame.wait_for_selector("#frame-seen li")
    assert frame.inner_text("#frame-seen li") == f"{portal}: not named in the practice’s settings"
    assert f"{portal} is around the trial page and is not named" in checked(world)[1]


def test_the_trial_page_outside_a_frame_says_what_to_do(world: World, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(f"{world.base_url}/launch/frame?iss={world.fhir_base}")
    page.wait_for_selector("text=this page is not in a frame")
    assert page.evaluate("document.querySelectorAll('a, button, form').length") == 0
