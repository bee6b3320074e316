"""The launch: one browser, one use, an EHR that proves itself, and nothing fetched that a request names.

Requirements: standards.md 9, 10, 11, 14; integration.md 3.
"""

import asyncio
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from shared.access.adapters.staff_list import record_staff
from shared.access.adapters.tenant_file import TenantFileInvalid, read_tenant
from shared.access.settings import AccessSettings
from shared.contracts.ehr_context import EhrContextState
from shared.contracts.event import Event
from shared.contracts.staff_member import RoleHeld, StaffMemberState
from shared.db.engine import make_engine
from shared.db.transaction import worker_transaction
from tests.fakes.tokens import PUBLIC_URL
from tests.integration.access.iss_variants import iss_variants
from tests.integration.access.launching import SAME_ORIGIN, Ehr, Traveller, code_of, document, known_tokens, rows

ALL = ("Rules", "Refreshers")
"""The desk's pages for everybody."""


@pytest.mark.parametrize("store", ["both", "cookie", "page"])
async def test_a_launch_opens_a_session_by_either_store(traveller: Traveller, store: str) -> None:
    answer = await traveller.launch(traveller.ehr.patients[0], store=store)
    assert answer.status_code == 200, answer.text
    opened = answer.json()
    assert (opened["tenant"], opened["chart"], opened["role"]) == ("millbrook", True, "Clinical staff")
    assert opened["user"].endswith("RN")
    # the handle goes to the page only where no cookie can keep it
    assert ("handle" in opened) == (store == "page")
    again = await traveller.token(opened, opened.get("handle"))
    assert again.status_code == 200
    assert again.json()["launch"] == opened["launch"]
    assert traveller.ehr.patients[0] not in answer.text.replace(opened["token"], "")


async def test_without_a_proof_nothing_opens_and_the_transaction_is_burnt(traveller: Traveller, door: httpx.AsyncClient) -> None:
    begun = await traveller.begin(traveller.ehr.patients[0])
    back = traveller.ehr.authorize(begun["authorize_url"])
    victim = Traveller(door, traveller.ehr)
    assert code_of(await victim.complete(back)) == "launch-other-browser"
    assert code_of(await traveller.complete(back)) == "launch-used"


async def test_a_wrong_proof_beside_a_right_one_is_refused(traveller: Traveller) -> None:
    first, second = [await traveller.begin(traveller.ehr.patients[0]) for _ in range(2)]
    traveller.secrets[first["state"]] = second["secret"]
    assert code_of(await traveller.complete(traveller.ehr.authorize(first["authorize_url"]))) == "launch-other-browser"


@pytest.mark.requirement("standards-9")
async def test_of_fifty_completions_at_once_one_opens(traveller: Traveller) -> None:
    begun = await traveller.begin(traveller.ehr.patients[0])
    back = traveller.ehr.authorize(begun["authorize_url"])
    body = {**back, "secret": begun["secret"]}
    answers = await asyncio.gather(*(traveller.http.post("/launch/complete", json=body, headers=SAME_ORIGIN) for _ in range(50)))
    assert sorted(answer.status_code for answer in answers) == [200, *[400] * 49]


async def test_a_launch_older_than_ten_minutes_is_refused(traveller: Traveller, settings: AccessSettings, cluster: Any) -> None:
    begun = await traveller.begin(traveller.ehr.patients[0])
    back = traveller.ehr.authorize(begun["authorize_url"])
    database = settings.database_url.replace("access_app@", "careledger@")
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE launch_tx SET created_at = created_at - interval '11 minutes' WHERE used_at IS NULL")
    assert code_of(await traveller.complete(back)) == "launch-expired"


