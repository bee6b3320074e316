"""Owner: billing. `ccm.month.{closed|reopened}.v1`: consent and timetrack mark what is written after a close as late."""

from typing import Literal

from shared.contracts.base import Instant, Payload

TYPES = ("ccm.month.closed.v1", "ccm.month.reopened.v1")


class MonthState(Payload):
    """A tenant's calendar month (`YYYY-MM`), open or closed since an instant, by whom and why."""

    month: str
    version: int
    status: Literal["open", "closed"]
    at: Instant
    by: str
    reason: str
    starts_at: Instant
    ends_at: Instant
