"""Charges as the lines of a file: a month's billable ones, or all that changed since a position (integration.md 4, 5).

What a file holds is what the feed held at its position, so the same position gives the same file, and nothing that is published
while it is written makes it differ.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from services.billing.domain.charge import ChargeItem
from services.billing.domain.charge_columns import COLUMNS_VERSION, line_of
from services.billing.domain.feed_position import number_of
from services.billing.domain.ledger import Practice
from services.billing.usecases.export_ports import ExportBegin, Exporting, Slice, Write
from services.billing.usecases.records import Author
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.clock import Clock
from shared.kernel.errors import Conflict

PAGE = 1000


class NoChargeAmount(Conflict):
    """The practice's charge master lacks an amount for a charge that was to be exported with amounts."""

    rule = "charge-master"


@dataclass
class ChargesExported:
    """What a file holds, for its control file: `amount` is the sum of its line amounts, None where they were left out."""

    feed_position: str
    made_at: datetime
    charges: int = 0
    units: int = 0
    amount: Decimal | None = None
    units_by_code: Counter[str] = field(default_factory=Counter)

    @property
    def control(self) -> dict[str, object]:
        """The fields of the control file that tell what the charges file holds."""
        return {
            "columns_version": COLUMNS_VERSION,
            "charges": self.charges,
            "units": self.units,
            "units_by_code": dict(sorted(self.units_by_code.items())),
            "amount": None if self.amount is None else f"{self.amount:.2f}",
            "feed_position": self.feed_position,
            "made_at": self.made_at.isoformat(),
        }


async def export_charges(
    *,
    month: CalendarMonth | None,
    since: str | None,
    amounts: bool,
    write: Write,
    begin: ExportBegin,
    author: Author,
    clock: Clock,
) -> ChargesExported:
    """Write the billable charges of `month`, or every published charge that changed after the position `since`, as lines.

    Each page of charges is noted in the journal before its lines are written. With `amounts` each line carries the practice's own
    charge amount of the day of service: NoChargeAmount names all codes that have none. FeedReset for a position of an earlier
    epoch.
    """
    async with begin() as uow:
        epoch, head = await uow.feed.head()
        first = number_of(since, epoch, expression="since") if since is not None else 0
        wanted = Slice(head=head, since=first, month=month, billable=since is None)
        practice = await uow.ledger.practice(month or CalendarMonth.of(clock.now(), await uow.ledger.zone()))
    done = ChargesExported(feed_position=f"{epoch}.{head}", made_at=clock.now(), amount=Decimal(0) if amounts else None)
    lacking: set[tuple[str, date]] = set()
    after: int | None = first
    while after is not None:
        async with begin() as uow:
            page = await _page(uow, wanted, after, author, done.made_at)
        for charge in page.charges:
            if amounts and amount_of(practice, charge) is None:
                lacking.add((charge.line.code, charge.line.date_of_service))
        if not lacking:
            write([_line(charge, practice, amounts, done) for charge in page.charges])
        after = page.next
    if lacking:
        named = ", ".join(f"{code} on {day}" for code, day in sorted(lacking))
        raise NoChargeAmount(f"the charge master has no amount for {named}", expression="charge_master")
    return done


@dataclass(frozen=True)
class _Page:
    charges: list[ChargeItem]
    next: int | None


async def _page(uow: Exporting, wanted: Slice, after: int, author: Author, at: datetime) -> _Page:
    rows = await uow.catalog.slice(wanted, after, PAGE)
    charges = [charge for _, charge in rows]
    if charges:
        patients = tuple(sorted({charge.patient for charge in charges}))
        await uow.charges.note_export(patients, author, at, aggregate=f"charges/{wanted.month or wanted.since}")
    return _Page(charges, rows[-1][0] if len(rows) == PAGE else None)


def amount_of(practice: Practice, charge: ChargeItem) -> Decimal | None:
    """Return what the practice charges for a line, all its units, by the settings of the day of service; None if not set."""
    unit = practice.tenant_on(charge.line.date_of_service).charge_master.get(charge.line.code)
    return None if unit is None else unit * charge.line.units


def _line(charge: ChargeItem, practice: Practice, amounts: bool, done: ChargesExported) -> tuple[str, ...]:
    amount = amount_of(practice, charge) if amounts else None
    done.charges += 1
    done.units += charge.line.units
    done.units_by_code[charge.line.code] += charge.line.units
    if done.amount is not None and amount is not None:
        done.amount += amount
    zone = practice.tenant_on(charge.line.date_of_service).zone
    return line_of(charge, amount, zone)
