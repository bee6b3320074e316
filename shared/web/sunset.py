"""The end of a route, announced: `Deprecation` (RFC 9745) and `Sunset` (RFC 8594) in every answer, and in the OpenAPI.

    @router.get("/old", dependencies=[Depends(Sunset(announced=date(2027, 3, 1), ends=date(2028, 3, 1)))])

The promise is docs/compatibility.md: twelve months at least between the two.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import format_datetime

from fastapi import Request
from fastapi.dependencies.models import Dependant

_LEAST_DAYS = 365


@dataclass(frozen=True)
class Sunset:
    """A dependency that says: this route is to go. ValueError for an end less than twelve months after its announcement."""

    announced: date
    ends: date

    def __post_init__(self) -> None:
        if (self.ends - self.announced).days < _LEAST_DAYS:
            raise ValueError("nothing ends less than twelve months after it was announced (docs/compatibility.md)")

    async def __call__(self, request: Request) -> None:
        """Say in the answer since when the route is deprecated and when it ends, refusals included."""
        since = int(datetime(self.announced.year, self.announced.month, self.announced.day, tzinfo=UTC).timestamp())
        ends = datetime(self.ends.year, self.ends.month, self.ends.day, tzinfo=UTC)
        told = [(b"deprecation", f"@{since}".encode()), (b"sunset", format_datetime(ends, usegmt=True).encode())]
        request.state.further_headers = [*getattr(request.state, "further_headers", ()), *told]


def sunset_of(dependant: Dependant) -> Sunset | None:
    """Return the end that a route's dependencies announce, or None."""
    return next((one.call for one in dependant.dependencies if isinstance(one.call, Sunset)), None)
