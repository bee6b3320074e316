"""CDS Hooks: cards from the ledger, for CDS clients of the practice only (issue 11.2, requirement 29)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from joserfc.jwk import RSAKey

from services.billing.adapters.cds import CdsTokenUses
from services.billing.adapters.reading_list import ReadingList
from services.billing.adapters.unit_of_work import JOURNAL
from services.billing.domain.cards import CardTopic, OverrideReason, card_id, topic_of
from services.billing.entrypoints.cds_cards import REASONS, TOPICS
from services.billing.main import create_app, read_due
from shared.access.fhir_mapping.terminology import code_systems
from shared.ops.settings import PartSettings
from shared.web.rate_limit import RateLimiter
from tests.fakes.cds import SERVICE, CdsCaller, hook_body
from tests.fakes.tokens import PUBLIC_URL
from tests.fakes.world import EHR_BASE, fill_registry, tenant_id, tenant_state
from tests.integration.billing import world as small
from tests.integration.billing.card_invariants import card_faults, service_faults
from tests.integration.billing.conftest import Clinic
from tests.integration.billing.pages import look_again

pytestmark = [pytest.mark.requirement("issue-11.2"), pytest.mark.requirement("standards-29")]

NORTH, SOUTH = CdsCaller(), CdsCaller(issuer="https://south.example/cds", key=RSAKey.generate_key(2048, auto_kid=True))
PATH = "/t/north/cds-services"
CALL, FEEDBACK = f"{PATH}/{SERVICE}", f"{PATH}/{SERVICE}/feedback"
NOVEMBER = datetime(2026, 11, 3, 15, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def settings(settings: PartSettings) -> PartSettings:
    """The settings of the service, with a CDS client for each practice."""
    admin = settings.database_url.replace("//billing_app@", "//careledger@", 1)
    callers = {"north": NORTH, "south": SOUTH}
    states = [
        tenant_state(slug, cds_clients=(caller.settings,)).model_copy(update={"version": 2}) for slug, caller in callers.items()
    ]
    fill_registry(admin, tenants=tuple(states))
    return settings


@pytest.fixture
async def chart(clinic: Clinic) -> AsyncIterator[Clinic]:
    """The practice on Nov 3 without tokens and feedback of other tests; its EHR knows the patient p."""
    clinic.ehr.charts["p"] = small.chart("p")
    yield clinic
    with_admin(clinic, "TRUNCATE cds_token, cds_feedback")


def with_admin(clinic: Clinic, statement: str) -> None:
    with psycopg.connect(clinic.admin_url, autocommit=True) as connection:
        connection.execute(statement)


async def ask(clinic: Clinic, patient: str = "p", hook: str = "patient-view", **changes: Any) -> list[dict[str, Any]]:
    """Call the service as the practice's EHR; return the cards, whose shape is checked."""
    answer = await clinic.http.post(CALL, json=hook_body(patient, hook, **changes), headers=NORTH.bearer(CALL))
    assert answer.status_code == 200, answer.text
    assert card_faults(answer.json()) == []
    cards: list[dict[str, Any]] = answer.json()["cards"]
    return cards


def summaries(cards: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(card["indicator"], card["summary"]) for card in cards]


async def enrol(clinic: Clinic, **changes: Any) -> None:
    """Tell of a consent of p, of seven minutes in November, and of the chart."""
    await clinic.tell([small.consent("p", **changes), small.entry("p", small.at(2, 15, month=11), 7)])
    for body in small.statements("p"):
        await clinic.state(body)
    await read_chart(clinic)


async def read_chart(clinic: Clinic) -> None:
    await read_due(ReadingList(clinic.worker, JOURNAL), clinic.world)
    await look_again(clinic)


async def test_discovery_is_the_same_for_every_name(chart: Clinic) -> None:
    north = await chart.http.get(PATH)
    assert north.status_code == 200
    assert service_faults(north.json()) == []
    assert {one["hook"] for one in north.json()["services"]} == {"patient-view", "appointment-book", "encounter-start"}
    assert (await chart.http.get("/t/nobody/cds-services")).json() == north.json()


