"""Tenants, clients and keys as the operator handles them, and what the others are told of it."""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import uvicorn
from joserfc.jwk import ECKey, RSAKey

from shared.access import main
from shared.access.domain.client import ClientDisabled, ClientIdInvalid, ScopeNotOffered, UnknownClient
from shared.access.domain.signing_key import LEAD, RotationUnderway
from shared.access.settings import AccessSettings
from shared.access.usecases.register_client import UnknownTenant
from shared.contracts.client import ClientState
from shared.contracts.tenant import TenantState
from shared.kernel.errors import CareledgerError, Conflict
from shared.messaging.broker import connect
from shared.messaging.wire import read_event
from shared.ops.children import Nats
from shared.smart.client_keys import KeysInvalid
from shared.smart.jwks_fetch import FetchRefused
from shared.web.access_control import Needs, Open, PageNeeds, declarations
from tests.integration.access.asking import TENANT, apply_tenant, assertion, claims_of, form_of, public_set, token_url

KEY = RSAKey.generate_key(2048, auto_kid=True)


def _rows(settings: AccessSettings, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(settings.worker_database_url) as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


async def _add(settings: AccessSettings, client_id: str, **changes: Any) -> str:
    wanted: dict[str, Any] = {
        "client_id": client_id,
        "name": client_id,
        "tenants": ["lakeside"],
        "scope": "system/Task.rs",
        "jwks": public_set(KEY),
    }
    return await main.add_client(settings, **(wanted | changes))


async def _token(
    http: httpx.AsyncClient, client_id: str, scope: str = "system/Task.rs", tenant: str = "lakeside"
) -> httpx.Response:
    return await http.post(token_url(tenant), data=form_of(assertion(KEY, claims_of(client_id, tenant)), scope))


async def test_a_document_is_versioned_and_its_difference_shown(settings: AccessSettings, world: None, tmp_path: Path) -> None:
    assert '+ "zone": "America/Chicago",' in await apply_tenant(settings, tmp_path, "brookside")
    assert "nothing changes, version 1 stands" in await apply_tenant(settings, tmp_path, "brookside")
    file = tmp_path / "brookside.yaml"
    file.write_text(
        TENANT.format(slug="brookside", active="true").replace("Chicago", "Denver").replace("2025-01-01", "2026-07-01")
    )
    said = await main.apply_tenant_file(settings, file)
    assert '- "zone": "America/Chicago",' in said
    assert '+ "zone": "America/Denver",' in said
    assert "version 2 counts from 2026-07-01" in said
    rows = _rows(
        settings,
        "SELECT d.version, d.effective_from::text, d.document::jsonb ->> 'zone' FROM tenant_document d "
        "JOIN tenant t USING (tenant_id) WHERE t.slug = 'brookside' ORDER BY 1",
    )
    assert rows == [(1, "2025-01-01", "America/Chicago"), (2, "2026-07-01", "America/Denver")]
    events = _rows(settings, "SELECT version, data FROM journal WHERE tenant = 'brookside' ORDER BY version")
    states = [TenantState.model_validate_json(data) for _, data in events]
    assert [(state.version, state.document.zone) for state in states] == [(1, "America/Chicago"), (2, "America/Denver")]
    told = _rows(settings, f"SELECT version FROM registry WHERE kind = 'tenant' AND id = '{states[0].tenant_id}' ORDER BY 1")
    assert told == [(1,), (2,)]


async def test_of_two_operators_at_once_one_is_told_to_look_again(settings: AccessSettings, tmp_path: Path) -> None:
    results = await asyncio.gather(
        *(apply_tenant(settings, tmp_path, "twice") for _ in range(4)),
        *(_add(settings, "twin") for _ in range(4)),
        return_exceptions=True,
    )
    assert all(isinstance(result, str | Conflict) for result in results)
    assert _rows(settings, "SELECT count(*) FROM tenant WHERE slug = 'twice'") == [(1,)]
    assert _rows(settings, "SELECT count(*) FROM journal WHERE tenant = 'twice'") == [(1,)]
    assert _rows(settings, "SELECT count(*) FROM client_key WHERE client_id = 'twin'") == [(1,)]


async def test_a_client_is_told_registered_and_disabled(settings: AccessSettings, http: httpx.AsyncClient) -> None:
    await _add(settings, "short-lived")
    answer = await _token(http, "short-lived")
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert (await http.get("/t/lakeside/auth/whoami", headers=bearer)).status_code == 200
    assert "disabled everywhere" in await main.disable_client(settings, client_id="short-lived")
    assert "disabled before" in await main.disable_client(settings, client_id="short-lived")
    assert (await _token(http, "short-lived")).json()["error"] == "invalid_client"
    events = _rows(
        settings,
        "SELECT event_type, tenant, data FROM journal WHERE aggregate = 'short-lived' AND tenant = '_' ORDER BY version",
    )
    assert [(kind, tenant) for kind, tenant, _ in events] == [
        ("ccm.client.registered.v1", "_"),
        ("ccm.client.disabled.v1", "_"),
    ]
    assert [ClientState.model_validate_json(data).status for _, _, data in events] == ["active", "disabled"]
    with pytest.raises(ClientDisabled):
        await _add(settings, "short-lived")
    assert "short-lived\tdisabled\tlakeside\tsystem/Task.rs\tshort-lived" in await main.list_clients(settings)


async def test_grants_are_for_each_tenant_and_replaced_whole(settings: AccessSettings, http: httpx.AsyncClient) -> None:
    await _add(settings, "company")
    assert "version 1" in await _add(settings, "company")
    assert "version 2" in await _add(settings, "company", tenants=["hillside"], scope="system/ChargeItem.rus")
    assert (await _token(http, "company", tenant="hillside", scope="system/*.rs")).json()["scope"] == "system/ChargeItem.rs"
    assert (await _token(http, "company", scope="system/*.rs")).json()["scope"] == "system/Task.rs"
    await _add(settings, "company", scope="system/Task.r")
    assert (await _token(http, "company", scope="system/*.rs")).json()["scope"] == "system/Task.r"
    granted = _rows(
        settings,
        "SELECT tenant, data::jsonb -> 'scopes' FROM journal WHERE aggregate = 'company' AND event_type IS NULL ORDER BY id",
    )
    assert granted == [("lakeside", ["system/Task.rs"]), ("hillside", ["system/ChargeItem.rus"]), ("lakeside", ["system/Task.r"])]


async def test_new_keys_take_the_place_of_old_ones(settings: AccessSettings, http: httpx.AsyncClient) -> None:
    other = ECKey.generate_key("P-384", auto_kid=True)
    await _add(settings, "careful")
    await _add(settings, "careful", jwks=public_set(other))
    assert (await _token(http, "careful")).status_code == 400
    answer = await http.post(token_url("lakeside"), data=form_of(assertion(other, claims_of("careful")), "system/Task.r"))
    assert answer.status_code == 200
    assert _rows(settings, "SELECT count(*) FROM client_key WHERE client_id = 'careful'") == [(2,)]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"client_id": ""}, ClientIdInvalid),
        ({"client_id": "a b"}, ClientIdInvalid),
        ({"client_id": "x" * 101}, ClientIdInvalid),
        ({"tenants": ["nowhere"]}, UnknownTenant),
        ({"scope": "system/*.r"}, ScopeNotOffered),
        ({"scope": "patient/Task.r"}, ScopeNotOffered),
        ({"scope": "user/Task.r"}, ScopeNotOffered),
        ({"scope": "system/Observation.r"}, ScopeNotOffered),
        ({"scope": "system/ChargeItem.c"}, ScopeNotOffered),
        ({"scope": "system/Task.d"}, ScopeNotOffered),
        ({"scope": "system/Task.r?x=1"}, ScopeNotOffered),
        ({"scope": "careledger/everything"}, ScopeNotOffered),
        ({"jwks": "{}"}, KeysInvalid),
        ({"jwks": json.dumps({"keys": [KEY.as_dict(private=True)]})}, KeysInvalid),
        ({"jwks": None, "jwks_url": "http://example.org/jwks"}, FetchRefused),
        ({"jwks": None}, FetchRefused),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else value.__name__,
)
async def test_what_cannot_be_registered(
    changes: dict[str, Any], kind: type[CareledgerError], settings: AccessSettings, world: None
) -> None:
    with pytest.raises(kind):
        await _add(settings, **({"client_id": "wrong"} | changes))
    assert _rows(settings, "SELECT count(*) FROM client WHERE client_id = 'wrong'") == [(0,)]


