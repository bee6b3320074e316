"""Every request leaves its record: walked over the routers, so that a new route cannot forget it (issue 11, audit)."""

import asyncio
import html
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from shared.db.engine import make_engine
from shared.db.sealing import Sealer
from shared.web.access_control import Open
from shared.web.audit_page import GUARANTEE
from tests.fakes.tokens import TokenMaker
from tests.security.place import ALL_SCOPES, LIVE_SESSION, NOW, PARTS, Objects, Place, running, settle, task_of
from tests.security.principals import CDS_NORTH, FULL, PRINCIPALS, Principal
from tests.security.test_matrix import Route, aims_of, routes_of, send

pytestmark = [pytest.mark.requirement("issue-11.3"), pytest.mark.requirement("standards-31")]

_PATIENTS = re.compile(r"pat-(?:north|south)-\d")
_CHART = next(one for one in PRINCIPALS if one.name == "page of the first patient")
_DESK = next(one for one in PRINCIPALS if one.name == "page of the desk")
_ANONYMOUS = next(one for one in PRINCIPALS if one.name == "anonymous")


@pytest.fixture(scope="module")
async def place(
    make_database: Callable[[str], Any], tokens: TokenMaker, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Place]:
    """A place of our own: others count its rows."""
    async with running(make_database, tokens, tmp_path_factory.mktemp("audited")) as place:
        await settle(place)
        yield place


def _rows(place: Place, part: str, answer: httpx.Response) -> list[dict[str, Any]]:
    return place.rows(part, "SELECT * FROM journal WHERE request = %s", answer.headers["x-request-id"])


def _caller(route: Route) -> Principal:
    """Return somebody whom the route lets in."""
    name = type(route.declared).__name__
    if name == "PageNeeds":
        return _CHART if route.declared.chart else _DESK
    return FULL if name == "Needs" else CDS_NORTH


def _wrong(place: Place, route: Route, answer: httpx.Response) -> str | None:
    """Say what the journal does not tell of a request, None if it tells all."""
    rows = _rows(place, route.part, answer)
    if answer.status_code >= 500:
        return "it fails"
    if isinstance(route.declared, Open):
        return None if all(row["action"] == "denied" for row in rows) else f"{len(rows)} rows of what is open to all"
    asked = [row for row in rows if row["status"] is not None]
    if not rows or len(asked) > 1:
        return f"{len(rows)} rows, {len(asked)} of them of the request itself"
    if any(row["client"] in ("", "unknown") or row["recorded_at"] is None for row in rows):
        return "a row without a client or its time"
    if route.method == "GET" and (len(asked) != 1 or asked[0]["status"] != answer.status_code):
        return f"a read whose row says {[row['status'] for row in asked]} instead of {answer.status_code}"
    told = {patient for row in rows for patient in row["patients"]}
    shown = set(_PATIENTS.findall(answer.text))
    return f"shows {sorted(shown - told)} and the row does not say so" if shown - told else None


async def test_every_route_tells_the_journal_who_saw_whom(place: Place) -> None:
    aim = aims_of(place)["own"]
    wrong, seen = [], Counter[str]()
    for route in routes_of(place):
        own = await route.example.fresh(place, aim) if route.example.fresh else aim
        answer = await send(place, route, _caller(route), own)
        seen[type(route.declared).__name__] += 1
        if found := _wrong(place, route, answer):
            wrong.append(f"{route.part} {route.method} {route.path} ({answer.status_code}): {found}")
    assert wrong == [], f"{len(wrong)}\n" + "\n".join(wrong)
    assert seen["Needs"] > 40 and seen["PageNeeds"] > 40


async def test_every_refusal_is_there(place: Place) -> None:
    """Nobody's requests, one after another: each has a row, or is counted by one like it of the same second."""
    before = {part: _counted(place, part) for part in PARTS}
    sent, aim = Counter[str](), aims_of(place)["own"]
    for route in routes_of(place):
        if not isinstance(route.declared, Open):
            await send(place, route, _ANONYMOUS, aim)
            sent[route.part] += 1
    await _folds_written(place)
    for part in PARTS:
        assert _counted(place, part) - before[part] == sent[part], part


def _counted(place: Place, part: str) -> int:
    (row,) = place.rows(part, "SELECT coalesce(sum(times), 0)::int AS n FROM journal WHERE status IS NOT NULL")
    return int(row["n"])


async def _folds_written(place: Place) -> None:
    """Wait until no refusal is counted in memory only."""
    async with asyncio.timeout(20):
        while any(fold.more for app in place.apps.values() for fold in app.state.audit._writer._folds.values()):
            await asyncio.sleep(0.05)


