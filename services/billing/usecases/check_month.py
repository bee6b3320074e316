"""The self-check at close: patterns over a whole month that a person should have seen before it is closed (findings.md 5)."""

from dataclasses import dataclass
from datetime import date

from services.billing.domain.charge_item import ChargeStatus
from services.billing.usecases.close_month import MonthStanding, month_standing
from services.billing.usecases.list_ports import Listing, Looking, StaffTally, Want
from shared.kernel.calendar_month import CalendarMonth

_LONG_DAY_SECONDS = 8 * 3600
_ASSERTED_PERCENT = 20
_TO_EXPORT = (ChargeStatus.PLANNED, ChargeStatus.BILLABLE)
_NAMED = 20


@dataclass(frozen=True, kw_only=True)
class MonthCheck:
    """What stands out: `uniform` totals (seconds, patients), `long_days` (performer, name, day, seconds), counts of the rest.

    `copied` are the first patients (id, name) of the `cloned`, `by_staff` whose entries are late or asserted.
    `unpriced` are codes that the practice's charge master, if it has one, lacks: the month's charges file is refused.
    """

    standing: MonthStanding
    holds: int
    to_attest: int
    uniform: list[tuple[int, int]]
    long_days: list[tuple[str, str, date, int]]
    asserted_percent: float
    cloned: int
    copied: list[tuple[str, str]]
    late: int
    by_staff: list[StaffTally]
    unpriced: list[str]

    @property
    def asserted_high(self) -> bool:
        """Tell whether more of the time is asserted than usual."""
        return self.asserted_percent > _ASSERTED_PERCENT


async def check_month(*, month: CalendarMonth, look: Looking) -> MonthCheck:
    """Look at a month from above; nothing is changed."""
    async with look() as uow:
        zone = await uow.ledger.zone()
        staff = await uow.lists.staff([month], Want())
        marked = Want(lists=("copied",))
        sums = await uow.lists.tally([month], Want(lists=("all",)))
        total = sums[0] if sums else None
        return MonthCheck(
            standing=await month_standing(uow, month),
            holds=total.holds if total else 0,
            to_attest=total.to_attest if total else 0,
            uniform=await uow.lists.uniform_totals(month),
            long_days=await uow.lists.staff_days(month, zone, _LONG_DAY_SECONDS),
            asserted_percent=total.asserted * 100 / total.counted if total and total.counted else 0.0,
            cloned=await uow.lists.count(month, marked),
            copied=[(line.patient, line.name) for line in await uow.lists.rows(month, marked, order=("name",), count=_NAMED)],
            late=sum(one.late for one in staff),
            by_staff=staff,
            unpriced=await _unpriced(uow, month),
        )


async def _unpriced(uow: Listing, month: CalendarMonth) -> list[str]:
    amounts = (await uow.ledger.practice(month)).tenant_in(month).charge_master
    waiting = {total.code for total in await uow.months.totals(month) if total.status in _TO_EXPORT}
    return sorted(waiting - set(amounts)) if amounts else []
