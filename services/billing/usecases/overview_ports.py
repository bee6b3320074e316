"""What lists and numbers need of each patient-month, and where it is kept. Made from the facts alone, so it can be made anew."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from services.billing.usecases.look_at_month import Viewing
from services.billing.usecases.ports import Known, MonthFacts
from services.billing.usecases.view_ports import Face
from shared.kernel.calendar_month import CalendarMonth


class State(StrEnum):
    """What the desk does with a patient-month: fix it, attest it, wait for the billing system, or nothing.

    `outside`: not enrolled, and known only because enrolment may be offered.
    """

    HOLD = "hold"
    ATTEST = "attest"
    RELEASED = "released"
    NONE = "none"
    OUTSIDE = "outside"


@dataclass(frozen=True, kw_only=True)
class OverviewRow:
    """A patient-month in short: who, by whose rules, how far, what stands in the way, what it is expected to bring.

    `lines` are codes and units as JSON; of a hold `amount` is what is at risk. `missing` are seconds to `next_code`.
    `notes_due` entries have notes that lack something, `copied` ones are marked as copies or out of proportion.
    `only_reviews`: nothing but decisions of a named person keeps it. `held_since` is set by the store. `consent_until` is the
    last day of a consent that ends; `beside` are findings on other programs that a person should see, as JSON.
    """

    patient: str
    looked_at: datetime
    name: str
    birth_date: date | None
    mrn: str | None
    practitioner: str
    practitioner_name: str
    payer: str
    profile: str
    plan: str | None
    enrolled: bool
    enrolled_first: bool
    approached: bool
    consented: bool
    eligible: bool
    conditions: int
    last_visit: date | None
    consent: str
    consent_why: str
    consent_until: date | None
    without_consent: int
    lane: str
    counted: int
    asserted: int
    next_code: str | None
    missing: int | None
    state: str
    only_reviews: bool
    severity: str | None
    kind: str
    rule: str
    finding: str
    beside: str
    who: str
    lines: str
    amount: Decimal
    unknown_amounts: int
    place_of_service: str
    notes_due: int
    copied: int
    last_work_at: datetime | None
    last_work: str | None
    last_worker: str | None
    last_worker_name: str | None
    held_since: datetime | None = None


class OverviewStore(Protocol):
    """The overviews of a tenant."""

    async def known(self, patients: Sequence[str], facts: MonthFacts) -> list[Known]:
        """Return what is known of some patients that a month's decision needs."""

    async def faces(self, patients: Sequence[str]) -> dict[str, Face]:
        """Return who the patients are."""

    async def unsuitable(self, patients: Sequence[str]) -> set[str]:
        """Return for whom a clinician said that the program does not suit them."""

    async def put(self, month: CalendarMonth, patients: Sequence[str], rows: Sequence[OverviewRow]) -> None:
        """Make `rows` the overviews of `patients` in the month."""

    async def put_staff(self, month: CalendarMonth, start: datetime, end: datetime, patients: Sequence[str]) -> None:
        """Sum the month's time of `patients` by who worked it."""


class Overseeing(Viewing, Protocol):
    """A unit of work that keeps overviews."""

    @property
    def overviews(self) -> OverviewStore:
        """The overviews."""