async def test_nothing_is_said_of_a_stranger(chart: Clinic) -> None:
    assert await ask(chart, "nobody") == []


async def test_the_distance_to_the_next_code(chart: Clinic) -> None:
    await enrol(chart)
    (card,) = await ask(chart)
    assert (card["indicator"], card["summary"]) == ("info", "7 min counted in November: 13 min to 99490, 28 days left")
    assert card["links"] == [
        {"label": "Open the timer", "url": "http://127.0.0.1:8080/launch", "type": "smart", "appContext": '{"show": "time"}'}
    ]
    assert card["source"]["topic"]["code"] == "time"
    for hook in ("appointment-book", "encounter-start"):
        assert await ask(chart, hook=hook) == []


async def test_on_the_last_day_it_says_so_and_after_it_nothing(chart: Clinic) -> None:
    await enrol(chart)
    chart.clock.set(datetime(2026, 11, 30, 20, 0, tzinfo=UTC))
    assert [card["summary"] for card in await ask(chart)] == ["7 min counted in November: 13 min to 99490, last day"]
    chart.clock.set(datetime(2026, 12, 1, 6, 0, tzinfo=UTC))  # the line is still of November
    assert await ask(chart) == []


@pytest.mark.parametrize("hook", ["patient-view", "appointment-book", "encounter-start"])
async def test_time_without_a_consent(chart: Clinic, hook: str) -> None:
    await chart.tell([small.entry("p", small.at(2, 15, month=11), 7)])
    await read_chart(chart)
    (card,) = await ask(chart, hook=hook)
    assert (card["indicator"], card["summary"]) == ("warning", "No consent to care management: nobody has asked yet")
    assert "7 min logged in November cannot be billed" in card["detail"]
    assert [one["code"] for one in card["overrideReasons"]] == ["patient-declined", "ask-later", "not-eligible"]
    assert card["links"][0]["appContext"] == '{"show": "consent"}'
    assert card["source"]["url"].startswith("https://")


async def test_who_declined_is_not_asked_again(chart: Clinic) -> None:
    rejected: dict[str, Any] = {"status": "rejected", "change": "declined", "in_force_until": None}
    await chart.tell([small.consent("p", **rejected)])
    await read_chart(chart)
    assert summaries(await ask(chart)) == [("info", "Care management: declined Jan 20, 2026")]


async def test_somebody_to_whom_it_can_be_offered(chart: Clinic) -> None:
    for body in small.statements("p"):
        await chart.state(body)
    await read_chart(chart)
    offer = "Care management can be offered: 2 chronic conditions, nobody has asked yet"
    assert summaries(await ask(chart)) == [("info", offer)]


async def test_a_consent_that_ends(chart: Clinic) -> None:
    await enrol(chart, in_force_until=date(2026, 11, 30), status="inactive", revoked_at=NOVEMBER - timedelta(hours=2))
    ends = ("warning", "Consent to care management ends Nov 30, 2026: 27 days left")
    assert ends in summaries(await ask(chart))
    chart.clock.set(datetime(2026, 11, 30, 20, 0, tzinfo=UTC))
    last = ("warning", "Consent to care management ends Nov 30, 2026: today is its last day")
    assert last in summaries(await ask(chart, hook="encounter-start"))
    chart.clock.set(datetime(2026, 12, 1, 15, 0, tzinfo=UTC))  # before the lists are made anew for December
    assert summaries(await ask(chart)) == [("warning", "Consent to care management: ended Nov 30, 2026")]


async def test_a_consent_without_all_that_must_be_told(chart: Clinic) -> None:
    await enrol(chart, disclosures=small.TOLD | {"right-to-stop": False})
    assert summaries(await ask(chart))[0] == (
        "warning", "Consent to care management: recorded Jan 20, 2026, but not told: right to stop",
    )  # fmt: skip


async def test_another_program_in_the_way(chart: Clinic) -> None:
    await enrol(chart)
    paid = {"code": "99490", "day": "2026-11-02", "npi": "1568435994", "status": "paid"}
    await chart.state(small.statement("other-service", paid, patient="p"))
    await look_again(chart)
    cards = await ask(chart, hook="appointment-book")
    assert summaries(cards) == [("warning", "99490 of Nov 2, 2026 by another practitioner (NPI 1568435994) is paid")]
    assert cards[0]["links"][0]["appContext"] == '{"show": "programs"}'
    assert [card["source"]["topic"]["code"] for card in await ask(chart)] == ["programs"]  # no time to log either


