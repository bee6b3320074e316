"""One stretch cut into consecutive parts: worked for several patients at once, or logged for the wrong one (findings.md 5)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from services.timetrack.domain.time_entry import NO_PROBLEM, DayOnly, InvalidEntry, Problem, Stretch, TimeEntry
from shared.kernel.interval import Interval
from shared.kernel.vocabulary import TimeBasis


@dataclass(frozen=True, slots=True)
class Part:
    """What of a stretch belongs to `patient`; `patient_identifier` is written `system|value`."""

    patient: str
    seconds: int
    patient_identifier: str | None = None
    problem: Problem = NO_PROBLEM
    action_taken: str | None = None
    clinical_relevance: str | None = None


def divide(entry: TimeEntry, parts: Sequence[Part], *, group: str | None, reason: str) -> list[TimeEntry]:
    """Return the entries of the parts, in their order, which together are exactly `entry`, measured as it was.

    Idle time that was kept stays with the last parts, since nobody knows better. What belongs to one chart (encounter,
    identifiers of the sender) is not carried to another. InvalidEntry if the parts do not add up.
    """
    if not parts or any(part.seconds <= 0 for part in parts) or sum(part.seconds for part in parts) != entry.seconds:
        raise InvalidEntry("the parts add up to the whole", rule="time-entry-parts", expression="parts")
    gaps = _gaps(entry, parts)
    return [
        replace(
            entry,
            patient=part.patient,
            patient_identifier=part.patient_identifier,
            stretch=stretch,
            basis=_basis(entry, gap),
            gap_seconds=gap,
            problem=part.problem,
            additional_problems=(),
            action_taken=part.action_taken,
            clinical_relevance=part.clinical_relevance,
            note=None,
            encounter=entry.encounter if part.patient == entry.patient else None,
            group=group,
            external_ids=(),
            reason=reason,
        )
        for part, stretch, gap in zip(parts, _stretches(entry.stretch, parts), gaps, strict=True)
    ]


def _stretches(stretch: Stretch, parts: Sequence[Part]) -> list[Stretch]:
    if isinstance(stretch, DayOnly):
        return [DayOnly(stretch.day, part.seconds) for part in parts]
    found: list[Stretch] = []
    start = stretch.start
    for part in parts:
        end = start + timedelta(seconds=part.seconds)
        found.append(Interval(start, end))
        start = end
    return found


def _gaps(entry: TimeEntry, parts: Sequence[Part]) -> list[int]:
    left, found = entry.gap_seconds, []
    for part in reversed(parts):
        found.append(min(left, part.seconds))
        left -= found[-1]
    return found[::-1]


def _basis(entry: TimeEntry, gap: int) -> TimeBasis:
    if entry.basis is TimeBasis.ASSERTED:
        return TimeBasis.ASSERTED
    return TimeBasis.MEASURED_WITH_GAP if gap else TimeBasis.MEASURED