@pytest.mark.requirement("standards-10")
async def test_a_hundred_iss_that_are_not_exactly_ours_connect_nowhere(
    traveller: Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    variants = iss_variants(traveller.ehr.iss)
    assert len(variants) >= 100
    reached: list[str] = []

    async def connect(self: object, request: httpx.Request) -> httpx.Response:
        reached.append(str(request.url))
        raise AssertionError(request.url)

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", connect)
    for iss in variants:
        page = await traveller.http.get("/launch", params={"iss": iss, "launch": "x"})
        assert code_of(page) == "launch-unknown-ehr", iss
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        begun = await traveller.post("/launch/begin", {"iss": iss, "launch": "x"})
        assert code_of(begun) == "launch-unknown-ehr", iss
    assert reached == []


async def test_framing_is_the_practices_own_and_else_nobodys(traveller: Traveller) -> None:
    http, ehr = traveller.http, traveller.ehr
    mine = await http.get("/launch", params={"iss": ehr.iss, "launch": "x"})
    theirs = await http.get("/launch", params={"iss": "https://ehr.elsewhere.example/r4", "launch": "x"})
    opened = (await traveller.launch(ehr.patients[0])).json()
    pages = {
        ehr.url: [mine, await http.get(f"/app/{opened['launch']}")],
        "https://a.example": [theirs],
        "'none'": [await http.get("/launch"), await http.get("/callback"), await http.get("/callback?state=x")],
    }
    for ancestors, answers in pages.items():
        for answer in answers:
            policy = answer.headers["content-security-policy"]
            assert policy.endswith(f"frame-ancestors {ancestors}"), policy
            assert "unsafe" not in policy and "default-src 'none'" in policy
            assert f"script-src 'self' {PUBLIC_URL}; style-src 'self' {PUBLIC_URL};" in policy, "where 'self' is nobody"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["cache-control"] == "no-store"
            assert "x-frame-options" not in answer.headers


@pytest.mark.parametrize("claim", ["iss", "aud", "azp", "exp", "nonce", "sig", "alg", "kid", "fhirUser"])
async def test_an_id_token_with_one_thing_wrong_opens_nothing(traveller: Traveller, settings: AccessSettings, claim: str) -> None:
    before = rows(settings, "SELECT count(*) FROM web_session")
    traveller.ehr.weather("id_token", claim)
    assert code_of(await traveller.launch(traveller.ehr.patients[0])) == "sign-in-not-proved"
    assert rows(settings, "SELECT count(*) FROM web_session") == before


@pytest.mark.parametrize(
    ("at", "answer", "code"),
    [
        ("authorize", "access_denied", "sign-in-refused"),
        ("authorize", "invalid_request", "ehr-set-up"),
        ("authorize", "invalid_scope", "ehr-set-up"),
        ("authorize", "unauthorized_client", "ehr-set-up"),
        ("authorize", "server_error", "ehr-not-answering"),
        ("authorize", "temporarily_unavailable", "ehr-not-answering"),
        ("authorize", "wrong_iss", "sign-in-not-proved"),
        ("authorize", "no_iss", "sign-in-not-proved"),
        ("authorize", "wrong_state", "launch-expired"),
        ("token", "invalid_request", "ehr-set-up"),
        ("token", "invalid_scope", "ehr-set-up"),
        ("token", "unauthorized_client", "ehr-set-up"),
        ("token", "invalid_client", "ehr-set-up"),
        ("token", "invalid_grant", "launch-expired"),
        ("token", "server_error", "ehr-not-answering"),
        ("token", "temporarily_unavailable", "ehr-not-answering"),
        ("token", "no_patient", "launch-no-patient"),
        ("token", "no_id_token", "sign-in-not-proved"),
    ],
)
async def test_what_an_ehr_can_answer_ends_in_its_own_page(traveller: Traveller, at: str, answer: str, code: str) -> None:
    traveller.ehr.weather(at, answer)
    refused = await traveller.launch(traveller.ehr.patients[0])
    assert code_of(refused) == code
    assert ("What to do" in refused.text and "Millbrook Falls" in refused.text) or code == "launch-expired"
    assert (await traveller.launch(traveller.ehr.patients[0])).status_code == 200


@pytest.mark.parametrize("status", ["401", "403", "404", "429", "500", "503"])
async def test_a_chart_without_a_readable_patient_does_not_open(traveller: Traveller, status: str) -> None:
    traveller.ehr.weather("fhir", status, times=5)
    answer = await traveller.launch(traveller.ehr.patients[0])
    traveller.ehr.fair()
    # roles come from the EHR too: without them nobody is let in, and without the patient no chart opens
    assert code_of(answer) in ("ehr-not-answering", "role-not-mapped")


async def test_who_has_no_role_is_told_whom_to_ask_until_the_staff_list_names_one(
    traveller: Traveller, settings: AccessSettings
) -> None:
    answer = await traveller.launch(traveller.ehr.patients[0], "nobody")
    assert code_of(answer) == "role-not-mapped"
    assert "the lead of your practice’s care program" in answer.text
    someone = traveller.ehr.staff["nobody"]
    ((tenant_id,),) = rows(settings, "SELECT tenant_id FROM tenant WHERE slug = 'millbrook'")
    engine = make_engine(settings.worker_database_url, name="test")
    for version, role, until in ((2, "biller", None), (1, "auditor", None), (3, "program-lead", "2026-01-31")):
        state = StaffMemberState(
            practitioner=someone,
            version=version,
            name="Test",
            recorded_at=datetime.now(UTC),
            recorded_by="test",
            roles=(RoleHeld(role=role, since=date(2026, 1, 1), until=until),),
        )
        event = Event(
            uuid4(), "ccm.staff-member.recorded.v1", "millbrook", tenant_id, someone, version, state.recorded_at,
            state.model_dump(mode="json"),
        )  # fmt: skip
        async with worker_transaction(engine) as connection:
            await record_staff(connection, [event, event])
        opened = await traveller.launch(None, "nobody")
        # the second version stands over the first, whichever comes earlier; a role that has ended is none
        assert code_of(opened) == "role-not-mapped" if version == 3 else opened.json()["role"] == "Biller"
    await engine.dispose()


async def test_the_desk_opens_without_a_patient_with_the_pages_of_the_role(traveller: Traveller) -> None:
    pages = {}
    for role in ("biller", "program-lead", "auditor", "billing-practitioner", "clinical-staff"):
        opened = (await traveller.launch(None, role)).json()
        pages[role] = [page["name"] for page in opened["pages"]]
    assert pages == {
        "biller": ["Desk", *ALL],
        "program-lead": ["Worklist", "Desk", "Program", *ALL],
        "auditor": ["Worklist", "Desk", "Program", "Audit", *ALL],  # a nurse, too
        "billing-practitioner": ["Worklist", "Desk", *ALL],
        "clinical-staff": ["Worklist", *ALL],
    }


async def test_the_chart_goes_out_as_an_event_once_and_again_when_it_is_news(
    traveller: Traveller, settings: AccessSettings
) -> None:
    patient = traveller.ehr.patients[1]
    for role in ("clinical-staff", "clinical-staff", "clinical-staff-2", "clinical-staff-2"):
        assert (await traveller.launch(patient, role)).status_code == 200
    observed = f"event_type = 'ccm.ehr-context.observed.v1' AND aggregate = '{patient}'"
    query = f"SELECT version, data FROM journal WHERE {observed} ORDER BY 1"
    told = [(version, EhrContextState.model_validate_json(data)) for version, data in rows(settings, query)]
    assert [version for version, _ in told] == [1, 2]
    first, second = (state for _, state in told)
    assert first.observed_by.id == traveller.ehr.staff["clinical-staff"]
    assert second.observed_by.id == traveller.ehr.staff["clinical-staff-2"]
    assert first.name and first.birth_date and first.identifier and first.problems and first.coverages
    assert first.observed_by.npi


async def test_other_pages_than_ours_cannot_speak_to_the_launch(traveller: Traveller) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}):
        for address in ("/launch/begin", "/launch/complete", "/launch/proof", "/session/token", "/session/end"):
            body = {"iss": traveller.ehr.iss, "launch": "x", "state": "x"}
            launch = {"X-Careledger-Launch": "A" * 40}
            answer = await traveller.http.post(address, json=body, headers={**headers, **launch})
            assert answer.status_code == 403, (address, headers)


async def test_no_secret_of_the_ehr_leaves_access(
    traveller: Traveller, settings: AccessSettings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    answer = await traveller.launch(traveller.ehr.patients[0])
    stored = rows(settings, "SELECT access_token, refresh_token FROM ehr_token")
    assert stored and all(len(bytes(one)) > 40 for row in stored for one in row)
    everything = answer.text + json.dumps(dict(answer.headers)) + json.dumps(traveller.cookies) + caplog.text
    tokens = await asyncio.to_thread(known_tokens, settings)
    assert tokens
    assert not [token for token in tokens if token in everything]


def test_a_document_that_would_open_the_policy_is_refused(ehr: Ehr, tmp_path: Path) -> None:
    for ancestor in (
        "https://a.example; script-src *",
        "*",
        "https:",
        "https://a.example/path",
        "a.example",
        "'self'",
        "https://a b",
    ):
        with pytest.raises(TenantFileInvalid, match="frame_ancestors"):
            read_tenant(document(ehr, "millbrook", frame_ancestors=[ancestor]), dev=True)
    assert read_tenant(document(ehr, "millbrook", frame_ancestors=["https://*.a.example"]), dev=True)
