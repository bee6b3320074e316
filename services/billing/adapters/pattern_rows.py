"""What patterns over a month are found by beside its decisions: the notes of the month before, and the patterns that stand."""

from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.domain.patterns import Note
from shared.kernel.calendar_month import CalendarMonth

# The print is cut out of the stored text: a month has hundreds of thousands of notes, of which nothing else is wanted.
_NOTES = sa.text("""
    SELECT e.patient, split_part(e.aggregate, '/', 2) AS entry, CAST(e.from_at AT TIME ZONE :zone AS date) AS day, e.recorded_at,
           substring(e.data FROM '"facts_print":"([0-9a-f]+)"') AS facts
      FROM ledger_entry AS e
     WHERE e.tenant_id = :tenant_id AND e.performer IS NOT NULL AND e.from_at >= :month_start AND e.from_at < :month_end
       AND NOT EXISTS (SELECT 1 FROM ledger_entry AS n
            WHERE n.tenant_id = e.tenant_id AND n.aggregate = e.aggregate AND n.version > e.version)
""")
_SIGNALS = sa.text("""
    SELECT DISTINCT ON (e.aggregate) e.aggregate, e.version, e.data FROM ledger_entry AS e
     WHERE e.tenant_id = :tenant_id AND e.aggregate >= :first AND e.aggregate < :last ORDER BY e.aggregate, e.version DESC
""")


async def notes_of(connection: AsyncConnection, tenant_id: object, month: CalendarMonth, zone: ZoneInfo) -> list[Note]:
    """Return the live notes of an earlier month that have a print."""
    values = {"tenant_id": tenant_id, "month_start": month.start(zone), "month_end": month.end(zone), "zone": zone.key}
    rows = await connection.execute(_NOTES, values)
    return [
        Note(row.entry, row.patient, row.day, row.recorded_at, row.facts, "", earlier=True)
        for row in rows
        if row.facts is not None
    ]


async def signals_of(connection: AsyncConnection, tenant_id: object, month: CalendarMonth) -> dict[str, tuple[int, str]]:
    """Return the last version and text of each pattern that was ever recorded of a month, by aggregate."""
    values = {"tenant_id": tenant_id, "first": f"signal/{month}/", "last": f"signal/{month}0"}
    return {row.aggregate: (row.version, row.data) for row in await connection.execute(_SIGNALS, values)}