async def test_an_unknown_client_cannot_be_disabled(settings: AccessSettings) -> None:
    with pytest.raises(UnknownClient):
        await main.disable_client(settings, client_id="nobody")


@pytest.mark.requirement("standards-13")
async def test_rotation_publishes_first_and_signs_a_day_later(settings: AccessSettings, http: httpx.AsyncClient) -> None:
    before = _rows(settings, "SELECT kid FROM signing_key")
    said = await main.rotate(settings)
    with pytest.raises(RotationUnderway):
        await main.rotate(settings)
    published = json.loads(Path(settings.jwks).read_text())["keys"]
    assert len(published) == len(before) + 1 == 2
    assert published[1]["kid"] in said
    ends = "SELECT retires_at - (SELECT max(activates_at) FROM signing_key) FROM signing_key ORDER BY activates_at"
    assert _rows(settings, ends) == [(LEAD,), (None,)]
    with psycopg.connect(settings.worker_database_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE signing_key SET published_at = published_at - interval '2 days', "
            "activates_at = activates_at - interval '2 days', retires_at = retires_at - interval '2 days'"
        )
    app = main.create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=settings.public_url) as fresh:
            await _add(settings, "rotated")
            token = (await _token(fresh, "rotated")).json()["access_token"]
            keys = (await fresh.get("/.well-known/jwks.json")).json()["keys"]
            assert [key["kid"] for key in keys] == [published[1]["kid"]]
            me = await fresh.get("/t/lakeside/auth/whoami", headers={"Authorization": f"Bearer {token}"})
            assert me.status_code == 200
    assert json.loads(Path(settings.jwks).read_text())["keys"] == keys


