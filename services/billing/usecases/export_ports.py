"""What the export of charges asks of the world: the feed as it stood at a position, and a note of who took what."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.billing.domain.charge import ChargeItem
from services.billing.usecases.ports import UnitOfWork
from shared.kernel.calendar_month import CalendarMonth


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Which charges: those whose last version up to number `head` of the feed came after `since`, in that version.

    With `month` of that month only; with `billable` only those that were billable at `head`.
    """

    head: int
    since: int = 0
    month: CalendarMonth | None = None
    billable: bool = False


class PublishedCharges(Protocol):
    """The published charges of a tenant as they stood at a position of the feed."""

    async def slice(self, wanted: Slice, after: int, limit: int) -> list[tuple[int, ChargeItem]]:
        """Return up to `limit` charges of a slice beyond the feed's number `after`, with their numbers, in that order."""


class Exporting(UnitOfWork, Protocol):
    """A unit of work from which charges are exported."""

    @property
    def catalog(self) -> PublishedCharges:
        """The published charges."""


ExportBegin = Callable[[], Exporting]
"""Makes one exporting unit of work after another for the same tenant."""

Write = Callable[[Sequence[tuple[str, ...]]], None]
"""Takes lines of the file, in order."""
