"""`python -m tests.e2e.engines`: the launch in the engines of Debian's Firefox and WebKit, by the matrix of integration.md 3.

Each row opens a chart of the sandbox EHR in a cross-site frame and says what came of it. Nothing of PyPI drives them: Firefox
speaks WebDriver BiDi by itself, WebKitGTK brings its driver. An engine that is not installed has a line that says so.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from tests.e2e.browser import World, serving
from tests.e2e.stack import free_port, running

OPENED, OWN_WINDOW = "opens the chart", "offers its own window"
_SECONDS = 90
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_MINI_BROWSERS = ("/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser", "/usr/lib/aarch64-linux-gnu/webkit2gtk-4.1/MiniBrowser")
_STATE = """(() => {
  const user = document.getElementById("shell-user");
  if (user && user.textContent) return "opens the chart";
  if (document.getElementById("launch-open")) return "offers its own window";
  const refusal = document.querySelector(".cl-ref");
  return refusal ? refusal.textContent : "";
})()"""
_BASE = "allow-scripts allow-forms allow-popups allow-popups-to-escape-sandbox"
FRAMES = {"no sandbox": None, "sandbox, own origin": f"{_BASE} allow-same-origin", "sandbox, no origin": _BASE}


@dataclass(frozen=True)
class Engine:
    """An engine with a setting: `opens` opens an address and yields a function that evaluates a script in its frame."""

    name: str
    opens: Callable[[str], Any]


def main() -> int:
    """Print a line for each engine, setting and frame; return 1 if one did not come to what it should."""
    missed = 0
    with tempfile.TemporaryDirectory(prefix="cle") as name, serving(Path(name)) as world:
        for engine in (*_firefoxes(Path(name)), *_webkits()):
            for frame, values in FRAMES.items():
                wanted = OWN_WINDOW if frame.endswith("no origin") else OPENED
                found = _row(engine, world, values)
                missed += found != wanted
                print(f"{engine.name:<44} {frame:<20} {found:<24} {'' if found == wanted else f'MISSED: {wanted}'}", flush=True)
    return 1 if missed else 0


def _row(engine: Engine, world: World, sandbox: str | None) -> str:
    more = {"sandbox": sandbox.replace(" ", "%20")} if sandbox else {}
    with engine.opens(world.chart(world.patients[0], **more)) as evaluate:
        deadline, found = time.monotonic() + _SECONDS, ""
        while not found and time.monotonic() < deadline:
            found = evaluate(_STATE)
            time.sleep(0.3)
        return found or "nothing"


# ------------------------------------------------------------------ Firefox
def _firefoxes(folder: Path) -> Iterator[Engine]:
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        print("Firefox is not installed here: apt-get install firefox-esr")
        return
    for name, prefs in (("default", {}), ("third-party cookies blocked", {"network.cookie.cookieBehavior": 1})):
        yield Engine(f"Firefox, {name}", partial(_firefox, program, folder, prefs))


@contextmanager
def _firefox(program: str, folder: Path, prefs: dict[str, int], address: str) -> Iterator[Callable[[str], str]]:
    port = free_port()
    with tempfile.TemporaryDirectory(dir=folder) as profile:
        lines = [f"user_pref({json.dumps(key)}, {json.dumps(value)});" for key, value in prefs.items()]
        (Path(profile) / "user.js").write_text("\n".join(lines))
        command = [program, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", str(port)]
        with running(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), _socket(port) as socket:
            bidi = _Bidi(socket)
            bidi("session.new", capabilities={})
            (top,) = bidi("browsingContext.getTree")["contexts"][:1]
            bidi("browsingContext.navigate", context=top["context"], url=address, wait="none")

            def evaluate(script: str) -> str:
                tree = bidi("browsingContext.getTree", root=top["context"])["contexts"]
                if not tree or not tree[0]["children"]:
                    return ""
                target = {"context": tree[0]["children"][0]["context"]}
                try:
                    done = bidi("script.evaluate", expression=script, target=target, awaitPromise=False)
                except LookupError:  # the frame went on to its next page meanwhile
                    return ""
                return str(done.get("result", {}).get("value", ""))

            yield evaluate


class _Bidi:
    """Commands of WebDriver BiDi, one after the other; LookupError if one is refused."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0

    def __call__(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv(timeout=_SECONDS))
            if answer.get("id") == self._number:
                if answer["type"] == "error":
                    raise LookupError(answer["error"])
                result: dict[str, Any] = answer["result"]
                return result


@contextmanager
def _socket(port: int) -> Iterator[ClientConnection]:
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            with connect(f"ws://127.0.0.1:{port}/session", max_size=None) as socket:
                yield socket
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)


# ------------------------------------------------------------------ WebKit
def _webkits() -> Iterator[Engine]:
    browser = next((path for path in _MINI_BROWSERS if Path(path).exists()), None)
    missing = [name for name in ("WebKitWebDriver", "Xvfb") if shutil.which(name) is None]
    if browser is None or missing:
        print("WebKit is not installed here: apt-get install webkit2gtk-driver xvfb")
        return
    yield Engine("WebKitGTK, default", partial(_webkit, browser))


@contextmanager
def _webkit(browser: str, address: str) -> Iterator[Callable[[str], str]]:
    port, display = free_port(), f":{free_port() % 900 + 100}"
    screen = ["Xvfb", display, "-screen", "0", "1280x900x24", "-nolisten", "tcp"]
    driver = ["env", f"DISPLAY={display}", "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS=1", "WebKitWebDriver", f"--port={port}"]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    place = f"http://127.0.0.1:{port}"
    with running(screen, **quiet), running(driver, **quiet), httpx.Client(base_url=place, timeout=_SECONDS) as http:
        _until_up(http)
        options = {"binary": browser, "args": ["--automation"]}
        asked = {"capabilities": {"alwaysMatch": {"webkitgtk:browserOptions": options}}}
        session = http.post("/session", json=asked).raise_for_status().json()["value"]["sessionId"]

        def command(path: str, **body: Any) -> Any:
            return http.post(f"/session/{session}/{path}", json=body).raise_for_status().json()["value"]

        command("url", url=address)

        def evaluate(script: str) -> str:
            try:
                command("frame", id=None)
                frame = command("element", using="css selector", value="iframe#app")
                command("frame", id={_ELEMENT: frame[_ELEMENT]})
                return str(command("execute/sync", script=f"return {script}", args=[]) or "")
            except httpx.HTTPStatusError:  # the frame went on to its next page meanwhile
                return ""

        try:
            yield evaluate
        finally:
            http.delete(f"/session/{session}")


def _until_up(http: httpx.Client) -> None:
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            http.get("/status")
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


if __name__ == "__main__":
    os.environ.setdefault("MOZ_HEADLESS", "1")
    sys.exit(main())
