"""Every page of the app, in every role: how to come to it from the EHR, for whoever looks at all of them."""

from collections.abc import Iterator
from dataclasses import dataclass

from playwright.sync_api import Frame, Page

from tests.e2e.browser import World, open_app

WIDTHS = {1280: 900, 400: 860}
"""Widths at which a page is looked at, each with its window's height; both in pixels."""


@dataclass(frozen=True)
class Stop:
    """One page: whose, from a chart or from the menu, what to press on the way, and what shows that it is there.

    A chart is that of the world's first patient; with `last` of its last, who has no consent.
    """

    name: str
    role: str
    there: str
    presses: tuple[str, ...] = ()
    chart: bool = False
    last: bool = False


_CAPTURE = "#main [data-open='consent/capture']:visible >> nth=0"
_OPEN_FIRST = "#bill-desk-table .cl-pt__name >> nth=1"
STOPS = (
    Stop("patient", "clinical-staff", "#bill-h-month", chart=True),
    Stop("consent-record", "clinical-staff", "#main h1:visible", ("#shell-pages >> text=Consent",), chart=True),
    Stop("consent-capture", "clinical-staff", "#cons-capture", ("#shell-pages >> text=Consent", _CAPTURE), chart=True, last=True),
    Stop("log-by-hand", "clinical-staff", "#main form:visible", ("#shell-acts >> text=Log time by hand",), chart=True),
    Stop("worklist", "clinical-staff", "#page h1"),
    Stop("patient-of-the-practitioner", "billing-practitioner", "#bill-h-month", chart=True),
    Stop("desk-of-the-practitioner", "billing-practitioner", "#bill-desk-table", ("#shell-pages >> text=Desk",)),
    Stop("desk", "biller", "#bill-desk-table", ("#shell-pages >> text=Desk",)),
    Stop("charge", "biller", "#bill-h-findings", ("#shell-pages >> text=Desk", _OPEN_FIRST)),
    Stop("plans", "biller", "#page h1:has-text('lan')", ("#shell-pages >> text=Desk", "#page >> text=Plans >> nth=0")),
    Stop(
        "differences", "biller", "#page h1:has-text('Differences')",
        ("#shell-pages >> text=Desk", "#page >> text=After billing"),
    ),
    Stop(
        "overpayments", "biller", "#page h1:has-text('Overpayments')",
        ("#shell-pages >> text=Desk", "#page >> text=After billing", "#page >> text=Overpayments >> nth=0"),
    ),
    Stop("practice", "program-lead", "#bill-dialog h2", ("#shell-pages >> text=Desk", "#page >> text=Practice >> nth=0")),
    Stop("program", "program-lead", ".cl-chart svg", ("#shell-pages >> text=Program",)),
    Stop(
        "program-patients", "program-lead", "#bill-drill",
        ("#shell-pages >> text=Program", "#bill-t-enrollment ~ .cl-tile__foot >> text=enrolled"),
    ),
    Stop("rules", "program-lead", "#page h1:has-text('ule')", ("#shell-pages >> text=Rules",)),
    Stop("refreshers", "program-lead", "#page h1:has-text('efresher')", ("#shell-pages >> text=Refreshers",)),
    Stop("worklist-of-the-lead", "program-lead", "#page h1"),
    Stop("patient-of-the-auditor", "auditor", "#bill-h-month", chart=True),
    Stop("desk-of-the-auditor", "auditor", "#bill-desk-table", ("#shell-pages >> text=Desk",)),
)  # fmt: skip


def tour(page: Page, world: World, stops: tuple[Stop, ...] = STOPS) -> Iterator[tuple[Stop, Frame]]:
    """Yield each page once it is there, in the EHR's frame; a failure names the page."""
    for stop in stops:
        patient = world.patients[-1 if stop.last else 0]
        address = world.chart(patient, stop.role) if stop.chart else world.menu(stop.role)
        frame = open_app(page, address)
        for press in stop.presses:
            settle(frame)
            frame.click(press)
        frame.wait_for_selector(stop.there)
        settle(frame)
        yield stop, frame


def settle(frame: Frame) -> None:
    """Wait until no fragment is on its way."""
    frame.wait_for_selector(".htmx-request, main .cl-wait", state="detached")
