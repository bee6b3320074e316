"""What lists and numbers ask of the overviews: which lines, in which order, and sums over them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol
from zoneinfo import ZoneInfo

from services.billing.usecases.look_at_month import Viewing
from services.billing.usecases.overview_ports import OverviewRow
from shared.kernel.calendar_month import CalendarMonth

PAGE = 25
EVERY = 200_000
"""More lines than a practice has patients: where all of a list are wanted."""


@dataclass(frozen=True, kw_only=True)
class Want:
    """Which lines are wanted; what is empty does not narrow. `lists` are names of the store's lists, all of which must hold.

    `text` is looked for in name and number; `short` is the largest distance to a code, in seconds; `quiet` is the instant since
    which nobody has worked with them. `taking_part`: only who takes part today, or only who pauses, has moved away or left.
    """

    lists: tuple[str, ...] = ()
    text: str = ""
    kind: str = ""
    practitioner: str = ""
    payer: str = ""
    plan: str = ""
    place: str = ""
    lane: str = ""
    worker: str = ""
    performer: str = ""
    short: int = 0
    quiet: datetime | None = None
    taking_part: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Sums over the lines of one key (a month, a practitioner, a payer …); seconds and dollars."""

    key: str
    name: str
    patients: int
    enrolled: int
    enrolled_first: int
    in_force: int
    approached: int
    consented: int
    eligible: int
    counted: int
    asserted: int
    without_consent: int
    notes_due: int
    holds: int
    to_attest: int
    released: int
    none: int
    at_risk: Decimal
    attest_amount: Decimal
    released_amount: Decimal
    unknown_amounts: int

    @property
    def expected(self) -> Decimal:
        """What is planned or released, as the payers' national amounts have it."""
        return self.attest_amount + self.released_amount


@dataclass(frozen=True, kw_only=True)
class StaffTally:
    """One member of the staff in a month; seconds as logged, entries that passed at first save, entries written late."""

    performer: str
    name: str
    patients: int
    measured: int
    asserted: int
    entries: int
    passed: int
    late: int


@dataclass(frozen=True, kw_only=True)
class ChargeTally:
    """A month's published charges: patients and lines by what became of them, and days from month end to release."""

    month: date
    patients: int
    lines: int
    billed: int
    returned: int
    release_days: float | None


@dataclass(frozen=True, kw_only=True)
class HoldNote:
    """What was last said of a hold: who cares for it, until when, and the words."""

    owner: str | None
    due: date | None
    comment: str
    by: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class OpenDifference:
    """A released patient-month whose facts now say something else (P5, P6): codes and units as billed and as they are now.

    `kind` is replacement or void; of a lower result `report_by` is the last day to report an overpayment.
    """

    month: CalendarMonth
    patient: str
    name: str
    practitioner_name: str
    found_at: datetime
    kind: str
    billed: tuple[tuple[str, int], ...]
    now: tuple[tuple[str, int], ...]
    report_by: date | None


@dataclass(frozen=True, kw_only=True)
class Decided:
    """A version of a patient-month's decision: when, and what became of it."""

    version: int
    at: datetime
    outcome: str
    releasable: bool


class Lists(Protocol):
    """The overviews of one tenant, read."""

    async def rows(
        self, month: CalendarMonth, want: Want, *, order: Sequence[str] = (), skip: int = 0, count: int = PAGE
    ) -> list[OverviewRow]:
        """Return lines in an order (`name`, `missing`, `held_since`, …, with `-` descending), `skip` of them left out."""

    async def count(self, month: CalendarMonth, want: Want) -> int:
        """Return how many lines there are."""

    async def tally(self, months: Sequence[CalendarMonth], want: Want, *, by: str = "month") -> list[Tally]:
        """Return the sums over lines of `months` by `month`, `practitioner`, `payer`, `place_of_service`, `kind` or `plan`."""

    async def staff(self, months: Sequence[CalendarMonth], want: Want, *, by: str = "performer") -> list[StaffTally]:
        """Return the sums over the staff's time by `performer` or `month`."""

    async def charges(self, months: Sequence[CalendarMonth], zone: ZoneInfo) -> list[ChargeTally]:
        """Return what became of the published charges by month."""

    async def assembled(self, month: CalendarMonth) -> tuple[int, datetime | None]:
        """Return for how many patients the month was decided, and when last."""

    async def uniform_totals(self, month: CalendarMonth) -> list[tuple[int, int]]:
        """Return counted seconds that many patients share to the second, and how many do."""

    async def staff_days(self, month: CalendarMonth, zone: ZoneInfo, over: int) -> list[tuple[str, str, date, int]]:
        """Return performer, name, day and seconds of each working day longer than `over` seconds."""

    async def hold_notes(self, month: CalendarMonth, patients: Sequence[str]) -> dict[str, HoldNote]:
        """Return what was last said of each hold."""

    async def hold_history(self, month: CalendarMonth, patient: str) -> list[HoldNote]:
        """Return all that was said of a hold, newest first."""

    async def decisions(self, month: CalendarMonth, patient: str) -> list[Decided]:
        """Return all decisions of a patient-month, newest first."""

    async def differences(self) -> list[OpenDifference]:
        """Return the open differences of all months, those to be reported first before the others."""

    async def is_behind(self) -> bool:
        """Tell whether facts have come that the lines do not show yet."""


class Listing(Viewing, Protocol):
    """A unit of work from which lists are read."""

    @property
    def lists(self) -> Lists:
        """The lists."""


Looking = Callable[[], Listing]
"""Makes one listing unit of work after another for the same tenant."""
