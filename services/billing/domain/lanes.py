"""Whose time the month is charged for, and how many units it earns (T1, T4-T8, L1, R4, R22). Never by price."""

from collections.abc import Iterable
from typing import NamedTuple

from services.billing.domain.attestations import AttestationKind
from services.billing.domain.case import Case, spoken
from services.billing.domain.ledger import Attestation
from services.billing.domain.pieces import Effect, Piece, total
from services.billing.domain.rules import LaneRules
from shared.kernel.vocabulary import Lane


class Units(NamedTuple):
    """What an amount of time earns in a lane: base yes or no, add-on units to plan, and those above the limit."""

    base: bool
    addon: int
    over: int

    def lines(self, lane: LaneRules) -> tuple[tuple[str, int], ...]:
        """Return (code number, units) for the claim."""
        if not self.base:
            return ()
        return ((lane.base_code, 1), (lane.addon_code, self.addon)) if self.addon else ((lane.base_code, 1),)


class LaneChoice(NamedTuple):
    """The lane of the month; `undecided` says why a person must state it first."""

    lane: Lane
    undecided: str = ""
    facts: tuple[str, ...] = ()


def units_of(lane: LaneRules, seconds: int) -> Units:
    """Return the units that whole seconds earn: full thresholds only, no rounding up (T1), then the limit (T2)."""
    if seconds < lane.base_seconds:
        return Units(False, 0, 0)
    earned = (seconds - lane.base_seconds) // lane.addon_seconds
    addon = min(earned, lane.units_max)
    return Units(True, addon, earned - addon)


def spoken_units(lane: LaneRules, units: Units) -> str:
    """Return units as a person says them: `99490×1 + 99439×2`, or `nothing`."""
    return " + ".join(f"{code}×{count}" for code, count in units.lines(lane)) or "nothing"


def in_lane(pieces: Iterable[Piece], lane: Lane) -> list[Piece]:
    """Return the pieces that serve the lane: the billing practitioner's own serve each, others' the staff lanes (T8)."""
    return [piece for piece in pieces if piece.own] if lane is Lane.PRACTITIONER else list(pieces)


def choose_lane(case: Case, counted: list[Piece]) -> LaneChoice:
    """Return the lane as attested. What is attested and not reached falls to the staff lane, never elsewhere, never up (R22)."""
    rules = case.rules
    stated = case.of_month(AttestationKind.LANE)
    complexity = signed_complexity(case)
    if stated is not None:
        lane = Lane(str(stated.value["lane"]))
        facts = (stated.source,) if complexity is None else (stated.source, complexity.source)
        if lane is Lane.CLINICAL_STAFF or _reached(case, lane, counted, complexity):
            return LaneChoice(lane, "", facts)
        case.note("26", "E14" if lane is Lane.COMPLEX else "R22", _why_not(case, lane, counted, complexity), facts=facts)
        return LaneChoice(Lane.CLINICAL_STAFF, "", facts)
    only_own = bool(counted) and counted[0].own and all(piece.own for piece in counted)
    if complexity is None and not only_own:
        return LaneChoice(Lane.CLINICAL_STAFF)
    staff_seconds = total(counted)
    if complexity is not None and staff_seconds >= rules.lanes[Lane.COMPLEX].base_seconds:
        text = "complexity is attested and the time reaches a complex month, but no lane is stated"
        return LaneChoice(Lane.CLINICAL_STAFF, text, (complexity.source,))
    if only_own:
        if staff_seconds < min(lane.base_seconds for lane in rules.lanes.values()):
            return LaneChoice(Lane.CLINICAL_STAFF)
        text = "only the billing practitioner's own time counts, and whose lane it serves is not stated"
        return LaneChoice(Lane.CLINICAL_STAFF, text)
    return LaneChoice(Lane.CLINICAL_STAFF)


def signed_complexity(case: Case) -> Attestation | None:
    """Return the month's complexity statement if it makes the month complex: level, signer and day of signing (E14, R21)."""
    made = case.attested.get(AttestationKind.COMPLEXITY)
    if made is None or Lane.COMPLEX not in case.rules.lanes:
        return None
    said = [
        a
        for a in made
        if a.by == case.practitioner and case.grid.start <= a.signed_at < case.grid.end and a.month in (None, case.grid.month)
    ]
    if not said:
        return None
    latest = max(said, key=lambda a: (a.signed_at, a.attestation_id))
    return latest if latest.value.get("level") in case.rules.complex_levels else None


def note_pattern(case: Case, staff_seconds: int, complexity: Attestation | None, lane: Lane) -> None:
    """Ask about staff lane month after month beside attested complexity (ccm-rules 0, finding 4)."""
    rules = case.rules
    if lane is not Lane.CLINICAL_STAFF or complexity is None or staff_seconds < rules.pattern_seconds:
        return
    earlier = {m.month: m for m in case.ledger.earlier_months}
    month, facts = case.grid.month.previous, [complexity.source]
    for _ in range(rules.pattern_months - 1):
        past = earlier.get(month)
        if (
            past is None
            or past.lane != Lane.CLINICAL_STAFF
            or past.staff_seconds < rules.pattern_seconds
            or not past.complexity_attested
        ):
            return
        facts.append(past.source)
        month = month.previous
    text = f"staff lane chosen {rules.pattern_months} months running although complexity was attested each time"
    case.note("PATTERN", "L1", text, facts=tuple(facts), path="lanes.pattern.months")


def _reached(case: Case, lane: Lane, counted: list[Piece], complexity: Attestation | None) -> bool:
    if lane not in case.rules.lanes or (lane is Lane.COMPLEX and complexity is None):
        return False
    return total(in_lane(counted, lane)) >= case.rules.lanes[lane].base_seconds


def _why_not(case: Case, lane: Lane, counted: list[Piece], complexity: Attestation | None) -> str:
    if lane not in case.rules.lanes:
        return f"{case.program} knows no {lane} lane: staff lane instead"
    seconds, needed = total(in_lane(counted, lane)), case.rules.lanes[lane].base_seconds
    if lane is Lane.COMPLEX and complexity is None:
        return "no moderate or high complexity was signed by the billing practitioner within the month: staff lane instead"
    return f"the {lane} lane needs {spoken(needed)} and has {spoken(seconds)}: staff lane instead"


def counted_of(pieces: list[Piece]) -> list[Piece]:
    """Return the pieces that count for certain."""
    return [piece for piece in pieces if piece.effect is Effect.COUNT]