async def test_newer_facts_are_said_to_be_on_their_way(chart: Clinic) -> None:
    await enrol(chart)
    await chart.tell([small.entry("p", small.at(2, 16, month=11), 3, number=2)])
    (card,) = await ask(chart)
    assert card["summary"].startswith("7 min counted")
    assert "newer facts are being taken in" in card["detail"]
    await look_again(chart)
    (card,) = await ask(chart)
    assert card["summary"].startswith("10 min counted")
    assert "newer facts" not in card["detail"]


async def test_words_from_elsewhere_are_no_markup(chart: Clinic) -> None:
    await enrol(chart)
    hostile = {"code": "<img src=x> [a](javascript:b) **!** |", "day": "2026-11-02", "npi": "1568435994", "status": "paid"}
    await chart.state(small.statement("other-service", hostile, patient="p"))
    await look_again(chart)
    assert r"\<img src=x\> \[a\]\(javascript\:b\)" in (await ask(chart))[0]["detail"]


REFUSED: dict[str, Any] = {
    "no token": dict,
    "no bearer": lambda: {"Authorization": "Basic ZWhyOng="},
    "an access token": None,
    "for another address": lambda: NORTH.bearer(PATH),
    "for the feedback": lambda: NORTH.bearer(FEEDBACK),
    "for another origin": lambda: {"Authorization": f"Bearer {NORTH.token(f'https://evil.example{CALL}')}"},
    "of the other practice": lambda: SOUTH.bearer(CALL),
    "of the other practice, for its address": lambda: SOUTH.bearer(CALL.replace("north", "south")),
    "of a stranger": lambda: CdsCaller(issuer="https://stranger.example").bearer(CALL),
    "of a stranger by our client's name": lambda: CdsCaller().bearer(CALL),
    "expired": lambda: NORTH.bearer(CALL, iat=1, exp=2),
    "that lives too long": lambda: NORTH.bearer(CALL, exp=int(datetime.now(UTC).timestamp()) + 3600),
    "from the future": lambda: NORTH.bearer(CALL, iat=int(datetime.now(UTC).timestamp()) + 120),
    "without a jti": lambda: NORTH.bearer(CALL, jti=None),
    "with a jku of its own": lambda: NORTH.bearer(CALL, header={"jku": "https://evil.example/jwks"}),
    "without typ": lambda: NORTH.bearer(CALL, header={"typ": "at+jwt"}),
}


@pytest.mark.requirement("standards-7")
@pytest.mark.parametrize("name", REFUSED)
async def test_who_is_no_client_of_the_practice_is_refused_without_saying_why(chart: Clinic, name: str) -> None:
    make = REFUSED[name] or (lambda: chart.tokens.bearer("north", "system/ChargeItem.rus"))
    for path, body in ((CALL, hook_body("p")), (FEEDBACK, {"feedback": []})):
        headers = make()
        if path == FEEDBACK and name == "for the feedback":
            continue
        answer = await chart.http.post(path, json=body, headers=headers)
        assert answer.status_code == 401, f"{path}: {answer.text}"
        assert answer.json()["resourceType"] == "OperationOutcome"
        assert "cards" not in answer.text
    assert chart.rows("SELECT count(*) AS n FROM cds_token")[0]["n"] == 0


