"""Log time that the timer did not see, by the person who worked: who they were that day is read from the roster."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from services.timetrack.domain.activity import Work
from services.timetrack.domain.staff import require_timer_role
from services.timetrack.domain.time_entry import NO_PROBLEM, DayOnly, Performer, Problem, Stretch, TimeEntry
from services.timetrack.usecases.log_time import Logged, log_time
from services.timetrack.usecases.ports import Author, ClosedMonths, Patients, Practice, UnitOfWork
from services.timetrack.usecases.start_timer import NoCredential
from shared.kernel.vocabulary import CANONICAL, TimeBasis

FORM_SYSTEM = f"{CANONICAL}/sid/time-form"


@dataclass(frozen=True, slots=True)
class HandLog:
    """What a person states; `key` is their form's own, so that a second press logs nothing again."""

    key: str
    patient: str
    performer: str
    work: Work
    stretch: Stretch
    reason: str
    problem: Problem = NO_PROBLEM
    action_taken: str | None = None
    clinical_relevance: str | None = None
    encounter: str | None = None


async def log_by_hand(
    *,
    uow: UnitOfWork,
    patients: Patients,
    months: ClosedMonths,
    practice: Practice,
    author: Author,
    log: HandLog,
    compose: Callable[[TimeEntry], str],
    now: datetime,
) -> Logged:
    """Store the asserted entry. NotOnRoster and NoCredential for the day of the work; else as `log_time`."""
    stretch = log.stretch
    day = stretch.day if isinstance(stretch, DayOnly) else stretch.start.astimezone(practice.zone).date()
    async with uow:
        staff = await uow.roster.find(log.performer)
    member = require_timer_role(staff.member if staff else None, practitioner=log.performer, day=day)
    role = member.credential_on(day)
    if role is None:
        raise NoCredential("the roster knows no credential of this person", expression="role")
    entry = TimeEntry(
        patient=log.patient,
        performer=Performer(member.practitioner, member.npi, member.name),
        role=role,
        program=log.work.program,
        activity=log.work.activity,
        stretch=stretch,
        basis=TimeBasis.ASSERTED,
        asserted_reason=log.reason,
        problem=log.problem,
        action_taken=log.action_taken,
        clinical_relevance=log.clinical_relevance,
        directed_by=member.supervisor_on(day),
        encounter=log.encounter,
        external_ids=(f"{FORM_SYSTEM}|{log.key}",),
    )
    return await log_time(
        uow=uow,
        patients=patients,
        months=months,
        practice=practice,
        author=author,
        entry=entry,
        body=compose(entry),
        may_read=True,
        now=now,
    )
