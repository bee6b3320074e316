"""Correct, revoke or take back a consent: always a new version."""

from uuid import UUID

from services.consent.domain.consent import ConsentRefused, Submission, follow
from services.consent.usecases.ports import Accepted, Author, Practice, Recorded, World
from services.consent.usecases.record_version import is_late, record_version
from shared.kernel.errors import NotFound, PreconditionFailed


async def change_consent(
    *,
    consent_id: UUID,
    seen_version: int,
    submission: Submission,
    accepted: Accepted,
    identifiers: set[tuple[str, str]],
    patient: str | None,
    world: World,
    practice: Practice,
    author: Author,
) -> Recorded:
    """Write the next version of a consent whose newest version the client has seen; `patient` restricts who is found.

    NotFound, PreconditionFailed if `seen_version` is not the newest, ConsentRefused by the rules of consent.
    """
    said = submission.statement
    late = await is_late(world, practice, submission)
    async with world.begin(practice) as uow:
        await uow.consents.lock(said.patient, said.program)
        found = await uow.consents.get(consent_id, patient=patient)
        if found is None:
            raise NotFound("there is no such consent")
        if found.consent.version != seen_version:
            raise PreconditionFailed(f"the consent is at version {found.consent.version} by now: read it again")
        if identifiers != await uow.consents.identifiers(consent_id):
            raise ConsentRefused("the identifiers of a consent stay", rule="identifier-kept", expression="identifier")
        at = max(world.clock.now(), found.consent.recorded_at)
        consent = follow(found.consent, submission, zone=practice.zone, at=at, by=author.actor)
        return await record_version(
            consents=uow.consents, consent=consent, accepted=accepted, late=late, practice=practice, author=author
        )
