"""Charts that access tells of, kept for the pages."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from services.timetrack.adapters.tables import CHART
from shared.contracts.event import Event
from shared.smart.charts import record_charts


async def note_charts(connection: AsyncConnection, events: Sequence[Event]) -> None:
    """Append the charts among `events`."""
    await record_charts(connection, CHART, events)