async def test_the_webs_role_changes_nothing_of_the_administrators(settings: AccessSettings, world: None) -> None:
    worked_with = {
        "launch_tx": "DIU",
        "ehr_token": "DIU",
        "draft": "DIU",
        "web_session": "IU",
        "ehr_context": "IU",
        "ehr_issuer": "I",
        "framing": "IU",
    }
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        rights = connection.execute(
            "SELECT relname, p FROM pg_class, unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) p "
            "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND has_table_privilege(oid, p) ORDER BY 1, 2"
        ).fetchall()
        held: dict[str, str] = {}
        for table, right in rights:
            held[table] = held.get(table, "") + right[0]
        assert held == worked_with | {"client_jti": "DIU", "journal": "I", "journal_unpublished": "I", "journal_unsealed": "I"}
        with pytest.raises(psycopg.errors.UndefinedObject):
            connection.execute("SELECT count(*) FROM journal")


async def test_the_events_reach_the_broker(settings: AccessSettings, world: None, nats_server: Nats) -> None:
    reached = asyncio.Event()
    broker = await connect(nats_server.url, name="test")
    seen: dict[str, Any] = {}

    async def note(message: Any) -> None:
        event = read_event(message.headers, message.data)
        seen[message.subject] = event
        if {"ev.access.lakeside.tenant.applied", "ev.access._.client.registered"} <= seen.keys():
            reached.set()

    subscription = await broker.subscribe("ev.access.>", cb=note)
    relay = asyncio.create_task(main.run_relay(replace(settings, nats_url=nats_server.url)))
    try:
        await asyncio.wait_for(reached.wait(), 20)
    finally:
        relay.cancel()
        await asyncio.gather(relay, return_exceptions=True)
        await subscription.unsubscribe()
        await broker.close()
    assert TenantState.model_validate(seen["ev.access.lakeside.tenant.applied"].data).document.tenant == "lakeside"


@pytest.fixture
async def served(settings: AccessSettings, world: None) -> AsyncIterator[AccessSettings]:
    """The settings of access served on a real port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    here = replace(settings, public_url=f"http://127.0.0.1:{port}")
    server = uvicorn.Server(uvicorn.Config(main.create_app(here), port=port, log_config=None, access_log=False))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield here
    server.should_exit = True
    await task


@pytest.mark.parametrize("language", ["shell", "python", "python with EC"])
async def test_what_client_add_prints_runs(language: str, served: AccessSettings, tmp_path: Path) -> None:
    key = ECKey.generate_key("P-384", auto_kid=True) if "EC" in language else KEY
    (tmp_path / "key.pem").write_bytes(key.as_pem(private=True))
    said = await _add(
        served, f"reader-{language.replace(' ', '-')}", jwks=public_set(key), scope="system/Task.rs careledger/timers"
    )
    shell, _, python = said.partition("# with Python")
    program = (
        ["bash", "-euc", shell.partition("# with curl")[2].partition("\n")[2]]
        if language == "shell"
        else [sys.executable, "-c", f"#{python}"]
    )
    done = await asyncio.to_thread(subprocess.run, program, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["scope"] == "system/Task.rs careledger/timers"
    assert "PRIVATE" not in said


async def test_every_route_declares_who_may_call_it_and_few_need_a_token(settings: AccessSettings) -> None:
    app = main.create_app(settings)
    needing = {route.path: type(declared[0]) for route, declared in declarations(app) if not isinstance(declared[0], Open)}
    app_pages = ("drafts/{form}", "access/audit", "access/audit/log")
    assert needing == {"/t/{tenant}/auth/whoami": Needs} | {f"/t/{{tenant}}/app/{page}": PageNeeds for page in app_pages}
