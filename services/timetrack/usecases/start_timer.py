"""Start a timer for a person who is on the roster today."""

from dataclasses import dataclass, replace
from datetime import datetime

from services.timetrack.domain.activity import Work
from services.timetrack.domain.staff import StaffMember, require_timer_role
from services.timetrack.domain.time_entry import Performer
from services.timetrack.domain.timer import TimerStatus, settle
from services.timetrack.domain.timer import start_timer as start
from services.timetrack.usecases.ports import (
    Author,
    IdentifierTaken,
    Patients,
    Practice,
    TimerRecord,
    TimerRunning,
    UnitOfWork,
    UnknownPatient,
)
from shared.kernel.errors import Invalid
from shared.kernel.ids import uuid7
from shared.kernel.vocabulary import PerformerRole


class NoCredential(Invalid):
    """Neither the roster nor the request says in which credential the person works."""

    rule = "timer-credential"


@dataclass(frozen=True, slots=True)
class TimerRequest:
    """What a timer is started for; `identifier` is the client's own, so that the request can be repeated."""

    identifier: str
    performer: str
    patient: str
    work: Work
    role: PerformerRole | None = None
    directed_by: str | None = None
    encounter: str | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a timer's client may be silent; and where it watches for input, when it asks, and how long it may ask."""

    silence_seconds: int
    idle_seconds: int | None = None
    question_seconds: int = 0


async def start_timer(
    *,
    uow: UnitOfWork,
    patients: Patients,
    practice: Practice,
    author: Author,
    request: TimerRequest,
    patience: Patience,
    now: datetime,
) -> tuple[TimerRecord, bool]:
    """Return the timer and whether it is new (else the same client started it before under the same identifier).

    NotOnRoster; NoCredential; UnknownPatient; TimerRunning while the performer has a running timer that is not forgotten (a
    forgotten one is paused where it was last heard of); IdentifierTaken for another request under a used identifier.
    """
    if not await patients.exist(practice, request.patient):
        raise UnknownPatient("the EHR does not know this patient", expression="patient")
    try:
        return await _start(uow, practice, author, request, patience, now=now)
    except (TimerRunning, IdentifierTaken):
        async with uow:  # the same request may have been there first, at the same moment
            known = await uow.timers.by_identifier(author.client, request.identifier)
        if known is None:
            raise
        return _same(known, request), False


async def _start(
    uow: UnitOfWork, practice: Practice, author: Author, request: TimerRequest, patience: Patience, *, now: datetime
) -> tuple[TimerRecord, bool]:
    async with uow:
        staff = await uow.roster.find(request.performer)
        day = now.astimezone(practice.zone).date()
        member = require_timer_role(staff.member if staff else None, practitioner=request.performer, day=day)
        if known := await uow.timers.by_identifier(author.client, request.identifier):
            return _same(known, request), False
        running = await uow.timers.running(request.performer)
        if running is not None:
            settled = settle(running.timer, now=now)
            if settled.status is TimerStatus.RUNNING:
                raise TimerRunning(f"a timer of this person runs: {running.id}", expression="performer")
            await uow.timers.save(replace(running, version=running.version + 1, timer=settled), "forgotten", author, at=now)
        record = _record(request, member, author, patience, now=now, practice=practice)
        await uow.timers.add(record, author)
        return record, True


def _record(
    request: TimerRequest, member: StaffMember, author: Author, patience: Patience, *, now: datetime, practice: Practice
) -> TimerRecord:
    day = now.astimezone(practice.zone).date()
    role = request.role or member.credential_on(day)
    if role is None:
        raise NoCredential("the roster knows no credential of this person: say in which one the work is done", expression="role")
    timer = start(
        request.work,
        silence_seconds=patience.silence_seconds,
        idle_seconds=patience.idle_seconds,
        question_seconds=patience.question_seconds,
        now=now,
    )
    return TimerRecord(
        id=uuid7(now),
        version=1,
        client=author.client,
        identifier=request.identifier,
        performer=Performer(member.practitioner, member.npi, member.name),
        role=role,
        patient=request.patient,
        directed_by=request.directed_by or member.supervisor_on(day),
        encounter=request.encounter,
        started_at=timer.heard_at,
        timer=timer,
    )


def _same(known: TimerRecord, request: TimerRequest) -> TimerRecord:
    if (known.performer.id, known.patient, known.encounter) != (request.performer, request.patient, request.encounter):
        raise IdentifierTaken("another timer was started under this identifier", expression="identifier")
    return known
