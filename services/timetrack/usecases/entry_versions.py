"""What log, amend and stop share: a version made whole, with its event's payload."""

from datetime import datetime
from uuid import UUID

from services.timetrack.domain.note_quality import assess_note
from services.timetrack.domain.time_entry import OverlappingEntry, Problem, TimeEntry
from services.timetrack.usecases.ports import Author, Change, EntryVersion, UnitOfWork
from shared.contracts import time_entry as contract
from shared.contracts.base import Person


def version_of(
    entry: TimeEntry,
    *,
    entry_id: UUID,
    version: int,
    change: Change,
    author: Author,
    now: datetime,
    authored_on: datetime,
    late: bool,
    body: str,
    timer_id: UUID | None = None,
) -> EntryVersion:
    """Return the version with its payload `ccm.time-entry.*.v1`: whole state, the note's assessment included."""
    assessment = assess_note(entry)
    interval = entry.interval
    state = contract.TimeEntryState(
        entry_id=str(entry_id),
        version=version,
        patient=entry.patient,
        status=entry.status.value,
        change=change,
        performer=Person(id=entry.performer.id, npi=entry.performer.npi, name=entry.performer.name, credential=entry.role),
        role=entry.role,
        directed_by=entry.directed_by,
        program=entry.program,
        activity=entry.activity,
        start=interval.start if interval else None,
        end=interval.end if interval else None,
        day=entry.day,
        seconds=entry.seconds,
        basis=entry.basis.value,
        gap_seconds=entry.gap_seconds,
        asserted_reason=entry.asserted_reason,
        problem=_problem(entry.problem),
        additional_problems=tuple(_problem(problem) for problem in entry.additional_problems),
        action_taken=entry.action_taken,
        clinical_relevance=entry.clinical_relevance,
        note=entry.note,
        note_assessment=contract.NoteAssessment(
            outcome=assessment.outcome.value,
            missing=assessment.missing,
            flags=assessment.flags,
            version=assessment.version,
            facts_print=assessment.facts_print,
            words_print=assessment.words_print,
        ),
        group=entry.group,
        encounter=entry.encounter,
        external_ids=entry.external_ids,
        author=author.actor,
        written_at=now,
        first_written_at=authored_on,
        reason=entry.reason,
    )
    return EntryVersion(
        id=entry_id,
        version=version,
        change=change,
        entry=entry,
        written_at=now,
        authored_on=authored_on,
        late=late,
        body=body,
        state=state.model_dump_json(),
        timer_id=timer_id,
    )


async def raise_overlap(uow: UnitOfWork, entries: tuple[TimeEntry, ...], *, own_id: UUID | None, may_read: bool) -> None:
    """Raise OverlappingEntry, naming the entry in the way to a caller who may read it; return if none is in the way any more."""
    for entry in entries:
        interval = entry.interval
        other = await uow.entries.overlapping(entry.performer.id, interval, other_than=own_id) if interval else None
        if other is not None:
            named = f": Task/{other}" if may_read else ""
            raise OverlappingEntry(f"the performer has a live entry at some of the same instants{named}", expression="stretch")


def _problem(problem: Problem) -> contract.Problem:
    return contract.Problem(condition=problem.condition, codes=problem.codes, text=problem.text)
