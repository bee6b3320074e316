"""`python -m tests.e2e.gallery [--data FOLDER]`: pictures of every page, at both widths, into docs/gallery.

They are taken of the demo's clinic after its month, in the EHR's frame; with `--data` of a demo that is being served already.
"""

import argparse
import io
import json
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from shared.ops.clock import DevClock
from tests.e2e.browser import ARGS, World, fresh_context
from tests.e2e.stack import CARELEDGER, ROOT, free_port, running
from tests.e2e.tour import STOPS, WIDTHS, Stop, tour
from tests.needs import needed

GALLERY = ROOT / "docs" / "gallery"
_ENDS = "Ctrl-C ends"
_ROLES = {"clinical-staff": "team", "billing-practitioner": "practitioner", "biller": "desk", "auditor": "desk"}
_FRAME_HEIGHTS = {1280: 1100, 400: 1500}
_COLORS = 128
_IN_THE_MONTH = datetime(2026, 10, 29, 18, 30, tzinfo=UTC)
_AFTER_IT = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)


@contextmanager
def demo(folder: Path) -> Iterator[Path]:
    """Run the demo until it serves; yield its data folder."""
    command = [*CARELEDGER, "demo", "--data", str(folder), "--port", str(free_port())]
    with (folder.parent / "log").open("w") as log, running(command, stdout=subprocess.PIPE, stderr=log) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            if _ENDS in line:
                yield folder
                return
        raise AssertionError((folder.parent / "log").read_text()[-3000:])


def world_of(data: Path) -> World:
    """Return the demo that is served from a data folder; the last of its patients is one without a consent."""
    environment = json.loads((data / "environment.json").read_text("utf-8"))
    people = json.loads((data / "demo" / "clinic" / "practice.json").read_text("utf-8"))["people"]
    staff = {role: next(one["id"] for one in people if one["part"] == part) for role, part in _ROLES.items()}
    staff["program-lead"] = staff["billing-practitioner"]
    work = json.loads((data / "demo" / "clinic" / "work.json").read_text("utf-8"))
    logged = Counter(one["patient"] for one in work if one["do"] == "timer.start")
    asked = {one["patient"] for one in work if one["do"] == "consent.grant"}
    patients = [patient for patient, _ in logged.most_common() if patient in asked]
    patients.append(next(one["patient"] for one in work if one.get("patient") and one["patient"] not in asked))
    port = (data / "demo" / "sandbox-port").read_text("ascii")
    return World(environment["CARELEDGER_PUBLIC_URL"], f"http://127.0.0.1:{port}", staff, tuple(patients), environment)


def take(page: Page, stop: Stop, width: int) -> None:
    """Keep a picture of the app's frame, in few colours: it is read, not enlarged."""
    taken = Image.open(io.BytesIO(page.locator("iframe#app").screenshot()))
    taken.convert("RGB").quantize(_COLORS, dither=Image.Dither.NONE).save(GALLERY / f"{stop.name}-{width}.png", optimize=True)


def take_all(data: Path) -> None:
    """Take every page at both widths, and write the list of them."""
    world = world_of(data)
    GALLERY.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=needed("chromium", for_what="the pictures")[0], args=list(ARGS))
        for width in WIDTHS:
            page = fresh_context(browser).new_page()
            page.set_viewport_size({"width": width, "height": _FRAME_HEIGHTS[width] + 190})
            for chart, at in ((True, _IN_THE_MONTH), (False, _AFTER_IT)):
                DevClock(data / "dev-clock").set(at)
                for stop, _ in tour(page, world, tuple(stop for stop in STOPS if stop.chart is chart)):
                    take(page, stop, width)
                    print(f"{stop.name}-{width}.png", flush=True)
        browser.close()
    lines = [f"| {stop.name} | {stop.role} | ![wide]({stop.name}-1280.png) | ![narrow]({stop.name}-400.png) |" for stop in STOPS]
    head = "# Every page\n\nMade by `make screenshots` of the demo's clinic; every person in them is invented.\n\n"
    (GALLERY / "README.md").write_text(f"{head}| Page | Role | 1280 px | 400 px |\n|---|---|---|---|\n" + "\n".join(lines) + "\n")


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.gallery", description="Pictures of every page into docs/gallery.")
    parser.add_argument("--data", type=Path, help="the folder of a demo that is being served")
    chosen = parser.parse_args().data
    if chosen is not None:
        take_all(chosen)
        return
    with tempfile.TemporaryDirectory(prefix="clg") as name, demo(Path(name) / "d") as data:
        take_all(data)


if __name__ == "__main__":
    main()
