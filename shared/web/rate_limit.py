"""How much a client may ask of a practice's data in a minute: requests, and points that weigh what a request costs us.

Counters live in this process's memory; each of n replicas grants the n-th part, so no store is asked and none can fail
(docs/decisions/0005). Nothing is shared between tenants: what one client does at one practice slows nobody else.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import Scope

from shared.kernel.errors import TooMany

SEARCH_POINTS = 20
WRITE_POINTS = 10
HISTORY_POINTS = 10
_MOST_BUCKETS = 20_000


@dataclass
class _Bucket:
    """What is left of a minute's requests and points; both refill evenly."""

    requests: float
    points: float
    at: float


class RateLimiter:
    """Token buckets by tenant and client; a limit of 0 is none."""

    def __init__(self, *, requests: int, points: int = 0, replicas: int = 1, now: Callable[[], float] = time.monotonic) -> None:
        """`requests` and `points` are those of a minute for the whole deployment of `replicas` processes."""
        self._requests = requests / replicas or math.inf
        self._points = points / replicas or math.inf
        self._now = now
        self._buckets: OrderedDict[tuple[str, str], _Bucket] = OrderedDict()

    def take(self, tenant: str, client: str, *, points: int, requests: int = 1) -> None:
        """Count a request of `client` at `tenant`; TooMany, which says when to try again, if it is over a limit.

        A request that weighs more than a minute holds is let through by a full bucket.
        """
        if self._requests == self._points == math.inf:
            return
        now = self._now()
        bucket = self._bucket((tenant, client), now)
        wanted_requests, wanted_points = min(requests, self._requests), min(points, self._points)
        wait = max(
            _seconds(wanted_requests - bucket.requests, self._requests), _seconds(wanted_points - bucket.points, self._points)
        )
        if wait > 0:
            raise TooMany("this client asks too much in a minute: wait, then go on", retry_after=math.ceil(wait))
        bucket.requests -= wanted_requests
        bucket.points -= wanted_points

    def _bucket(self, key: tuple[str, str], now: float) -> _Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(self._requests, self._points, now)
            if len(self._buckets) > _MOST_BUCKETS:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
            minutes = (now - bucket.at) / 60
            bucket.requests = min(self._requests, bucket.requests + minutes * self._requests)
            bucket.points = min(self._points, bucket.points + minutes * self._points)
            bucket.at = now
        return bucket


def take_more(request: Request, tenant: str, client: str, points: int) -> None:
    """Count further points for a request that turned out to weigh more than its address said; TooMany over the limit."""
    limiter: RateLimiter = request.app.state.limiter
    limiter.take(tenant, client, points=points, requests=0)


def points_of(scope: Scope) -> int:
    """Return what a request weighs: at a FHIR base by its interaction, elsewhere (timers, rosters, months) one point."""
    steps = scope["path"].split("/")
    if len(steps) < 6 or steps[3] != "fhir":
        return 1
    rest = steps[5:]
    if rest[-1] == "_search" or (len(rest) == 1 and scope["method"] == "GET"):
        return SEARCH_POINTS
    if rest[-1] == "_history":
        return HISTORY_POINTS
    return WRITE_POINTS if scope["method"] == "PUT" or (len(rest) == 1 and scope["method"] == "POST") else 1


def _seconds(missing: float, of_a_minute: float) -> float:
    return missing * 60 / of_a_minute if missing > 1e-9 else 0.0
