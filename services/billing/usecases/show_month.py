"""What a month came to: its state, totals, and each patient's result with findings, reviews and charges."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.billing.domain.charge import RELEASED
from services.billing.domain.charge_item import ChargeStatus
from services.billing.usecases.assemble_month import review_id
from services.billing.usecases.close_month import MonthStanding, MonthStatus, month_standing
from services.billing.usecases.ports import AssemblyRow, Begin, CodeTotal, CurrentCharge, UnitOfWork
from shared.kernel.calendar_month import CalendarMonth


@dataclass(frozen=True, kw_only=True)
class PatientResult:
    """One patient's result in force: the engine's own record, the charges as they stand, and an open difference."""

    row: AssemblyRow
    assembly: dict[str, Any]
    charges: list[CurrentCharge]
    difference: dict[str, Any] | None
    reviews: dict[str, UUID]


@dataclass(frozen=True, kw_only=True)
class MonthShown:
    """A month: its state, how many results by outcome, totals by code and status, and a page of results."""

    standing: MonthStanding
    attested: bool
    outcomes: dict[str, int]
    totals: list[CodeTotal]
    results: list[PatientResult]
    more: bool
    feed_position: str


async def show_month(
    *, month: CalendarMonth, patient: str | None, after: str | None, count: int, tenant_id: UUID, begin: Begin
) -> MonthShown:
    """Return the month with up to `count` results after the patient `after`, or of `patient` alone; `count` 0 for totals only."""
    async with begin() as uow:
        totals = await uow.months.totals(month)
        if patient is not None:
            rows = list((await uow.months.latest(month, [patient])).values())
        else:
            rows = await uow.months.page(month, after, count + 1) if count else []
        page = rows[:count] if count else rows
        return MonthShown(
            standing=await month_standing(uow, month),
            attested=_is_attested(totals),
            outcomes=await uow.months.outcomes(month),
            totals=totals,
            results=await _results(uow, month, page, tenant_id),
            more=len(rows) > len(page),
            feed_position=await uow.feed.position(),
        )


def state_of(shown: MonthShown) -> str:
    """Return `closed`, `attested` (everything planned has left) or `open`."""
    if shown.standing.status is MonthStatus.CLOSED:
        return "closed"
    return "attested" if shown.attested else "open"


def _is_attested(totals: list[CodeTotal]) -> bool:
    statuses = {total.status for total in totals}
    return bool(statuses & RELEASED) and ChargeStatus.PLANNED not in statuses


async def _results(uow: UnitOfWork, month: CalendarMonth, rows: list[AssemblyRow], tenant_id: UUID) -> list[PatientResult]:
    patients = [row.patient for row in rows]
    charges: dict[str, list[CurrentCharge]] = {}
    for charge in await uow.charges.current(month, patients):
        charges.setdefault(charge.patient, []).append(charge)
    differences = {found.patient: json.loads(found.data) for found in await uow.months.differences(month, patients)}
    results = []
    for row in rows:
        assembly = json.loads(row.data)
        reviewed = [finding["key"] for finding in assembly["findings"] if finding["severity"] == "review"]
        results.append(
            PatientResult(
                row=row,
                assembly=assembly,
                charges=sorted(charges.get(row.patient, ()), key=lambda charge: (charge.code, charge.attempt)),
                difference=differences.get(row.patient),
                reviews={key: review_id(tenant_id, month, row.patient, key) for key in reviewed},
            )
        )
    return results
