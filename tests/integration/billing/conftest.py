"""Billing on its own database, with two practices, an EHR in memory and a clock that stands still."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from joserfc.jwk import RSAKey
from psycopg.rows import dict_row
from sqlalchemy.ext.asyncio import AsyncEngine

from services.billing.adapters.ledger_repository import EvidenceRepository
from services.billing.main import create_app
from services.billing.usecases.record_evidence import record_evidence
from shared.contracts.event import Event
from shared.db.engine import make_engine
from shared.db.transaction import worker_transaction
from shared.ops.clock import DevClock
from shared.ops.settings import PartSettings
from tests.fakes.tokens import PUBLIC_URL, TokenMaker
from tests.fakes.world import fill_registry, tenant_state
from tests.integration.billing import world as small

NOW = datetime(2026, 11, 3, 15, 0, tzinfo=UTC)
ATTEST, BILL = "careledger/attest", "system/ChargeItem.rus"
TABLES = (
    "ledger_entry, ehr_due, ehr_read, assembly, difference, overpayment, remittance, review, charge_version, charge, feed_head,"
    " journal, overview, overview_staff, overview_due, journal_unpublished"
)


@dataclass
class Clinic:
    """The service as the practice's own client and its billing system see it, and what stands around it."""

    http: httpx.AsyncClient
    tokens: TokenMaker
    clock: DevClock
    worker: AsyncEngine
    admin_url: str
    ehr: small.FakeChart
    world: Any
    tenant: str = "north"

    async def ask(self, method: str, path: str, *, scope: str = ATTEST, **options: Any) -> httpx.Response:
        """Make a request below `/t/{tenant}`."""
        headers = self.tokens.bearer(self.tenant, scope, client_id="biller" if scope == BILL else "ehr")
        if "json" in options and "/fhir/" in path:
            headers["Content-Type"] = "application/fhir+json"
        claims = options.pop("headers", {})
        return await self.http.request(method, f"/t/{self.tenant}{path}", headers=headers | claims, **options)

    async def tell(self, events: Sequence[Event]) -> None:
        """Take events in, as the consumer does."""
        async with worker_transaction(self.worker) as connection:
            await record_evidence(store=EvidenceRepository(connection), events=events)

    async def enrol(self, *patients: str, minutes: float = 25) -> None:
        """Enrol patients to whom nothing is missing, each with some time in October."""
        for number, patient in enumerate(patients, start=len(self.ehr.charts)):
            self.ehr.charts[patient] = small.chart(patient)
            start = small.at(1 + number % 28, 9 + number // 28)
            await self.tell(
                [small.consent(patient, tenant=self.tenant), small.entry(patient, start, minutes, tenant=self.tenant)]
            )
            for body in small.statements(patient):
                await self.state(body)

    async def state(self, body: dict[str, Any], status: int = 201) -> dict[str, Any]:
        """Attest something."""
        answer = await self.ask("POST", "/billing/attestations", json=body)
        assert answer.status_code == status, answer.text
        said: dict[str, Any] = answer.json()
        return said

    async def assemble(self, month: str = "2026-10") -> dict[str, Any]:
        """Assemble a month."""
        answer = await self.ask("POST", f"/billing/months/{month}/assemble")
        assert answer.status_code == 200, answer.text
        done: dict[str, Any] = answer.json()
        return done

    async def attest(self, month: str = "2026-10", *, by: str = small.ADA, **options: Any) -> dict[str, Any]:
        """Sign a month."""
        answer = await self.ask("POST", f"/billing/months/{month}/attest", json={"by": by, **options})
        assert answer.status_code == 200, answer.text
        done: dict[str, Any] = answer.json()
        return done

    async def result(self, patient: str, month: str = "2026-10") -> dict[str, Any]:
        """Return a patient's result."""
        answer = await self.ask("GET", f"/billing/months/{month}", params={"patient": patient})
        assert answer.status_code == 200, answer.text
        results: list[dict[str, Any]] = answer.json()["results"]
        assert len(results) == 1, answer.text
        return results[0]

    async def bill(self, path: str, **options: Any) -> httpx.Response:
        """Read as the billing system."""
        return await self.ask("GET", f"/fhir/R4/{path}", scope=BILL, **options)

    async def queue(self) -> list[dict[str, Any]]:
        """Return the charges that wait."""
        answer = await self.bill("ChargeItem?status=billable")
        assert answer.status_code == 200, answer.text
        return [entry["resource"] for entry in answer.json().get("entry", [])]

    async def acknowledge(self, *items: dict[str, Any], status: int = 200) -> list[dict[str, Any]]:
        """Send `$acknowledge`; return each item's answer as a plain dictionary."""
        body = {"resourceType": "Parameters", "parameter": list(items)}
        answer = await self.ask("POST", "/fhir/R4/ChargeItem/$acknowledge", scope=BILL, json=body)
        assert answer.status_code == status, answer.text
        return [
            {part["name"]: next(value for name, value in part.items() if name != "name") for part in parameter["part"]}
            for parameter in answer.json().get("parameter", [])
            if parameter["name"] == "item"
        ]

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Ask the database as its administrator."""
        with psycopg.connect(self.admin_url, row_factory=dict_row) as connection:
            return connection.execute(query, values).fetchall()


def item(charge: str, outcome: str, **parts: Any) -> dict[str, Any]:
    """Return one item of `$acknowledge`."""
    found: list[dict[str, Any]] = [
        {"name": "charge", "valueReference": {"reference": f"ChargeItem/{charge}"}},
        {"name": "outcome", "valueCode": outcome},
    ]
    if "claim" in parts:
        found.append({"name": "claim", "valueIdentifier": {"system": "https://biller.example/claims", "value": parts["claim"]}})
    if "reason" in parts:
        found.append({"name": "reason", "valueCodeableConcept": {"text": parts["reason"]}})
    if "version" in parts:
        found.append({"name": "version", "valueString": parts["version"]})
    return {"name": "item", "part": found}


@pytest.fixture(scope="module")
def settings(make_database: Callable[[str], Any], tokens: TokenMaker, tmp_path_factory: pytest.TempPathFactory) -> PartSettings:
    """Settings of a billing service on a fresh database."""
    folder, database = tmp_path_factory.mktemp("billing"), make_database("billing")
    fill_registry(database.admin, tenants=(tenant_state("north"), tenant_state("south", zone="America/Chicago")))
    key = folder / "ehr.pem"
    key.write_bytes(RSAKey.generate_key(2048).as_pem(private=True))
    return PartSettings(
        service="billing",
        public_url=PUBLIC_URL,
        database_url=database.app,
        worker_database_url=database.worker,
        nats_url="nats://127.0.0.1:1",
        jwks=str(tokens.jwks),
        ehr_key_file=key,
        clock_file=folder / "clock",
        dev=True,
        replicas=1,
    )


@pytest.fixture(scope="module")
async def worker(settings: PartSettings) -> AsyncIterator[AsyncEngine]:
    """An engine of the worker role."""
    engine = make_engine(settings.worker_database_url, name="test-worker", size=4)
    yield engine
    await engine.dispose()


@pytest.fixture(scope="module")
async def app(settings: PartSettings) -> AsyncIterator[FastAPI]:
    """The running app."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture(scope="module")
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of it."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=PUBLIC_URL) as http:
        yield http


@pytest.fixture
async def empty(app: FastAPI, http: httpx.AsyncClient, worker: AsyncEngine, settings: PartSettings, tokens: TokenMaker) -> Clinic:
    """The practice `north` with its staff and nothing else, on 2026-11-03 at 10:00 in New York."""
    admin = settings.database_url.replace("//billing_app@", "//careledger@", 1)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"TRUNCATE {TABLES}")
    assert settings.clock_file is not None
    clock = DevClock(settings.clock_file)
    clock.set(NOW)
    ehr = small.FakeChart()
    app.state.world.chart = lambda _: ehr
    clinic = Clinic(http, tokens, clock, worker, admin, ehr, app.state.world)
    await clinic.tell(small.practice())
    return clinic


@pytest.fixture
async def clinic(empty: Clinic) -> Clinic:
    """The practice that has attested what is said of all its patients."""
    for kind in small.PRACTICE_STATEMENTS:
        await empty.state(small.statement(kind, {"given": True}))
    return empty
