"""What remittances ask of the world: where decisions on claim lines are kept, and their sums."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from services.billing.domain.charge import ChargeItem
from services.billing.domain.remittance import RemittanceLine
from services.billing.usecases.ports import UnitOfWork
from services.billing.usecases.records import Author
from shared.kernel.calendar_month import CalendarMonth


@dataclass(frozen=True, kw_only=True)
class RemitTally:
    """A month's decided claim lines: the last decision of each payer stands, and what several payers paid is added.

    `denied`: nothing was paid, for a reason that denies. `allowed` and `patient_share` are over the lines that told them
    (`told_allowed`, `told_share` of them). `payment_days` is the average from month end to payment, over paid lines.
    """

    month: date
    lines: int
    denied: int
    paid: Decimal
    allowed: Decimal
    patient_share: Decimal
    told_allowed: int
    told_share: int
    payment_days: float | None


@dataclass(frozen=True, kw_only=True)
class DeniedLines:
    """Denied lines of the same codes, on whose decision the same rules had findings."""

    carc: tuple[str, ...]
    rarc: tuple[str, ...]
    rules: frozenset[str]
    lines: int


class RemittanceStore(Protocol):
    """The decisions of payers on a tenant's charges."""

    async def known(self, charges: Sequence[UUID]) -> dict[tuple[UUID, str, date], RemittanceLine]:
        """Return what is stored of some charges, by charge, payer and day."""

    async def add(self, lines: Sequence[tuple[RemittanceLine, ChargeItem]], author: Author, at: datetime, *, source: str) -> None:
        """Store decisions on their charges with one journal row; Conflict if somebody else has just stored one of them."""

    async def tally(
        self, months: Sequence[CalendarMonth], *, practitioner: str, payer: str, not_denials: Sequence[str]
    ) -> list[RemitTally]:
        """Return the sums by month of service; a month without a decision is absent. Empty strings do not narrow."""

    async def denied(
        self, months: Sequence[CalendarMonth], *, practitioner: str, payer: str, not_denials: Sequence[str]
    ) -> list[DeniedLines]:
        """Return the denied lines of months of service."""


class Remitting(UnitOfWork, Protocol):
    """A unit of work that keeps remittances."""

    @property
    def remittances(self) -> RemittanceStore:
        """The remittances."""


RemitBegin = Callable[[], Remitting]
"""Makes one such unit of work after another for the same tenant."""
