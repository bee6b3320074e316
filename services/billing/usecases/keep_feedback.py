"""Keep what users did with CDS cards: once each, however often an EHR tells it."""

from collections.abc import Sequence

from services.billing.usecases.cds_ports import BeginCds, Feedback
from services.billing.usecases.records import Author
from shared.kernel.clock import Clock


class _KeptBefore(Exception):
    """Lets the transaction roll back: no journal row tells of what was told before."""


async def keep_feedback(*, feedback: Sequence[Feedback], begin: BeginCds, author: Author, clock: Clock) -> int:
    """Keep each feedback with its journal row; return how many were new. It changes no consent, minute or charge."""
    new = 0
    for each in dict.fromkeys(feedback):
        try:
            async with begin() as uow:
                if not await uow.cds.keep(each, author, clock.now()):
                    raise _KeptBefore
        except _KeptBefore:
            continue
        new += 1
    return new
