"""Sessions after the launch: tokens, refreshes at the EHR, ends, other people at the same workstation, drafts.

Requirements: standards.md 12; integration.md 3.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from shared.access.adapters.ehr_app import HttpEhrApp
from shared.access.settings import AccessSettings
from shared.contracts.web_session import WebSessionState
from tests.integration.access.launching import Traveller, administer, claims_of, known_tokens, rows, run_out


@pytest.fixture
async def opened(traveller: Traveller) -> dict[str, Any]:
    """A session in a chart."""
    answer = await traveller.launch(traveller.ehr.patients[0])
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
def refreshes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every refresh that goes to the EHR."""
    seen: list[str] = []
    original = HttpEhrApp.refresh

    async def counted(self: HttpEhrApp, issuer: Any, ehr: Any, refresh_token: str) -> Any:
        seen.append(refresh_token)
        return await original(self, issuer, ehr, refresh_token)

    monkeypatch.setattr(HttpEhrApp, "refresh", counted)
    return seen


async def test_a_page_token_carries_session_launch_patient_person_and_roles(traveller: Traveller, opened: dict[str, Any]) -> None:
    claims = claims_of(opened["token"])
    assert claims["aud"].endswith("/t/millbrook/app")
    assert (claims["launch"], claims["patient"]) == (opened["launch"], traveller.ehr.patients[0])
    assert claims["fhir_user"] == f"Practitioner/{traveller.ehr.staff['clinical-staff']}"
    assert claims["roles"] == ["clinical-staff"] and claims["sid"] and claims["scope"] == ""
    assert claims["exp"] - claims["iat"] == 300
    bearer = {"Authorization": f"Bearer {opened['token']}"}
    assert (await traveller.http.get("/t/millbrook/auth/whoami", headers=bearer)).status_code == 401
    assert (await traveller.http.get("/t/millbrook/app/drafts/note", headers=bearer)).status_code == 204
    assert (await traveller.http.get("/t/elsewhere/app/drafts/note", headers=bearer)).status_code == 404


async def test_the_handle_alone_gives_tokens(traveller: Traveller, opened: dict[str, Any]) -> None:
    assert (await traveller.token(opened)).status_code == 200
    for launch, handle in ((opened["launch"], "x" * 43), ("A" * 40, None), (opened["launch"][:-1] + "A", None)):
        stranger = Traveller(traveller.http, traveller.ehr)
        answer = await stranger.token({"launch": launch}, handle)
        assert answer.status_code == 401
    assert (await traveller.post("/session/token", {}, X_Careledger_Launch="short")).status_code == 400
    assert (await traveller.post("/session/token", {})).status_code == 400


@pytest.mark.requirement("standards-12")
async def test_fifty_pages_at_once_refresh_once(
    traveller: Traveller, opened: dict[str, Any], settings: AccessSettings, refreshes: list[str]
) -> None:
    before = known_tokens(settings)
    run_out(settings)
    answers = await asyncio.gather(*(traveller.token(opened) for _ in range(50)))
    assert [answer.status_code for answer in answers] == [200] * 50
    assert len(refreshes) == 1
    assert set(known_tokens(settings)) != set(before)
    run_out(settings)
    assert (await traveller.token(opened)).status_code == 200
    assert len(set(refreshes)) == 2, "a refresh token is not used again"


async def test_an_ehr_that_has_ended_its_session_ends_ours_and_tells_it(
    traveller: Traveller, opened: dict[str, Any], settings: AccessSettings
) -> None:
    run_out(settings)
    traveller.ehr.weather("refresh", "invalid_grant")
    assert (await traveller.token(opened)).status_code == 401
    sid = claims_of(opened["token"])["sid"]
    query = f"SELECT data FROM journal WHERE event_type = 'ccm.web-session.ended.v1' AND aggregate = '{sid}'"
    ((data,),) = rows(settings, query)
    assert WebSessionState.model_validate_json(data).reason == "ehr-ended"
    assert rows(settings, f"SELECT count(*) FROM ehr_token WHERE sid = '{sid}'") == [(0,)]
    bearer = {"Authorization": f"Bearer {opened['token']}"}
    assert (await traveller.http.get("/t/millbrook/app/drafts/note", headers=bearer)).status_code == 401


@pytest.mark.parametrize("answer", ["server_error", "temporarily_unavailable", "invalid_client", "unauthorized_client"])
async def test_an_ehr_that_does_not_refresh_now_ends_nothing(
    traveller: Traveller, opened: dict[str, Any], settings: AccessSettings, answer: str
) -> None:
    run_out(settings)
    traveller.ehr.weather("refresh", answer)
    assert (await traveller.token(opened)).status_code == 200
    assert (await traveller.token(opened)).status_code == 200


async def test_without_rotation_the_refresh_token_stays(
    traveller: Traveller, opened: dict[str, Any], settings: AccessSettings, refreshes: list[str]
) -> None:
    traveller.ehr.weather("refresh", "no_rotation")
    for _ in range(2):
        run_out(settings)
        assert (await traveller.token(opened)).status_code == 200
    assert len(refreshes) == 2 and len(set(refreshes)) == 1


async def test_without_a_refresh_token_the_session_goes_on(
    traveller: Traveller, opened: dict[str, Any], settings: AccessSettings, refreshes: list[str]
) -> None:
    administer(settings, "UPDATE ehr_token SET refresh_token = NULL")
    run_out(settings)
    assert (await traveller.token(opened)).status_code == 200
    assert refreshes == []