async def test_requests_and_rows_agree(place: Place) -> None:
    """Reads, searches, writes, repeated writes, refusals and floods: as many as were sent, floods by their count."""
    own, headers = place.objects["north", "pat-north-1"], place.tokens.bearer("north", ALL_SCOPES)
    fhir = "/t/north/fhir/R4"
    written = "SELECT count(*)::int AS n FROM journal WHERE status IS NULL"
    before, changes = _counted(place, "consent"), place.rows("consent", written)[0]["n"]
    sent = 0
    for _ in range(5):
        for path in (f"Consent/{own.consent}", "Consent?patient=pat-north-1", "Consent/unknown", "Consent?_count=x"):
            await place.ask("GET", f"{fhir}/{path}", headers=headers)
            sent += 1
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    searched = await place.ask("POST", f"{fhir}/Consent/_search", headers=headers | form, content="patient=pat-north-2")
    flood = [place.ask("GET", f"{fhir}/Consent/{own.consent}") for _ in range(300)]
    refused = [answer.status_code for answer in await asyncio.gather(*flood)]
    held = await place.ask("GET", f"{fhir}/Consent", headers=place.tokens.bearer("north", "system/Task.r"))
    await _folds_written(place)

    assert refused == [401] * 300 and held.status_code == 403
    assert _counted(place, "consent") - before == sent + 1 + 300 + 1
    assert place.rows("consent", written)[0]["n"] == changes
    (search,) = _rows(place, "consent", searched)
    assert (search["query"], search["interaction"], search["patients"]) == ("patient=pat-north-2", "search-type", ["pat-north-2"])
    (forbidden,) = _rows(place, "consent", held)
    assert (forbidden["action"], forbidden["client"], forbidden["data"]) == ("denied", "ehr", '{"rule": "forbidden"}')
    alike = place.rows("consent", "SELECT times FROM journal WHERE action = 'denied' AND interaction = 'read'")
    assert len(alike) < 60, "a flood is folded"


async def test_a_change_pays_for_one_row(place: Place) -> None:

    answer = await place.ask(
        "POST",
        "/t/north/fhir/R4/Task",
        headers=place.tokens.bearer("north", ALL_SCOPES) | {"Content-Type": "application/fhir+json"},
        json=task_of("north", "pat-north-1", NOW - timedelta(days=30)),
    )
    (row,) = _rows(place, "timetrack", answer)
    assert answer.status_code == 201 and row["status"] is None and row["event_type"] == "ccm.time-entry.logged.v1"
    assert (row["route"], row["interaction"], row["address"]) == ("/t/{tenant}/fhir/R4/Task", "create", "127.0.0.1")
    assert row["token"] and row["recorded_at"]


async def test_without_a_record_there_is_no_answer(place: Place) -> None:
    own, headers = place.objects["north", "pat-north-1"], place.tokens.bearer("north", ALL_SCOPES)
    path = f"/t/north/fhir/R4/Consent/{own.consent}"
    with psycopg.connect(place.admin["consent"], autocommit=True) as connection:
        connection.execute("REVOKE INSERT ON journal FROM consent_app")
        try:
            answers = [
                await place.ask("GET", path, headers=headers),
                await place.ask("GET", path),
                await place.ask("HEAD", path, headers=headers),
            ]
        finally:
            connection.execute("GRANT INSERT ON journal TO consent_app")
    assert [answer.status_code for answer in answers] == [503, 503, 503]
    assert "pat-north-1" not in answers[0].text and answers[0].headers["retry-after"] == "5"
    assert (await place.ask("GET", path, headers=headers)).status_code == 200


async def test_a_strangers_user_is_not_named(place: Place) -> None:
    own: Objects = replace(place.objects["north", "pat-north-1"])
    headers = place.tokens.bearer("south", ALL_SCOPES)
    answer = await place.ask("GET", f"/t/north/fhir/R4/Consent/{own.consent}", headers=headers)
    (row,) = _rows(place, "consent", answer)
    assert answer.status_code == 404
    assert (row["action"], row["actor"], row["client"], row["tenant"]) == ("denied", "unknown", "ehr", "north")
    nowhere = await place.ask("GET", f"/t/nowhere/fhir/R4/Consent/{own.consent}", headers=headers)
    (row,) = _rows(place, "consent", nowhere)
    assert (row["tenant"], row["tenant_id"].int) == ("_", 0)


async def test_an_auditor_sees_who_saw_a_patient(place: Place) -> None:
    own, headers = place.objects["north", "pat-north-2"], place.tokens.bearer("north", ALL_SCOPES, client_id="biller")
    await place.ask("GET", f"/t/north/fhir/R4/Consent/{own.consent}", headers=headers)
    worker = make_engine(place.settings["consent"].worker_database_url, name="test-sealer", size=2)
    await Sealer("consent", worker).round()
    await worker.dispose()
    desk = _DESK.headers(place.tokens)
    shell = (await place.ask("GET", "/t/north/app/access/audit", headers=desk)).text
    assert GUARANTEE.replace("`", "") in html.unescape(shell) and "/t/north/app/billing/audit/log?" in shell

    days = "from=2026-11-01&to=2026-11-30"
    log = "/t/north/app/consent/audit/log"
    of_patient = (await place.ask("GET", f"{log}?{days}&patient=pat-north-2", headers=desk)).text
    assert "biller" in of_patient and f"Consent/{own.consent}" in of_patient and "Sealed up to entry" in of_patient
    assert (await place.ask("GET", f"{log}?{days}&person=nobody-of-ours", headers=desk)).text.count("<tr") == 0
    assert "biller" in (await place.ask("GET", f"{log}?{days}&person=biller", headers=desk)).text
    assert "biller" not in (await place.ask("GET", f"{log}?from=2020-01-01&to=2020-01-02", headers=desk)).text
    person = "https://ehr.example/Practitioner/rn-1"
    nurse = place.tokens.page("north", roles=("clinical-staff",), person=person, patient=None, sid=LIVE_SESSION)
    assert (await place.ask("GET", f"{log}?{days}", headers=nurse)).status_code == 403


def test_the_guarantee_is_printed_as_it_stands() -> None:
    guide = " ".join((Path(__file__).parents[2] / "docs" / "audit.md").read_text("utf-8").replace("\n> ", " ").split())
    assert GUARANTEE in guide
