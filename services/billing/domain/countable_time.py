"""From entries to pieces: duplicates out, cut to the month, judged entry by entry, cut at every block (ccm-rules 11, step 4)."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, datetime

from services.billing.domain.attestations import AttestationKind
from services.billing.domain.case import DAY, SECOND, Case, decision_key
from services.billing.domain.ledger import TimeEntryFact
from services.billing.domain.pieces import Block, Cause, Effect, Piece, carve, plain_piece
from services.billing.domain.qualification import causes_of

_ALL = 86_400
"""More seconds than an entry has."""


@dataclass(slots=True)
class Time:
    """The month's pieces ordered by start, and what was seen on the way.

    `attempts_only`: there was work of the program, all of it attempts without contact.
    """

    pieces: list[Piece]
    duplicates: list[TimeEntryFact]
    attempts_only: bool
    decided: list[tuple[Cause, Piece]]


def sort_entries(case: Case) -> tuple[list[TimeEntryFact], list[TimeEntryFact], list[TimeEntryFact]]:
    """Return the month's live entries of the program, those of other programs, and duplicates (R13), each ordered by start."""
    grid = case.grid
    start, end, program = grid.start, grid.end, case.rules.program
    own: list[TimeEntryFact] = []
    others: list[TimeEntryFact] = []
    plain, latest = True, start - DAY
    for entry in case.ledger.entries:
        begins = entry.start
        if entry.status != "completed":
            continue
        if begins is None or entry.end is None:
            plain = False
            if entry.day is None or not grid.first_day <= entry.day <= grid.last_day:
                continue
        elif begins >= end or entry.end <= start:
            continue
        else:
            plain = plain and begins > latest and not entry.external_ids
            latest = begins
        (own if entry.program == program or program in entry.other_programs else others).append(entry)
    if plain and not others:
        return own, others, []

    def order(entry: TimeEntryFact) -> tuple[datetime, str, str]:
        return entry.start or grid.bounds(entry.day or grid.first_day)[0], entry.entry_id, entry.source

    live, duplicates = _without_duplicates(sorted(own, key=order))
    others = sorted((entry for entry in others if entry.role not in case.rules.uncounted_roles), key=order)
    return live, others, duplicates


def pieces_of(case: Case, entries: list[TimeEntryFact], blocks: list[Block], duplicates: list[TimeEntryFact]) -> Time:
    """Return the pieces of the entries: each with what keeps it from simply counting (exclude first, then unite: R2)."""
    grid, practitioner = case.grid, case.practitioner
    month_start, month_end, days, starts = grid.start, grid.end, grid.days, grid.starts
    allocated = _allocations(case) if AttestationKind.TIME_ALLOCATION in case.attested else {}
    implausible = _implausible_days(case, entries)
    pieces: list[Piece] = []
    decided: list[tuple[Cause, Piece]] = []
    for entry in entries:
        start, end = entry.start, entry.end
        own = entry.performer == practitioner
        if start is None or end is None:
            parts = [_loose(case, entry, entries, blocks, own)]
            if entry.entry_id in allocated:
                parts = _allocate(parts, *allocated[entry.entry_id])
            pieces += [_settle(case, part, decided) if part.causes else part for part in parts]
            continue
        day = days[bisect_right(starts, start) - 1] if start >= month_start else grid.day_of(start)
        causes = causes_of(case, entry, day, end)
        if implausible and (entry.performer, day) in implausible:
            causes += (_implausible(entry, day),)
        if start < month_start:
            start = month_start
        if end > month_end:
            end = month_end
        if not causes and not blocks:
            pieces.append(plain_piece(start, end, entry, own))
            continue
        parts = [
            Piece(left, right, entry, own, Effect.COUNT, causes + found)
            for left, right, found in carve(start, end, blocks, entry.performer)
        ]
        if entry.entry_id in allocated:
            parts = _allocate(parts, *allocated[entry.entry_id])
        pieces += [_settle(case, part, decided) if part.causes else part for part in parts]
    attempts_only = bool(pieces) and all(any(cause.rule == "T29" for cause in piece.causes) for piece in pieces)
    return Time(pieces, duplicates, attempts_only, decided)


def _settle(case: Case, piece: Piece, decided: list[tuple[Cause, Piece]]) -> Piece:
    """Return the piece with its effect after a reviewer's decisions: `add` lifts a review, `leave-out` excludes (R1)."""
    open_causes: list[Cause] = []
    for cause in piece.causes:
        if cause.effect is Effect.REVIEW and case.decisions:
            decision = case.decisions.get(decision_key(cause.rule, cause.row, cause.subject))
            if decision is not None:
                decided.append((cause, piece))
                if decision.decision == "add":
                    continue
                cause = cause._replace(effect=Effect.EXCLUDE)
        open_causes.append(cause)
    effect = max((cause.effect for cause in open_causes), default=Effect.COUNT)
    if effect is Effect.EXCLUDE:
        first = next(cause for cause in open_causes if cause.effect is Effect.EXCLUDE)
        return piece._replace(effect=effect, causes=(first,))
    return piece._replace(effect=effect, causes=tuple(open_causes))


