"""Consent on its own database, with two practices, served in memory on a clock that stands still."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from joserfc.jwk import RSAKey
from psycopg.rows import dict_row

from services.consent.main import create_app
from shared.ops.clock import DevClock
from shared.ops.settings import PartSettings
from tests.fakes.tokens import PUBLIC_URL, TokenMaker
from tests.fakes.world import fill_registry, tenant_state

SCOPES = "system/Consent.crus"
TABLES = (
    "consent, consent_version, consent_identifier, patient_mention, ehr_context, staff_member, consent_document, chart_filing,"
    " journal, journal_unpublished"
)
NOW = datetime(2026, 11, 10, 15, 0, tzinfo=UTC)


@dataclass
class Door:
    """The service as one client of one practice sees it."""

    http: httpx.AsyncClient
    tokens: TokenMaker
    clock: DevClock
    admin_url: str
    tenant: str = "north"
    scopes: str = SCOPES

    @property
    def base(self) -> str:
        """The practice's FHIR base."""
        return f"{PUBLIC_URL}/t/{self.tenant}/fhir/R4"

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Make a request below the FHIR base, or at an absolute path."""
        given = options.pop("headers", {})
        bearer = self.tokens.bearer(self.tenant, options.pop("scopes", self.scopes))
        if "json" in options:
            bearer["Content-Type"] = "application/fhir+json"
        address = path if path.startswith("/t/") else f"/t/{self.tenant}/fhir/R4/{path}"
        return await self.http.request(method, address, headers=bearer | given, **options)

    async def post(self, resource: Any, **headers: str) -> httpx.Response:
        """Create a consent."""
        return await self.ask("POST", "Consent", json=resource, headers=headers)

    async def put(self, resource: Any, version: int | None = None, **headers: str) -> httpx.Response:
        """Change a consent whose version is that of the resource, or another."""
        seen = resource["meta"]["versionId"] if version is None else version
        return await self.ask("PUT", f"Consent/{resource['id']}", json=resource, headers={"If-Match": f'W/"{seen}"'} | headers)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        """Read or search."""
        return await self.ask("GET", path, **options)

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Ask the database as its administrator."""
        with psycopg.connect(self.admin_url, row_factory=dict_row) as connection:
            return connection.execute(query, values).fetchall()


@pytest.fixture(scope="module")
def settings(make_database: Callable[[str], Any], tokens: TokenMaker, tmp_path_factory: pytest.TempPathFactory) -> PartSettings:
    """Settings of a consent service on a fresh database."""
    folder, database = tmp_path_factory.mktemp("consent"), make_database("consent")
    fill_registry(database.admin, tenants=(tenant_state("north"), tenant_state("south", zone="America/Chicago")))
    return PartSettings(
        service="consent",
        public_url=PUBLIC_URL,
        database_url=database.app,
        worker_database_url=database.worker,
        nats_url="nats://127.0.0.1:1",
        jwks=str(tokens.jwks),
        ehr_key_file=_ehr_key(folder),
        clock_file=folder / "clock",
        dev=True,
        replicas=1,
    )


@asynccontextmanager
async def serving(settings: PartSettings) -> AsyncIterator[httpx.AsyncClient]:
    """Run the app; yield a client of it."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as http:
            yield http


@pytest.fixture(scope="module")
async def service(settings: PartSettings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the running app."""
    async with serving(settings) as http:
        yield http


@pytest.fixture
def door(service: httpx.AsyncClient, settings: PartSettings, tokens: TokenMaker) -> Door:
    """The practice `north` with an empty database, on 2026-11-10 at 10:00 in New York."""
    admin = settings.database_url.replace("//consent_app@", "//careledger@", 1)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"TRUNCATE {TABLES}")
    assert settings.clock_file is not None
    clock = DevClock(settings.clock_file)
    clock.set(NOW)
    return Door(service, tokens, clock, admin)


@pytest.fixture
def recorded(door: Door) -> Callable[[Any], Awaitable[dict[str, Any]]]:
    """Return a function that creates a consent and returns it as answered."""

    async def record(resource: Any) -> dict[str, Any]:
        answer = await door.post(resource)
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body

    return record


def _ehr_key(folder: Path) -> Path:
    """Make the key with which the service signs in at EHRs."""
    file = folder / "ehr.pem"
    file.write_bytes(RSAKey.generate_key(2048).as_pem(private=True))
    return file
