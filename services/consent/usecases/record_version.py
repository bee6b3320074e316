"""How a version is written: with what follows from it for the patient's other consents, in one transaction."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from services.consent.domain.consent import Consent, Submission
from services.consent.domain.standing import consequences
from services.consent.usecases.ports import Accepted, Author, Consents, Practice, Recorded, World


async def record_version(
    *, consents: Consents, consent: Consent, accepted: Accepted, late: bool, practice: Practice, author: Author
) -> Recorded:
    """Write `consent` as the others let it stand, and the next version of every other that it moves; return the first."""
    said = consent.statement
    others = {
        found.consent.id: found for found in await consents.current(said.patient, said.program) if found.consent.id != consent.id
    }
    settled, followed = consequences(consent, [found.consent for found in others.values()], zone=practice.zone)
    recorded = Recorded(settled, accepted, late)
    if settled.version == 1:
        await consents.add(recorded, author)
    else:
        await consents.replace(recorded, author)
    for other in followed:
        kept = replace(others[other.id].accepted, text=None)
        await consents.replace(Recorded(other, kept, late), author)
    return recorded


async def is_late(world: World, practice: Practice, submission: Submission) -> bool:
    """Tell whether what is submitted concerns a month that billing has closed; ask it before the transaction begins."""
    instants: Iterable[datetime] = (
        submission.statement.given_at,
        *((submission.stop.received_at,) if submission.stop else ()),
    )
    return any([await world.months.closed_month(practice.tenant_id, at) is not None for at in instants])
