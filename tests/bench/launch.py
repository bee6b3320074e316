"""From the chart's click to a patient view that can be used, in Chromium on loopback, and ÷ the same page as static files.

It begins when the browser asks for `/launch` and ends when identity, timer, consent, month and entries are there: the
launch's own page, the EHR's authorization and token answers, what is read of the chart, the shell and five fragments lie between.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import ceil
from pathlib import Path
from threading import Thread

import httpx
from playwright.sync_api import Browser, Frame, Page, Request, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.bench.report import Measure
from tests.e2e.browser import ARGS, World, app_frame, serving
from tests.needs import needed

LAUNCHES, WARM = 20, 3
GOAL_SECONDS = 1.0
_USABLE = """() => ["ident", "time", "consent", "month", "entries"].every(id => {
  const place = document.getElementById(id);
  return place && place.children.length && !place.querySelector(".cl-wait");
})"""


def measure() -> Iterator[Measure]:
    """Yield the 95th of a hundred launches by rank, and the ratio rank by rank."""
    (program,) = needed("chromium", for_what="the launch's measure")
    with tempfile.TemporaryDirectory(prefix="clb") as folder, serving(Path(folder)) as world, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGS))
        launches, frozen = [], ""
        for number in range(WARM + LAUNCHES):
            seconds, html = _timed(browser, world.chart(world.patients[number % 2]), "/launch?", _usable)
            launches.append(seconds)
            frozen = html
        with _static(world, frozen) as address:
            plain = [_timed(browser, address, "/page", _loaded)[0] for _ in range(WARM + LAUNCHES)]
        browser.close()
    launches, plain = sorted(launches[WARM:]), sorted(plain[WARM:])
    slowest = launches[ceil(0.95 * LAUNCHES) - 1]
    note = f"median {launches[LAUNCHES // 2]:.3f} s, static {plain[LAUNCHES // 2] * 1000:.0f} ms"
    yield Measure("launch to usable patient view, p95", [slowest], unit="s", at_most=GOAL_SECONDS, note=note)
    yield Measure("launch ÷ the same page as static files", [one / two for one, two in zip(launches, plain, strict=True)])


def _timed(browser: Browser, address: str, begins_with: str, ready: Callable[[Page], Frame]) -> tuple[float, str]:
    """Open a page with a frame in a fresh profile; return the seconds from the frame's request to readiness, and its HTML."""
    context = browser.new_context()
    page, began = context.new_page(), list[float]()

    def note(request: Request) -> None:
        if begins_with in request.url and not began:
            began.append(time.perf_counter())

    page.on("request", note)
    page.goto(address, wait_until="commit")
    frame = ready(page)
    seconds = time.perf_counter() - began[0]
    html = frame.content()
    context.close()
    return seconds, html


def _usable(page: Page) -> Frame:
    frame = app_frame(page)
    try:
        frame.wait_for_function(_USABLE, polling="raf")
    except PlaywrightTimeout as error:
        raise RuntimeError(f"no patient view at {frame.url.partition('?')[0]}: {frame.inner_text('body')[:600]}") from error
    return frame


def _loaded(page: Page) -> Frame:
    frame = app_frame(page)
    frame.wait_for_url("**/page", wait_until="load")
    frame.wait_for_function(_USABLE, polling="raf")
    return frame


@contextmanager
def _static(world: World, html: str) -> Iterator[str]:
    """Serve the page as it stood, with its style sheets and fonts and without scripts; yield the address of a page around it."""
    page = html.replace("<script ", "<template ").replace("</script>", "</template>")
    served = {"/page": (page.encode(), "text/html; charset=utf-8")}
    served["/"] = (b"<!doctype html><iframe id='app' src='/page' width='1200' height='900'></iframe>", "text/html")
    with httpx.Client(base_url=world.base_url) as http:

        class Files(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                """Serve a file, read once from the deployment."""
                if self.path not in served:
                    answer = http.get(self.path)
                    served[self.path] = (answer.content, answer.headers["content-type"])
                body, kind = served[self.path]
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
            Thread(target=server.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_port}/"
            server.shutdown()