def _loose(case: Case, entry: TimeEntryFact, entries: list[TimeEntryFact], blocks: list[Block], own: bool) -> Piece:
    """T24: an entry known by its day only stands by itself; where the hour would matter, a person decides."""
    day = _day_of(case, entry)
    start, end = case.grid.bounds(day)
    causes = list(causes_of(case, entry, day, end - SECOND))
    for block in blocks:
        if block.start < end and block.end > start and (block.performer is None or block.performer == entry.performer):
            whole = block.start <= start and block.end >= end
            causes.append(block.cause if whole else _hour_matters(entry, f"its day is partly {block.cause.text}"))
    same_day = any(other is not entry and _day_of(case, other) == day for other in entries)
    if same_day or case.practice.staff_seconds.get((entry.performer, day), 0) > entry.seconds:
        causes.append(_hour_matters(entry, "other time of patient or performer lies on the same day"))
    return Piece(start, start, entry, own, Effect.COUNT, tuple(causes), entry.seconds)


def _hour_matters(entry: TimeEntryFact, why: str) -> Cause:
    return Cause(Effect.REVIEW, "T24", "T24", entry.source, entry.source, f"known by its day only, and {why}")


def _without_duplicates(entries: list[TimeEntryFact]) -> tuple[list[TimeEntryFact], list[TimeEntryFact]]:
    """R13: same external id, or same performer, start and end. The first written stays; equal durations are no duplicates."""
    kept: dict[object, TimeEntryFact] = {}
    dropped: list[TimeEntryFact] = []
    for entry in sorted(entries, key=lambda e: (e.first_written_at, e.entry_id)):
        keys = [("id", key) for key in entry.external_ids]
        span = (entry.performer, entry.start, entry.end) if entry.start is not None else (entry.entry_id,)
        if any(key in kept for key in (*keys, span)):
            dropped.append(entry)
        else:
            kept.update(dict.fromkeys((*keys, span), entry))
    gone = {id(entry) for entry in dropped}
    return [entry for entry in entries if id(entry) not in gone], dropped


def _allocations(case: Case) -> dict[str, tuple[bool, int]]:
    """Return, by entry, whether its first contested seconds go to the program, and how many; a day's worth where all do (T6)."""
    given: dict[str, tuple[bool, int]] = {}
    for attestation in sorted(
        case.attested.get(AttestationKind.TIME_ALLOCATION, ()), key=lambda a: (a.signed_at, a.attestation_id)
    ):
        value = attestation.value
        seconds = value.get("seconds")
        mine = value.get("program") == case.rules.program
        given[str(value["entry"])] = (mine, seconds if isinstance(seconds, int) else _ALL)
    return given


def _allocate(parts: list[Piece], mine: bool, seconds: int) -> list[Piece]:
    """Give the first `seconds` of an entry's contested time to the program, or (not `mine`) to the other, and the rest to it."""
    left = seconds * SECOND
    made: list[Piece] = []
    for part in parts:
        if not any(cause.rule == "T6" for cause in part.causes):
            made.append(part)
            continue
        others = tuple(cause for cause in part.causes if cause.rule != "T6")
        lost = Cause(Effect.EXCLUDE, "31.idle", "T6", "", part.entry.source, "allocated to another program")
        first, rest = (others, (*others, lost)) if mine else ((*others, lost), others)
        if part.loose:
            taken = min(part.loose, left // SECOND)
            made += [part._replace(loose=n, causes=causes) for n, causes in ((taken, first), (part.loose - taken, rest)) if n]
            left -= taken * SECOND
            continue
        cut = min(part.start + left, part.end)
        if cut > part.start:
            made.append(part._replace(end=cut, causes=first))
        if cut < part.end:
            made.append(part._replace(start=cut, causes=rest))
        left -= cut - part.start
    return made


def _implausible_days(case: Case, entries: list[TimeEntryFact]) -> set[tuple[str, date]]:
    """Return (performer, day) with more seconds than a working day holds, over all patients as far as is known (row 17)."""
    limit, known = case.rules.staff_day_seconds, case.practice.staff_seconds
    if not known and sum([entry.seconds for entry in entries]) <= limit:
        return set()
    sums: dict[tuple[str, date], int] = {}
    for entry in entries:
        day = _day_of(case, entry)
        sums[entry.performer, day] = sums.get((entry.performer, day), 0) + entry.seconds
    return {key for key, seconds in sums.items() if max(seconds, known.get(key, 0)) > limit}


def _implausible(entry: TimeEntryFact, day: date) -> Cause:
    return Cause(Effect.REVIEW, "17", "T2", entry.source, entry.source, f"an implausible staff day on {day}")


def _day_of(case: Case, entry: TimeEntryFact) -> date:
    if entry.start is not None:
        return case.grid.day_of(entry.start)
    return entry.day or case.grid.first_day
