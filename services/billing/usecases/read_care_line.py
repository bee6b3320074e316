"""What a chart's CDS cards are made of: the line that the worklists show of the patient, in one read."""

from datetime import datetime
from zoneinfo import ZoneInfo

from services.billing.usecases.cds_ports import BeginCds, CareLine
from shared.kernel.calendar_month import CalendarMonth


async def read_care_line(*, patient: str, at: datetime, zone: ZoneInfo, begin: BeginCds) -> CareLine | None:
    """Return the patient's line of the month that runs, or of the one before in the first hours of a month; None if unknown."""
    current = CalendarMonth.of(at, zone)
    async with begin() as uow:
        return await uow.cds.line(patient, [current, current.previous])
