"""Pages that concern the whole practice: who may open them, and which month they show."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Request

from services.billing.entrypoints.fragments.common import Desk, desk_of
from services.billing.entrypoints.fragments.patient import month_named
from services.billing.usecases.close_month import MonthStatus, month_standing
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.errors import Forbidden
from shared.kernel.vocabulary import StaffRole
from shared.web.access_control import Principal, page

DESK = (StaffRole.BILLER, StaffRole.BILLING_PRACTITIONER, StaffRole.PROGRAM_LEAD, StaffRole.AUDITOR)
ACTING = (StaffRole.BILLER, StaffRole.BILLING_PRACTITIONER, StaffRole.PROGRAM_LEAD)

DeskReader = Annotated[Principal, Depends(page(*DESK, chart=False))]
DeskActor = Annotated[Principal, Depends(page(*ACTING, chart=False))]
Signer = Annotated[Principal, Depends(page(StaffRole.BILLING_PRACTITIONER, chart=False))]
Stater = Annotated[Principal, Depends(page(StaffRole.BILLING_PRACTITIONER, StaffRole.PROGRAM_LEAD, chart=False))]
Everybody = Annotated[Principal, Depends(page(StaffRole.CLINICAL_STAFF, *DESK, chart=False))]
Lead = Annotated[Principal, Depends(page(StaffRole.PROGRAM_LEAD, StaffRole.AUDITOR, chart=False))]


async def practice_desk(request: Request, principal: Principal, *, writes: bool = False) -> Desk:
    """Return the desk; a chart's page opens nothing but its chart."""
    if principal.patient is not None:
        raise Forbidden("this concerns the whole practice: open it from the menu, not from a chart")
    return await desk_of(request, principal, writes=writes)


async def month_of(request: Request, desk: Desk) -> CalendarMonth:
    """Return the month that the address names; else the one before, until it is closed, then the one that runs."""
    named = month_named(request.query_params.get("month", ""))
    if named is not None:
        return named
    current = CalendarMonth.of(desk.at, desk.zone)
    async with desk.call.read() as uow:
        before = await month_standing(uow, current.previous)
        decided, _ = await uow.lists.assembled(current.previous)
    return current.previous if decided and before.status is MonthStatus.OPEN else current


async def settings_in(desk: Desk, month: CalendarMonth) -> Mapping[str, int | str | bool]:
    """Return the practice's own settings in a month: goals and owners of numbers, days of grace."""
    async with desk.call.read() as uow:
        return (await uow.ledger.practice(month)).tenant_in(month).settings


def months_back(month: CalendarMonth, count: int) -> list[CalendarMonth]:
    """Return `month` and those before it, the newest first."""
    found = [month]
    while len(found) < count:
        found.append(found[-1].previous)
    return found


def month_title(month: CalendarMonth) -> str:
    """Say a month: `November 2026`."""
    return f"{month.first_day:%B %Y}"
