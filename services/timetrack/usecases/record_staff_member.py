"""Record a member of staff: the next version of their place on the roster, told to the others by event."""

from datetime import datetime

from services.timetrack.domain.staff import StaffMember, check_member
from services.timetrack.usecases.ports import Author, Practice, StaffRecord, UnitOfWork
from shared.contracts import staff_member as contract
from shared.kernel.errors import PreconditionFailed, PreconditionMissing


async def record_staff_member(
    *,
    uow: UnitOfWork,
    practice: Practice,
    author: Author,
    member: StaffMember,
    seen_version: int | None,
    now: datetime,
) -> tuple[StaffRecord, bool]:
    """Return the member's record and whether it is a new version (what is there already is left alone).

    InvalidStaffMember; PreconditionMissing for a change without the version that the caller saw, PreconditionFailed for one
    that is no longer current.
    """
    check_member(member, today=now.astimezone(practice.zone).date())
    async with uow:
        current = await uow.roster.find(member.practitioner)
        if current is not None and current.member == member:
            return current, False
        if current is not None and seen_version is None:
            raise PreconditionMissing(f"the member is recorded at version {current.version}: say in If-Match that you saw it")
        version = current.version if current else 0
        if seen_version is not None and seen_version != version:
            raise PreconditionFailed(f"the member is at version {version} by now: read it again")
        record = StaffRecord(member, version + 1, now, author.actor)
        await uow.roster.add(record, _state(record).model_dump_json(), author)
        return record, True


def _state(record: StaffRecord) -> contract.StaffMemberState:
    member = record.member
    return contract.StaffMemberState(
        practitioner=member.practitioner,
        version=record.version,
        name=member.name,
        npi=member.npi,
        fhir_user=member.fhir_user,
        recorded_at=record.recorded_at,
        recorded_by=record.recorded_by,
        roles=tuple(contract.RoleHeld(since=r.since, until=r.until, role=r.role) for r in member.roles),
        credentials=tuple(
            contract.Credential(
                since=c.since, until=c.until, credential=c.credential, state=c.state, number=c.number, verified=c.verified
            )
            for c in member.credentials
        ),
        supervision=tuple(
            contract.Supervision(since=s.since, until=s.until, practitioner=s.practitioner) for s in member.supervision
        ),
        locations=tuple(
            contract.WorkLocation(since=w.since, until=w.until, country=w.country, state=w.state, attested_by=w.attested_by)
            for w in member.locations
        ),
        exclusion_checks=member.exclusion_checks,
    )
