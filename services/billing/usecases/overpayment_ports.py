"""An overpayment case, and where they are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from services.billing.usecases.records import Author
from shared.kernel.calendar_month import CalendarMonth


@dataclass(frozen=True, kw_only=True)
class Overpayment:
    """A case: lines as billed and as the facts gave when it was found; how, when and by whom it ended, once it did."""

    id: UUID
    month: CalendarMonth
    patient: str
    found_at: datetime
    report_by: date
    investigate_by: date
    billed: tuple[tuple[str, int], ...]
    now: tuple[tuple[str, int], ...]
    settled_at: datetime | None = None
    outcome: str | None = None
    by: str | None = None
    reference: str | None = None


class OverpaymentStore(Protocol):
    """The overpayment cases of a tenant."""

    async def open_cases(self, month: CalendarMonth | None = None, patients: Sequence[str] | None = None) -> list[Overpayment]:
        """Return cases that have not ended, the one to be reported first on top; of a month, of some patients, or all."""

    async def case(self, case_id: UUID) -> Overpayment | None:
        """Return a case, ended or not; nobody else changes it until this transaction ends."""

    async def put(self, case: Overpayment, author: Author, at: datetime) -> None:
        """Store a new case, or how one ended, with its journal row."""
