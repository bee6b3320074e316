"""Timetrack on its own database, with two practices, served in memory on a clock that stands still."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from joserfc.jwk import RSAKey
from psycopg.rows import dict_row

from services.timetrack.main import create_app
from shared.ops.clock import DevClock
from shared.ops.settings import PartSettings
from tests.fakes.tokens import PUBLIC_URL, TokenMaker
from tests.fakes.world import fill_registry, tenant_state

SCOPES = "system/Task.crus careledger/timers careledger/roster"
NOW = datetime(2026, 10, 15, 20, 0, tzinfo=UTC)
TABLES = (
    "time_entry, time_entry_version, time_entry_identifier, timer, staff_member, patient_mention, consent_note,"
    " ehr_context, journal, journal_unpublished"
)


@dataclass
class Door:
    """The service as one client of one practice sees it."""

    http: httpx.AsyncClient
    tokens: TokenMaker
    clock: DevClock
    admin_url: str
    tenant: str = "north"
    scopes: str = SCOPES
    claims: dict[str, Any] = field(default_factory=dict)

    @property
    def base(self) -> str:
        """The practice's FHIR base."""
        return f"{PUBLIC_URL}/t/{self.tenant}/fhir/R4"

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Make a request below the FHIR base, or below `time/…` where the path starts so."""
        given = options.pop("headers", {})
        fhir = not path.startswith("time/")
        headers = self.tokens.bearer(self.tenant, self.scopes, **self.claims)
        if "json" in options or "content" in options:
            headers["Content-Type"] = "application/fhir+json" if fhir else "application/json"
        address = f"/t/{self.tenant}/fhir/R4/{path}" if fhir else f"/t/{self.tenant}/{path}"
        return await self.http.request(method, address, headers=headers | given, **options)

    async def post(self, task: Any, **headers: str) -> httpx.Response:
        """Create a Task."""
        return await self.ask("POST", "Task", json=task, headers={k.replace("_", "-"): v for k, v in headers.items()})

    async def made(self, task: Any) -> dict[str, Any]:
        """Create a Task that is expected to go in, and return it."""
        answer = await self.post(task)
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def put(self, task: Any, version: int | None = None) -> httpx.Response:
        """Change a Task whose version is that of the resource, or another."""
        seen = task["meta"]["versionId"] if version is None else version
        return await self.ask("PUT", f"Task/{task['id']}", json=task, headers={"If-Match": f'W/"{seen}"'})

    async def get(self, path: str, **options: Any) -> httpx.Response:
        """Read or search."""
        return await self.ask("GET", path, **options)

    async def found(self, query: str) -> list[dict[str, Any]]:
        """Search and return the Tasks found."""
        answer = await self.get(f"Task?{query}")
        assert answer.status_code == 200, answer.text
        return [entry["resource"] for entry in answer.json().get("entry", [])]

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Ask the database as its administrator."""
        with psycopg.connect(self.admin_url, row_factory=dict_row) as connection:
            return connection.execute(query, values).fetchall()  # type: ignore[arg-type]

    def stored(self) -> int:
        """Return how many rows a request could have left."""
        counts = [
            f"(SELECT count(*) FROM {t})"
            for t in ("time_entry", "time_entry_version", "time_entry_identifier", "journal WHERE status IS NULL")
        ]
        return int(self.rows(f"SELECT {' + '.join(counts)} AS n")[0]["n"])


@pytest.fixture(scope="module")
def settings(make_database: Callable[[str], Any], tokens: TokenMaker, tmp_path_factory: pytest.TempPathFactory) -> PartSettings:
    """Settings of a timetrack service on a fresh database."""
    folder, database = tmp_path_factory.mktemp("timetrack"), make_database("timetrack")
    fill_registry(database.admin, tenants=(tenant_state("north"), tenant_state("south", zone="America/Chicago")))
    return PartSettings(
        service="timetrack",
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


@pytest.fixture(scope="module")
async def app(settings: PartSettings) -> AsyncIterator[FastAPI]:
    """The running app."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture(scope="module")
async def service(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the running app."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=PUBLIC_URL) as http:
        yield http


@pytest.fixture
def door(service: httpx.AsyncClient, settings: PartSettings, tokens: TokenMaker) -> Door:
    """The practice `north` with an empty database, on 2026-10-15 at 16:00 in New York."""
    admin = settings.database_url.replace("//timetrack_app@", "//careledger@", 1)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"TRUNCATE {TABLES}")
    assert settings.clock_file is not None
    clock = DevClock(settings.clock_file)
    clock.set(NOW)
    return Door(service, tokens, clock, admin)


def _ehr_key(folder: Path) -> Path:
    """Make the key with which the service signs in at EHRs."""
    file = folder / "ehr.pem"
    file.write_bytes(RSAKey.generate_key(2048).as_pem(private=True))
    return file
