"""What CDS cards are made of, what comes back of them, and where both are kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self
from uuid import UUID

from services.billing.domain.cards import CardTopic
from services.billing.usecases.overview_ports import OverviewRow
from services.billing.usecases.records import Author
from shared.kernel.calendar_month import CalendarMonth


@dataclass(frozen=True, kw_only=True)
class CareLine:
    """A patient's newest line of the lists, of the month that runs or the one before; `behind` if newer facts wait."""

    month: CalendarMonth
    row: OverviewRow
    behind: bool


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """What a user did with a card, as the CDS client tells it: `reason` is (system, code) as sent, `comment` may hold PHI."""

    card: UUID
    topic: CardTopic
    outcome: str
    at: datetime
    suggestions: tuple[UUID, ...] = ()
    reason: tuple[str, str] | None = None
    comment: str | None = None


class CdsStore(Protocol):
    """Lines and feedback of one tenant."""

    async def line(self, patient: str, months: Sequence[CalendarMonth]) -> CareLine | None:
        """Return the patient's line of the latest of `months` that has one."""

    async def keep(self, feedback: Feedback, author: Author, at: datetime) -> bool:
        """Keep a feedback with its journal row; False, and nothing is kept, for one that came before."""


class CdsWork(Protocol):
    """A unit of work with them."""

    @property
    def cds(self) -> CdsStore:
        """The lines and feedback, once it has begun."""

    async def __aenter__(self) -> Self:
        """Begin."""

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Commit, or roll back after an exception."""


BeginCds = Callable[[], CdsWork]
"""Makes one such unit of work after another for the same tenant."""
