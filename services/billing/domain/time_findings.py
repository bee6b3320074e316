"""What is to be said of time that did not simply count, and of what it would add (R1, R30-R32)."""

from collections import defaultdict

from services.billing.domain.case import Case, decision_key, spoken
from services.billing.domain.countable_time import Time
from services.billing.domain.findings import Concerns, Excluded, Severity
from services.billing.domain.lanes import counted_of, in_lane, spoken_units, units_of
from services.billing.domain.pieces import Cause, Effect, Piece, raw_total, total
from services.billing.domain.rules import LaneRules

_QUIET_WHEN_IDLE = {"16": "15", "31": "31.idle"}
"""Holds that become an info where their time decides no unit: failing notes (15, 16) and contested seconds (R3)."""


def note_waiting(case: Case, time: Time, lane: LaneRules) -> int:
    """Add a finding for each thing that time waits for; return the seconds that the month would have if all of it came."""
    pieces = in_lane(time.pieces, lane.lane)
    counted = counted_of(pieces)
    waiting = [piece for piece in pieces if piece.effect in (Effect.REVIEW, Effect.HOLD)]
    certain = total(counted)
    if not waiting:
        return certain
    now, possible = units_of(lane, certain), total(_with(pieces, waiting))
    groups: dict[str, tuple[Cause, list[Piece]]] = {}
    for piece in waiting:
        for cause in piece.causes:
            key = decision_key(cause.rule, cause.row, cause.subject)
            groups.setdefault(key, (cause, []))[1].append(piece)
    for cause, touched in groups.values():
        alone = units_of(lane, total(_with(pieces, touched)))
        others = [piece for piece in waiting if piece not in touched]
        decides = alone != now or units_of(lane, possible) != units_of(lane, total(_with(pieces, others)))
        row = cause.row if decides else _QUIET_WHEN_IDLE.get(cause.row, cause.row)
        seconds = raw_total(touched)
        gain = spoken_units(lane, alone)
        text = f"{spoken(seconds)} not counted: {cause.text}"
        review = case.rules.situations[row].severity is Severity.REVIEW
        case.note(
            row,
            cause.rule,
            text,
            concerns=Concerns.TIME,
            facts=tuple(dict.fromkeys((cause.source, *(piece.entry.source for piece in touched)))),
            subject=cause.subject,
            seconds=seconds,
            would=f"with this time: {gain}" if decides else "this time would change no unit",
            outcomes=(f"add: {gain}", f"leave out: {spoken_units(lane, now)}") if review else (),
        )
    return possible


def note_settled(case: Case, time: Time) -> tuple[Excluded, ...]:
    """Add one info per reason for time that never counts, and the reviews already decided; return the sums by reason."""
    sums: dict[tuple[Effect, str, str], int] = defaultdict(int)
    excluded: dict[tuple[str, str, str], list[Piece]] = defaultdict(list)
    decided = {(cause.rule, cause.row, cause.subject): (cause, piece) for cause, piece in time.decided}
    for piece in time.pieces:
        if piece.effect is Effect.COUNT:
            continue
        cause = piece.causes[0]
        seconds = raw_total((piece,))
        sums[piece.effect, cause.row, cause.rule] += seconds
        if piece.effect is Effect.EXCLUDE and (cause.rule, cause.row, cause.subject) not in decided:
            excluded[cause.row, cause.rule, cause.text].append(piece)
    for (row, rule, text), pieces in excluded.items():
        facts = tuple(dict.fromkeys(f for p in pieces for f in (p.causes[0].source, p.entry.source) if f))
        length = raw_total(pieces)
        case.note(
            row, rule, f"{spoken(length)} excluded: {text}", concerns=Concerns.TIME, facts=facts, subject=text, seconds=length
        )
    for cause, piece in decided.values():
        facts = tuple(dict.fromkeys((cause.source, piece.entry.source)))
        case.note(cause.row, cause.rule, f"decided: {cause.text}", concerns=Concerns.TIME, facts=facts, subject=cause.subject)
    for duplicate in time.duplicates:
        case.note(
            "DUP",
            "R13",
            "the same entry twice, counted once",
            concerns=Concerns.TIME,
            facts=(duplicate.source,),
            subject=duplicate.source,
        )
    return tuple(
        Excluded(effect=e.name.lower(), situation=row, rule=rule, seconds=s) for (e, row, rule), s in sorted(sums.items())
    )


def note_simultaneous(case: Case, counted: list[Piece], lost: int) -> None:
    """Say how much time was worked by several people at once and counted once (T5)."""
    text = f"{spoken(lost)} worked at the same time counted once"
    facts = tuple(dict.fromkeys(piece.entry.source for piece in counted))
    case.note("UNION", "T5", text, concerns=Concerns.TIME, facts=facts, seconds=lost)


def _with(pieces: list[Piece], more: list[Piece]) -> list[Piece]:
    """Return the certain pieces and `more`, in order."""
    chosen = {id(piece) for piece in more}
    return [piece for piece in pieces if piece.effect is Effect.COUNT or id(piece) in chosen]
