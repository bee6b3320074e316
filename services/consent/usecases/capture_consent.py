"""Record what a patient said: granted or declined. A client may repeat it without harm."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.consent.domain.consent import Submission, begin
from services.consent.usecases.ports import Accepted, Author, Claim, Practice, Recorded, UnitOfWork, World
from services.consent.usecases.record_version import is_late, record_version
from shared.kernel.errors import Conflict, Forbidden, Invalid, PreconditionFailed
from shared.kernel.ids import uuid7


class UnknownPatient(Invalid):
    """The EHR says that there is no such patient."""

    rule = "patient-unknown"


class IdentifierTaken(Conflict):
    """The client's identifier stands for another consent."""

    rule = "identifier-taken"


@dataclass(frozen=True)
class Captured:
    """The consent that the client's identifier stands for; `created` unless it was there before."""

    recorded: Recorded
    created: bool


class _Taken(Exception):
    """Undoes the transaction: others have claimed some of the identifiers."""

    def __init__(self, claims: list[Claim]) -> None:
        super().__init__()
        self.claims = claims


async def capture_consent(
    *,
    submission: Submission,
    accepted: Accepted,
    identifiers: Sequence[tuple[str, str]],
    body_hash: bytes,
    if_none_exist: tuple[str, str] | None,
    patient: str | None,
    world: World,
    practice: Practice,
    author: Author,
) -> Captured:
    """Write the first version of a consent, once for each of the client's `identifiers` (system, value).

    The same body again gives the first version, another body IdentifierTaken; with `if_none_exist`, one of the identifiers,
    the consent that has it is returned untouched. ConsentRefused by the rules of consent, UnknownPatient by the EHR. `patient`
    restricts for whom the caller may write and what it is shown: Forbidden for another's.
    """
    said = submission.statement
    if patient not in (None, said.patient):
        raise Forbidden("the token is for another patient", expression="patient")
    if not await world.patients.exist(practice, said.patient):
        raise UnknownPatient("the practice's EHR has no such patient", expression="patient")
    late = await is_late(world, practice, submission)
    try:
        async with world.begin(practice) as uow:
            await uow.consents.lock(said.patient, said.program)
            at = world.clock.now()
            consent = begin(submission, consent_id=uuid7(at), at=at, by=author.actor)
            claims = [Claim(system, value, consent.id, body_hash) for system, value in identifiers]
            taken = await uow.consents.claim(claims)
            if taken:
                raise _Taken(taken)
            recorded = await record_version(
                consents=uow.consents, consent=consent, accepted=accepted, late=late, practice=practice, author=author
            )
        return Captured(recorded, created=True)
    except _Taken as found:
        async with world.begin(practice) as uow:
            return Captured(await _earlier(uow, found.claims, len(identifiers), body_hash, if_none_exist, patient), created=False)


async def _earlier(
    uow: UnitOfWork,
    taken: list[Claim],
    asked: int,
    body_hash: bytes,
    if_none_exist: tuple[str, str] | None,
    patient: str | None,
) -> Recorded:
    """Return the consent for which the identifiers stand; IdentifierTaken if this is not a repetition."""
    holders = {claim.consent_id for claim in taken}
    if if_none_exist in {(claim.system, claim.value) for claim in taken}:
        if len(holders) > 1:
            raise PreconditionFailed("the identifiers stand for more than one consent", expression="identifier")
        version = None
    elif len(holders) > 1 or len(taken) < asked or any(claim.body_hash != body_hash for claim in taken):
        text = f"the identifier {taken[0].system}|{taken[0].value} stands for another consent"
        raise IdentifierTaken(text, expression="identifier")
    else:
        version = 1
    found = await uow.consents.get(holders.pop(), version=version, patient=patient)
    if found is None:
        raise IdentifierTaken("the identifier stands for a consent that cannot be read", expression="identifier")
    return found
