"""Answer whether a consent was in force at an instant as known at another, with the evidence."""

from datetime import datetime

from services.consent.domain.standing import InForce, in_force
from services.consent.usecases.ports import Practice, World


async def tell_in_force(
    *,
    patient: str,
    program: str,
    practitioner: str | None,
    at: datetime | None,
    known_at: datetime | None,
    world: World,
    practice: Practice,
) -> InForce:
    """Tell it for the patient and program, and the practitioner if one is named; both instants are now where not given."""
    now = world.clock.now()
    async with world.begin(practice) as uow:
        history = await uow.consents.history(patient, program)
    return in_force(history, at=at or now, known_at=known_at or now, zone=practice.zone, practitioner=practitioner)
