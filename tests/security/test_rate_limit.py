"""Limits per tenant and client: 429 with its shape, nothing shared, nothing lost (requirement 33)."""

from typing import Any

import pytest

from shared.kernel.errors import TooMany
from shared.ops.environment import Environment
from shared.ops.settings import part_settings
from shared.web.rate_limit import RateLimiter, points_of
from tests.security.place import ALL_SCOPES, Place

pytestmark = pytest.mark.requirement("standards-33")


class Watch:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def _asks(limiter: RateLimiter, times: int, *, tenant: str = "north", client: str = "ehr", points: int = 1) -> int:
    """Return how many of so many requests were let through."""
    passed = 0
    for _ in range(times):
        try:
            limiter.take(tenant, client, points=points)
            passed += 1
        except TooMany:
            continue
    return passed


def test_requests_refill_evenly() -> None:
    watch = Watch()
    limiter = RateLimiter(requests=600, points=10_000, now=watch)
    assert _asks(limiter, 700) == 600
    watch.at += 1
    assert _asks(limiter, 100) == 10
    watch.at += 3600
    assert _asks(limiter, 700) == 600


def test_points_weigh_what_a_request_costs() -> None:
    limiter = RateLimiter(requests=600, points=10_000, now=Watch())
    assert _asks(limiter, 600, points=20) == 500
    assert _asks(limiter, 1, points=1) == 0


def test_each_replica_grants_its_part() -> None:
    assert _asks(RateLimiter(requests=600, points=10_000, replicas=3, now=Watch()), 700) == 200


def test_nobody_uses_up_anothers_quota() -> None:
    limiter = RateLimiter(requests=10, points=0, now=Watch())
    assert _asks(limiter, 20) == 10
    assert [_asks(limiter, 10, tenant="south"), _asks(limiter, 10, client="biller")] == [10, 10]


def test_what_weighs_more_than_a_minute_holds_passes_a_full_bucket() -> None:
    limiter = RateLimiter(requests=10, points=100, now=Watch())
    assert [_asks(limiter, 1, points=500), _asks(limiter, 1, points=1)] == [1, 0]


def test_it_says_when_to_try_again() -> None:
    watch = Watch()
    limiter = RateLimiter(requests=60, points=0, now=watch)
    assert _asks(limiter, 60) == 60
    with pytest.raises(TooMany) as refused:
        limiter.take("north", "ehr", points=1)
    assert refused.value.retry_after == 1
    watch.at += refused.value.retry_after
    assert _asks(limiter, 1) == 1


def test_memory_is_bounded() -> None:
    limiter = RateLimiter(requests=10, points=0, now=Watch())
    for number in range(25_000):
        limiter.take("north", str(number), points=0)
    assert len(limiter._buckets) == 20_000


@pytest.mark.parametrize(
    ("method", "path", "points"),
    [
        ("GET", "/t/a/fhir/R4/Task", 20),
        ("POST", "/t/a/fhir/R4/Task/_search", 20),
        ("GET", "/t/a/fhir/R4/Task/1", 1),
        ("GET", "/t/a/fhir/R4/Task/1/_history", 10),
        ("GET", "/t/a/fhir/R4/Task/1/_history/2", 1),
        ("POST", "/t/a/fhir/R4/Task", 10),
        ("PUT", "/t/a/fhir/R4/Task/1", 10),
        ("POST", "/t/a/fhir/R4/ChargeItem/$acknowledge", 1),
        ("POST", "/t/a/time/timers/1/heartbeat", 1),
        ("GET", "/t/a/billing/months/2026-10", 1),
    ],
)
def test_the_weights(method: str, path: str, points: int) -> None:
    assert points_of({"method": method, "path": path}) == points


def _settings(**more: str) -> Any:
    variables = {
        "CARELEDGER_PUBLIC_URL": "https://careledger.example",
        "CARELEDGER_CONSENT_DATABASE_URL": "postgresql://a@h/consent",
        "CARELEDGER_CONSENT_WORKER_DATABASE_URL": "postgresql://b@h/consent",
        "CARELEDGER_NATS_URL": "nats://h",
        "CARELEDGER_JWKS": "jwks.json",
        "CARELEDGER_EHR_KEY_FILE": "ehr.pem",
    }
    found = part_settings(Environment(variables | {f"CARELEDGER_{name}": value for name, value in more.items()}), "consent")
    return found.requests_per_minute, found.points_per_minute, found.tokens_per_minute


def test_limits_come_from_the_environment() -> None:
    assert _settings() == (600, 10_000, 60)
    assert _settings(DEV="1") == (60_000, 1_000_000, 6_000)
    assert _settings(REQUESTS_PER_MINUTE="7", POINTS_PER_MINUTE="8", TOKENS_PER_MINUTE="9") == (7, 8, 9)


@pytest.mark.parametrize("part", ["consent", "timetrack", "billing"])
async def test_over_the_limit_is_429_with_an_operation_outcome(place: Place, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = {"consent": "Consent", "timetrack": "Task", "billing": "ChargeItem"}[part]
    monkeypatch.setitem(place.apps[part].state._state, "limiter", RateLimiter(requests=2, points=0, now=Watch()))
    path = f"/t/north/fhir/R4/{kind}?patient=pat-north-1"
    answers = [await place.ask("GET", path, headers=place.tokens.bearer("north", ALL_SCOPES)) for _ in range(3)]
    south = await place.ask("GET", path.replace("north", "south"), headers=place.tokens.bearer("south", ALL_SCOPES))
    assert [answer.status_code for answer in (*answers, south)] == [200, 200, 429, 200]
    assert answers[2].headers["Retry-After"] == "30"
    assert answers[2].headers["Content-Type"].startswith("application/fhir+json")
    assert answers[2].json()["issue"][0]["code"] == "throttled"
    assert answers[2].json()["issue"][0]["details"]["coding"][0]["code"] == "rate-limit"


async def test_whoever_is_not_known_uses_nothing_up(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(place.apps["consent"].state._state, "limiter", RateLimiter(requests=1, points=0, now=Watch()))
    path, forged = "/t/north/fhir/R4/Consent?patient=x", {"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."}
    statuses = [(await place.ask("GET", path, headers=forged)).status_code for _ in range(5)]
    good = await place.ask("GET", path, headers=place.tokens.bearer("north", ALL_SCOPES))
    assert (set(statuses), good.status_code) == ({401}, 200)


async def test_elsewhere_it_is_a_problem_document(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(place.apps["timetrack"].state._state, "limiter", RateLimiter(requests=1, points=0, now=Watch()))
    headers = place.tokens.bearer("north", ALL_SCOPES)
    answers = [await place.ask("GET", "/t/north/time/roster", headers=headers) for _ in range(2)]
    assert (answers[1].status_code, answers[1].headers["Content-Type"]) == (429, "application/problem+json")
    assert answers[1].headers["Retry-After"] == "60"
