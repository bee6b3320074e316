"""Access on its own database, with three practices, clients and their keys, served in memory."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey, RSAKey

from shared.access import main
from shared.access.settings import AccessSettings
from tests.fakes.tokens import PUBLIC_URL
from tests.integration.access.asking import Keys, apply_tenant, public_set
from tests.integration.access.launching import Ehr, Traveller, document, ehr_running


@pytest.fixture(scope="session")
def keys() -> Keys:
    """One RSA and one EC key pair for all clients of the run."""
    return Keys(RSAKey.generate_key(2048, auto_kid=True), ECKey.generate_key("P-384", auto_kid=True))


@pytest.fixture(scope="module")
def settings(make_database: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory) -> AccessSettings:
    """Settings of a fresh access."""
    folder, database = tmp_path_factory.mktemp("access"), make_database("access")
    ehr_key = folder / "ehr.pem"
    ehr_key.write_bytes(RSAKey.generate_key(2048).as_pem(private=True))
    capabilities = folder / "capability"
    capabilities.mkdir()
    for service, kind in (("consent", "Consent"), ("timetrack", "Task"), ("billing", "ChargeItem")):
        resource = {"type": kind, "interaction": [{"code": "read"}, {"code": "search-type"}]}
        (capabilities / f"{service}.json").write_text(json.dumps({"resources": [resource]}))
    return AccessSettings(
        service="access",
        public_url=PUBLIC_URL,
        database_url=database.app,
        worker_database_url=database.worker,
        nats_url="nats://127.0.0.1:1",
        jwks=str(folder / "jwks.json"),
        ehr_key_file=ehr_key,
        clock_file=None,
        dev=True,
        replicas=1,
        key_folder=folder / "keys",
        capability_folder=capabilities,
    )


@pytest.fixture(scope="module")
async def world(settings: AccessSettings, keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Practices lakeside, hillside (no grants) and asleep (switched off); clients biller (RSA) and ehr (EC)."""
    folder = tmp_path_factory.mktemp("tenants")
    await apply_tenant(settings, folder, "lakeside")
    await apply_tenant(settings, folder, "hillside")
    await apply_tenant(settings, folder, "asleep", active=False)
    for client, key, scope in (
        ("biller", keys.rsa, "system/ChargeItem.rus"),
        ("ehr", keys.ec, "system/Consent.crus system/Task.crus careledger/timers"),
    ):
        await main.add_client(
            settings, client_id=client, name=client, tenants=["lakeside", "asleep"], scope=scope, jwks=public_set(key)
        )


@pytest.fixture(scope="module")
async def http(settings: AccessSettings, world: None) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the running app."""
    app = main.create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
            yield client


@pytest.fixture(scope="module")
def ehr(settings: AccessSettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ehr]:
    """The EHR of this module."""
    key = RSAKey.import_key(settings.ehr_key_file.read_bytes())
    with ehr_running(tmp_path_factory.mktemp("ehr"), key) as found:
        yield found


@pytest.fixture(scope="module")
async def door(settings: AccessSettings, ehr: Ehr, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """Access with two practices, of which one has the EHR."""
    folder = tmp_path_factory.mktemp("practices")
    for slug, text in (
        ("millbrook", document(ehr, "millbrook")),
        (
            "elsewhere",
            document(ehr, "elsewhere", fhir_base="https://ehr.elsewhere.example/r4", frame_ancestors=["https://a.example"]),
        ),
    ):
        (folder / slug).write_text(text)
        await main.apply_tenant_file(settings, folder / slug)
    app = main.create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
            yield client


@pytest.fixture
def traveller(door: httpx.AsyncClient, ehr: Ehr) -> Traveller:
    """A browser at the start of its day."""
    ehr.fair()
    return Traveller(door, ehr)
