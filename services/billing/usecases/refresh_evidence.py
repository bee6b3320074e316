"""Before a month is assembled: who is enrolled in the EHR, and what every chart says now."""

from contextlib import suppress
from dataclasses import dataclass

from services.billing.usecases.ports import Begin, Chart
from services.billing.usecases.read_charts import read_charts
from services.billing.usecases.records import Author
from shared.kernel.clock import Clock
from shared.kernel.errors import Unavailable

_PAGE = 500


@dataclass(frozen=True)
class EvidenceRefreshed:
    """How many charts were asked for, how many of them the EHR did not give, and whether it said who is enrolled."""

    charts: int
    unanswered: int
    enrolment_read: bool


async def refresh_evidence(*, chart: Chart, begin: Begin, author: Author, clock: Clock, wall: Clock) -> EvidenceRefreshed:
    """Read the charts of everybody in the ledger and of everybody whom the EHR has enrolled.

    An EHR that does not answer stops nothing: what it did not say holds the release of the patients concerned.
    """
    asked_at = wall.now()
    enrolled: list[str] | None = None
    with suppress(Unavailable):
        enrolled = await chart.enrolled()
    patients = set(enrolled or ())
    after: str | None = None
    while True:
        async with begin() as uow:
            page = await uow.ledger.candidates(after, _PAGE)
        if not page:
            break
        patients.update(page)
        after = page[-1]
    ordered, unanswered = sorted(patients), 0
    for first in range(0, len(ordered), _PAGE):
        page = ordered[first : first + _PAGE]
        unanswered += await read_charts(
            patients=page, asked_at=asked_at, chart=chart, begin=begin, author=author, clock=clock, wall=wall
        )
    return EvidenceRefreshed(len(patients), unanswered, enrolled is not None)
