"""How a measure is told: what was compared, the ratio's median, the goal, and what else was seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Measure:
    """One ratio: `values` of each round; met if the median is at least (`at_least`) or at most (`at_most`) the goal."""

    name: str
    values: Sequence[float]
    unit: str = "x"
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""

    @property
    def median(self) -> float:
        """The median of the rounds."""
        return median(self.values)

    @property
    def met(self) -> bool:
        """Whether the goal, if there is one, is met."""
        low = self.at_least is None or self.median >= self.at_least
        return low and (self.at_most is None or self.median <= self.at_most)

    def line(self) -> str:
        """The measure as a line of the table."""
        goal = f">= {self.at_least}" if self.at_least is not None else f"<= {self.at_most}" if self.at_most is not None else "-"
        spread = f"{min(self.values):.3f}..{max(self.values):.3f}"
        verdict = "" if goal == "-" else " met" if self.met else " MISSED"
        return f"{self.name:<46} {self.median:8.3f} {self.unit:<3} goal {goal:<8}{verdict:<7} rounds {spread}  {self.note}"