@pytest.mark.requirement("standards-8")
async def test_a_token_counts_once_whoever_comes_first(chart: Clinic) -> None:
    headers = NORTH.bearer(CALL)
    answers = await asyncio.gather(*(chart.http.post(CALL, json=hook_body("p"), headers=headers) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 19
    again = await chart.http.post(CALL, json=hook_body("p"), headers=headers)
    assert again.status_code == 401


async def test_used_tokens_are_forgotten_once_they_have_expired(chart: Clinic) -> None:
    rows = "INSERT INTO cds_token SELECT '{}', 'i', '{}', now() - interval '{}'"
    for name, age in (("old", "6 minutes"), ("fresh", "1 minute")):
        with_admin(chart, rows.format(tenant_id("north"), name, age))
    await CdsTokenUses(chart.worker).forget()
    assert [row["token_id"] for row in chart.rows("SELECT token_id FROM cds_token")] == ["fresh"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"hook": "order-sign"}, 422),
        ({"hookInstance": "1"}, 422),
        ({"context": {"patientId": "p"}}, 422),
        ({"context": {"userId": "Practitioner/x"}}, 422),
        ({"context": {"userId": "Practitioner/x", "patientId": "p' OR 1=1"}}, 422),
        ({"fhirAuthorization": {"access_token": "secret-token"}}, 422),
        ({"fhirServer": "https://elsewhere.example/fhir"}, 422),
        ({"fhirServer": EHR_BASE, "fhirAuthorization": {"access_token": "secret-token"}}, 200),
        ({"fhirServer": f"{EHR_BASE}/"}, 200),
        (
            {"context": {"userId": "Practitioner/x", "patientId": "Patient/p"}, "prefetch": {"a": None}, "extension": {"x": 1}},
            200,
        ),
    ],
)
async def test_what_a_call_must_say(
    chart: Clinic, changes: dict[str, Any], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await chart.http.post(CALL, json=hook_body("p") | changes, headers=NORTH.bearer(CALL))
    assert answer.status_code == status, answer.text
    assert "secret-token" not in answer.text + caplog.text
    kept = chart.rows("SELECT coalesce(string_agg(j::text, ''), '') AS all FROM journal AS j")
    assert "secret-token" not in kept[0]["all"]


async def test_an_unknown_service(chart: Clinic) -> None:
    path = f"{PATH}/medication-advice"
    assert (await chart.http.post(path, json=hook_body("p"), headers=NORTH.bearer(path))).status_code == 404


def told(card: UUID | str, **changes: Any) -> dict[str, Any]:
    """Return one feedback."""
    return {"card": str(card), "outcome": "overridden", "outcomeTimestamp": "2026-11-03T15:00:00Z"} | changes


async def give(clinic: Clinic, *feedback: dict[str, Any]) -> httpx.Response:
    return await clinic.http.post(FEEDBACK, json={"feedback": list(feedback)}, headers=NORTH.bearer(FEEDBACK))


async def test_feedback_is_kept_once(chart: Clinic) -> None:
    await enrol(chart)
    (card,) = await ask(chart)
    reason = {"system": "https://careledger.example/fhir/CodeSystem/cds-override-reason", "code": "ask-later"}
    full = told(card["uuid"], overrideReason={"reason": reason, "userComment": "Sees Dr. Ada on Friday"})
    later = told(card["uuid"], outcomeTimestamp="2026-11-03T16:00:00+00:00")
    journal = len(chart.rows("SELECT FROM journal WHERE action = 'card.answered'"))
    for _ in range(3):
        assert (await give(chart, full, full, later)).status_code == 200
    rows = chart.rows("SELECT * FROM cds_feedback ORDER BY at")
    assert [(row["topic"], row["outcome"], row["reason_code"], row["comment"]) for row in rows] == [
        ("time", "overridden", "ask-later", "Sees Dr. Ada on Friday"),
        ("time", "overridden", None, None),
    ]
    assert {row["client"] for row in rows} == {NORTH.issuer}
    assert len(chart.rows("SELECT FROM journal WHERE action = 'card.answered'")) - journal == 2
    assert "Sees" not in str(chart.rows("SELECT * FROM journal"))


async def test_feedback_in_parallel_is_kept_once(chart: Clinic) -> None:
    one = told(card_id(CardTopic.CONSENT, b"x" * 16))
    answers = await asyncio.gather(*(give(chart, one) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(chart.rows("SELECT FROM cds_feedback")) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": "ignored"},
        {"outcome": "accepted"},
        {"outcome": "accepted", "acceptedSuggestions": []},
        {"overrideReason": {}},
        {"overrideReason": {"reason": {"code": "x"}}},
        {"overrideReason": {"userComment": "x" * 2001}},
        {"outcomeTimestamp": "2026-11-03T15:00:00"},
        {"card": "1"},
        {"card": "8ca5a4b1-d694-4e6d-ac8b-c8dfbaea5df7"},
    ],
    ids=str,
)
async def test_feedback_that_is_none(chart: Clinic, changes: dict[str, Any]) -> None:
    good = told(card_id(CardTopic.TIME, b"y" * 16))
    answer = await give(chart, good, good | changes)
    assert answer.status_code == 422, answer.text
    assert chart.rows("SELECT FROM cds_feedback") == []


def test_a_cards_id_says_its_sort() -> None:
    for topic in CardTopic:
        made = {card_id(topic, bytes([number]) * 16) for number in range(64)}
        assert len(made) == 64
        assert {topic_of(one) for one in made} == {topic}
        assert {(one.version, one.variant) for one in made} == {(8, "specified in RFC 4122")}
    assert topic_of(uuid4()) is None


@pytest.mark.requirement("issue-11.2")
async def test_a_sandbox_page_may_ask_from_its_origin_only(chart: Clinic) -> None:
    for path in (PATH, CALL, FEEDBACK):
        asked = {"Origin": "https://sandbox.example", "Access-Control-Request-Method": "POST"}
        ours = await chart.http.options(path, headers=asked)
        assert (ours.status_code, ours.headers["access-control-allow-origin"]) == (204, "https://sandbox.example")
        assert "Authorization" in ours.headers["access-control-allow-headers"]
        foreign = await chart.http.options(path, headers=asked | {"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in foreign.headers
    refused = await chart.http.post(CALL, json=hook_body("p"), headers={"Origin": "https://sandbox.example"})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, "https://sandbox.example")
    good = await chart.http.post(CALL, json=hook_body("p"), headers=NORTH.bearer(CALL) | {"Origin": "https://evil.example"})
    assert good.status_code == 200
    assert "access-control-allow-origin" not in good.headers


async def test_a_store_that_is_slow_is_a_503_and_never_an_answer_without_cards(chart: Clinic) -> None:
    await enrol(chart)
    with psycopg.connect(chart.admin_url) as lock:
        lock.execute("LOCK TABLE overview IN ACCESS EXCLUSIVE MODE")
        started = asyncio.get_running_loop().time()
        answer = await chart.http.post(CALL, json=hook_body("p"), headers=NORTH.bearer(CALL))
        took = asyncio.get_running_loop().time() - started
    assert answer.status_code == 503
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert "cards" not in answer.json()
    assert took < 3
    assert await ask(chart)


def test_the_codes_of_cards_are_published() -> None:
    published = {system["url"]: {one["code"] for one in system.get("concept", ())} for system in code_systems()}
    assert published[TOPICS] == set(CardTopic)
    assert published[REASONS] == set(OverrideReason)


async def test_a_store_that_is_down_is_a_503(settings: PartSettings) -> None:
    nowhere = "postgresql+asyncpg://billing_app@127.0.0.1:1/careledger_billing"
    app = create_app(replace(settings, database_url=nowhere))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as http:
            answer = await http.post(CALL, json=hook_body("p"), headers=NORTH.bearer(CALL))
            assert answer.status_code == 503
            assert "cards" not in answer.json()
            assert (await http.get(PATH)).status_code == 200


@pytest.mark.requirement("standards-33")
async def test_calls_are_counted_apart_and_a_refused_one_keeps_its_token(chart: Clinic, app: FastAPI) -> None:
    unlimited, app.state.limiter = app.state.limiter, RateLimiter(requests=4)
    try:
        headers = [NORTH.bearer(CALL) for _ in range(3)]
        answers = [await chart.http.post(CALL, json=hook_body("p"), headers=each) for each in headers]
        south = CALL.replace("north", "south")
        assert (await chart.http.post(south, json=hook_body("p"), headers=SOUTH.bearer(south))).status_code == 200
    finally:
        app.state.limiter = unlimited
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json()["issue"][0]["code"] == "throttled"
    assert int(answers[2].headers["retry-after"]) > 0
    assert (await chart.http.post(CALL, json=hook_body("p"), headers=headers[2])).status_code == 200
