"""How far a month has come in each lane, as known now: what is reached and what is next (T1). Says distances, urges nothing."""

from dataclasses import dataclass

from services.billing.domain.judgement import Judgement
from services.billing.domain.lanes import counted_of, in_lane, signed_complexity
from services.billing.domain.pieces import sums
from services.billing.domain.rules import LaneRules
from shared.kernel.vocabulary import Lane

_TICKS = 4


@dataclass(frozen=True, slots=True)
class Threshold:
    """So many seconds earn the code, `units` of it in all."""

    seconds: int
    code: str
    units: int


@dataclass(frozen=True, slots=True)
class LaneProgress:
    """A lane's counted seconds and thresholds; `next` is None once the last one is reached."""

    lane: Lane
    seconds: int
    asserted: int
    thresholds: tuple[Threshold, ...]

    @property
    def next(self) -> Threshold | None:
        """The first threshold that is not reached."""
        return next((step for step in self.thresholds if step.seconds > self.seconds), None)

    @property
    def missing(self) -> int:
        """Seconds to the next code; 0 once the last one is reached."""
        following = self.next
        return 0 if following is None else following.seconds - self.seconds

    @property
    def shown(self) -> tuple[Threshold, ...]:
        """The thresholds worth a tick: the last reached ones and the next, four at most, from the first if that is enough."""
        reached = sum(step.seconds <= self.seconds for step in self.thresholds)
        upto = min(max(reached + 2, 3), len(self.thresholds))
        return self.thresholds[max(upto - _TICKS, 0) : upto]


def progress_of(judgement: Judgement) -> LaneProgress:
    """Return the progress of the lane that the month is judged by."""
    return lane_progress(judgement, judgement.choice.lane)


def lane_progress(judgement: Judgement, lane: Lane) -> LaneProgress:
    """Return the progress of one lane with the time that counts for certain."""
    pieces = in_lane(counted_of(judgement.pieces), lane)
    asserted = [piece for piece in pieces if piece.entry.basis == "asserted"]
    seconds = sums(pieces)[0]
    return LaneProgress(lane, seconds, min(sums(asserted)[0], seconds), thresholds_of(judgement.case.rules.lanes[lane]))


def thresholds_of(rules: LaneRules) -> tuple[Threshold, ...]:
    """Return the lane's thresholds up to the limit of its add-on."""
    addons = [
        Threshold(rules.base_seconds + units * rules.addon_seconds, rules.addon_code, units)
        for units in range(1, rules.units_max + 1)
    ]
    return (Threshold(rules.base_seconds, rules.base_code, 1), *addons)


def complexity_is_signed(judgement: Judgement) -> bool:
    """Tell whether the billing practitioner signed a complexity that opens the complex lane this month (E14)."""
    return signed_complexity(judgement.case) is not None
