"""What time is spent on: a program of care management and a kind of work in it (which kinds count is a payer's rule)."""

from dataclasses import dataclass

from shared.kernel.vocabulary import Activity, Program


@dataclass(frozen=True, slots=True)
class Work:
    """The program and the activity of a stretch of time."""

    program: Program
    activity: Activity
