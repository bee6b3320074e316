"""`python -m tests.e2e.gallery [--data FOLDER]`: pictures of every page, at both widths, into docs/gallery.

They are taken of the demo's clinic after its month, in the EHR's frame; with `--data` of a demo that is being served already.
"""

import argparse
import io
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from shared.ops.clock import DevClock
from tests.e2e.browser import ARGS, fresh_context
from tests.e2e.served_demo import demo, world_of
from tests.e2e.stack import ROOT
from tests.e2e.tour import STOPS, WIDTHS, Stop, tour
from tests.needs import needed

GALLERY = ROOT / "docs" / "gallery"
_FRAME_HEIGHTS = {1280: 1100, 400: 1500}
_COLORS = 128
_IN_THE_MONTH = datetime(2026, 10, 29, 18, 30, tzinfo=UTC)
_AFTER_IT = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)


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