async def test_a_ciphertext_opens_in_no_other_row_and_for_no_other_purpose(
    traveller: Traveller, settings: AccessSettings, opened: dict[str, Any], refreshes: list[str]
) -> None:
    other = Traveller(traveller.http, traveller.ehr)
    second = (await other.launch(traveller.ehr.patients[1], "clinical-staff-2")).json()
    mine, theirs = claims_of(opened["token"])["sid"], claims_of(second["token"])["sid"]
    run_out(settings)
    swap = "UPDATE ehr_token SET refresh_token = (SELECT {column} FROM ehr_token WHERE sid = '{other}') WHERE sid = '{mine}'"
    administer(settings, swap.format(column="refresh_token", other=theirs, mine=mine))
    assert (await traveller.token(opened)).status_code == 503
    administer(settings, swap.format(column="access_token", other=theirs, mine=theirs))
    assert (await other.token(second)).status_code == 503
    assert refreshes == []
    administer(settings, f"DELETE FROM ehr_token WHERE sid IN ('{mine}', '{theirs}')")


async def test_a_session_lasts_as_long_as_the_practice_says(
    traveller: Traveller, opened: dict[str, Any], settings: AccessSettings
) -> None:
    sid = claims_of(opened["token"])["sid"]
    assert rows(settings, f"SELECT expires_at - created_at = interval '8 hours' FROM web_session WHERE sid = '{sid}'") == [
        (True,)
    ]
    administer(settings, f"UPDATE web_session SET expires_at = now() - interval '1 second' WHERE sid = '{sid}'")
    assert (await traveller.token(opened)).status_code == 401


async def test_signing_out_ends_at_once_and_only_for_who_holds_the_handle(
    traveller: Traveller, opened: dict[str, Any], settings: AccessSettings
) -> None:
    stranger = Traveller(traveller.http, traveller.ehr)
    assert (await stranger.post("/session/end", {"handle": "x"}, X_Careledger_Launch=opened["launch"])).status_code == 204
    assert (await traveller.token(opened)).status_code == 200
    assert (await traveller.post("/session/end", {}, X_Careledger_Launch=opened["launch"])).status_code == 204
    assert traveller.cookies == {}
    sid = claims_of(opened["token"])["sid"]
    assert rows(settings, f"SELECT ended_at IS NOT NULL FROM web_session WHERE sid = '{sid}'") == [(True,)]


async def test_the_next_person_at_the_workstation_ends_the_one_before(traveller: Traveller, opened: dict[str, Any]) -> None:
    same = (await traveller.launch(traveller.ehr.patients[1])).json()
    assert (await traveller.token(opened)).status_code == 200, "the same person may have two charts open"
    handles = dict(traveller.cookies)
    await traveller.launch(traveller.ehr.patients[1], "clinical-staff-2")
    assert len(traveller.cookies) == 1
    traveller.cookies = handles
    assert (await traveller.token(opened)).status_code == 401
    assert (await traveller.token(same)).status_code == 401


@pytest.fixture
async def drafts(traveller: Traveller, opened: dict[str, Any]) -> AsyncIterator[httpx.AsyncClient]:
    """A client that speaks as the page of the session."""
    transport = traveller.http._transport
    headers = {"Authorization": f"Bearer {opened['token']}"}
    async with httpx.AsyncClient(transport=transport, base_url=str(traveller.http.base_url), headers=headers) as client:
        yield client


async def test_a_draft_comes_back_after_a_relaunch_to_its_author_in_its_chart_only(
    traveller: Traveller, drafts: httpx.AsyncClient, settings: AccessSettings
) -> None:
    fields = {"note": "Called Mrs. Ñ. about 99 mg/dl", "action": "…"}
    kept = await drafts.put("/t/millbrook/app/drafts/note", json={"fields": fields})
    assert kept.status_code == 200
    again = (await traveller.launch(traveller.ehr.patients[0])).json()
    headers = {"Authorization": f"Bearer {again['token']}"}
    offered = (await traveller.http.get("/t/millbrook/app/drafts/note", headers=headers)).json()
    assert offered == {"fields": fields, "saved_at": kept.json()["saved_at"]}
    for patient, role in ((traveller.ehr.patients[1], "clinical-staff"), (traveller.ehr.patients[0], "clinical-staff-2")):
        other = (await Traveller(traveller.http, traveller.ehr).launch(patient, role)).json()
        bearer = {"Authorization": f"Bearer {other['token']}"}
        assert (await traveller.http.get("/t/millbrook/app/drafts/note", headers=bearer)).status_code == 204
    assert all(b"Called" not in bytes(body) for (body,) in rows(settings, "SELECT body FROM draft"))
    assert (await drafts.delete("/t/millbrook/app/drafts/note")).status_code == 204
    assert (await drafts.get("/t/millbrook/app/drafts/note")).status_code == 204
    assert (await drafts.put("/t/millbrook/app/drafts/note", json={"fields": {"x": "y" * 20_001}})).status_code == 422


async def test_the_desk_has_no_patient_and_so_no_drafts(traveller: Traveller) -> None:
    opened = (await traveller.launch(None, "biller")).json()
    bearer = {"Authorization": f"Bearer {opened['token']}"}
    answer = await traveller.http.put("/t/millbrook/app/drafts/note", json={"fields": {}}, headers=bearer)
    assert answer.status_code == 403
