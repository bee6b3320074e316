"""All four parts on databases of their own, served in memory, with two practices at work and a third switched off.

Every patient id holds its practice's name, so an answer that shows a stranger's data shows a stranger's name.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
from fastapi import FastAPI
from joserfc.jwk import RSAKey
from psycopg.rows import dict_row
from sqlalchemy.ext.asyncio import AsyncEngine

import services.billing.main
import services.consent.main
import services.timetrack.main
import shared.access.main
from services.billing.adapters.ledger_repository import EvidenceRepository
from services.billing.usecases.record_evidence import record_evidence
from shared.access.settings import AccessSettings
from shared.db.engine import make_engine
from shared.db.transaction import worker_transaction
from shared.ops.clock import DevClock
from shared.ops.settings import PartSettings
from shared.web.routes import owner_of
from tests.fakes.cds import CdsCaller
from tests.fakes.tokens import PUBLIC_URL, TokenMaker
from tests.fakes.world import fill_registry, tenant_state
from tests.integration.billing import world as clinic_world
from tests.integration.consent.resources import consent, with_reason
from tests.integration.timetrack.staff import nurse
from tests.integration.timetrack.tasks import task

NOW = datetime(2026, 11, 3, 15, 0, tzinfo=UTC)
PARTS = ("access", "consent", "timetrack", "billing")
ALL_SCOPES = "system/Consent.crus system/Task.crus system/ChargeItem.rus careledger/timers careledger/roster careledger/attest"
CLIENTS = ("ehr", "biller", "disabled")
CDS = {
    "north": CdsCaller(issuer="https://ehr.north.example"),
    "south": CdsCaller(issuer="https://ehr.south.example"),
}
"""The CDS client of each practice."""

LIVE_SESSION = "00000000-0000-7000-8000-00000000011e"
ENDED_SESSION = "00000000-0000-7000-8000-000000000e0d"


@dataclass(frozen=True)
class Objects:
    """What a request may aim at: one patient's things, or things that are not there."""

    tenant: str
    patient: str
    consent: str
    task: str
    charge: str
    timer: str
    review: str
    nurse: str


@dataclass
class Place:
    """The running parts, and what was put into them: `objects[(tenant, patient)]`, `gone[tenant]`."""

    apps: dict[str, FastAPI]
    http: dict[str, httpx.AsyncClient]
    tokens: TokenMaker
    clock: DevClock
    admin: dict[str, str]
    settings: dict[str, PartSettings]
    worker: AsyncEngine
    objects: dict[tuple[str, str], Objects] = field(default_factory=dict)
    gone: dict[str, Objects] = field(default_factory=dict)

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Make a request to the part that owns `path`, as the proxy would."""
        steps = path.partition("?")[0].split("/")
        part = steps[2] if steps[1] == "internal" else owner_of(path.partition("?")[0])
        return await self.http[part].request(method, path, **options)

    async def expect(self, status: int, method: str, path: str, *, tenant: str, **options: Any) -> Any:
        """Make a request with all scopes that is to succeed; return its JSON."""
        headers = self.tokens.bearer(tenant, ALL_SCOPES) | options.pop("headers", {})
        if "/fhir/" in path and "json" in options:
            headers["Content-Type"] = "application/fhir+json"
        answer = await self.ask(method, path, headers=headers, **options)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def rows(self, part: str, query: str, *values: Any) -> list[dict[str, Any]]:
        """Ask a part's database as its administrator."""
        with psycopg.connect(self.admin[part], row_factory=dict_row, autocommit=True) as connection:
            cursor = connection.execute(query, values)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def tables(self, part: str, where: str = "true") -> list[str]:
        """Return the part's tables that hold rows of tenants."""
        query = f"""SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
                    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attname = 'tenant_id' AND {where}"""
        return sorted(row["name"] for row in self.rows(part, query))

    def stored(self, *parts: str) -> dict[str, int]:
        """Return how many rows each table of the services holds: what no refused request may change but by its own record."""
        found = {}
        for part in parts or PARTS[1:]:
            tables = [name for name in self.tables(part) if not name.startswith("journal")] + ["journal WHERE status IS NULL"]
            counts = [f"SELECT '{part}.{table}' AS name, count(*) AS n FROM {table}" for table in tables]
            found |= {str(row["name"]): int(row["n"]) for row in self.rows(part, " UNION ALL ".join(counts))}
        return found

    def add_review(self, aim: Objects) -> str:
        """Put a review into a patient's month, as an assembly that finds one does; return its id."""
        review = str(uuid4())
        self.rows(
            "billing",
            "INSERT INTO review (tenant_id, id, month, patient, key, found_at)"
            " SELECT tenant_id, %s, '2026-10-01', %s, %s, now() FROM charge WHERE patient = %s LIMIT 1",
            review, aim.patient, review, aim.patient,
        )  # fmt: skip
        return review

    def add_document(self, aim: Objects) -> None:
        """Keep a document with a consent's id for that consent's patient."""
        self.rows(
            "consent",
            "INSERT INTO consent_document (tenant_id, id, patient, content_type, bytes, sha256, kept_at, kept_by)"
            " SELECT tenant_id, id, patient, 'application/pdf', '%%PDF-', '', now(), 'rn' FROM consent WHERE id = %s"
            " ON CONFLICT DO NOTHING",
            aim.consent,
        )


@asynccontextmanager
async def running(make_database: Callable[[str], Any], tokens: TokenMaker, folder: Path) -> AsyncIterator[Place]:
    """Run the four parts; nothing is in them but the practices north, south and asleep (switched off), and three clients."""
    key = folder / "ehr.pem"
    key.write_bytes(RSAKey.generate_key(2048).as_pem(private=True))
    databases = {part: make_database(part) for part in PARTS}
    tenants = (
        tenant_state("north", cds_clients=(CDS["north"].settings,)),
        tenant_state("south", zone="America/Chicago", cds_clients=(CDS["south"].settings,)),
        tenant_state("asleep", active=False),
    )
    for database in databases.values():
        fill_registry(database.admin, tenants=tenants, clients=CLIENTS)
        with psycopg.connect(database.admin, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO registry SELECT kind, id, 2, replace(replace(data, '\"active\"', '\"disabled\"'),"
                " '\"version\":1', '\"version\":2') FROM registry"
                " WHERE kind = 'client' AND id = 'disabled' ON CONFLICT DO NOTHING"
            )
            connection.execute(
                "INSERT INTO registry VALUES ('session', %s, 1, '{}') ON CONFLICT DO NOTHING",
                (f"{datetime.now(UTC):%Y%m%dT%H%M%S}/{ENDED_SESSION}",),
            )
    with psycopg.connect(databases["access"].admin, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO web_session VALUES (%s, %s, 'l', '', '', '', '', '', '{}', NULL, NULL, now(), now() + interval '8h')"
            " ON CONFLICT DO NOTHING",
            (tenants[0].tenant_id, LIVE_SESSION),
        )
    settings = {part: _settings(part, databases[part], tokens, folder, key) for part in PARTS}
    common = {name: getattr(settings["access"], name) for name in PartSettings.__dataclass_fields__}
    access = AccessSettings(
        **{**common, "jwks": str(folder / "access-jwks.json")},
        key_folder=folder / "keys",
        capability_folder=Path(shared.access.main.__file__).parents[2] / "openapi" / "capability",
    )
    apps = {
        "access": shared.access.main.create_app(access),
        "consent": services.consent.main.create_app(settings["consent"]),
        "timetrack": services.timetrack.main.create_app(settings["timetrack"]),
        "billing": services.billing.main.create_app(settings["billing"]),
    }
    # the one key of this run signs for all parts; access's own is proved in tests/integration/access
    apps["access"].state.authenticator = _verifying(apps["access"], apps["consent"])
    worker = make_engine(settings["billing"].worker_database_url, name="test-worker", size=4)
    async with AsyncExitStack() as stack:
        clients = {}
        for part, app in apps.items():
            await stack.enter_async_context(app.router.lifespan_context(app))
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            clients[part] = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL))
        clock = DevClock(folder / "clock")
        clock.set(NOW)
        admin = {part: database.admin for part, database in databases.items()}
        yield Place(apps, clients, tokens, clock, admin, settings, worker)
        await worker.dispose()


def _verifying(access: FastAPI, service: FastAPI) -> Any:
    """Return access's authenticator with the verifier of a service, which knows the key of this run."""
    own, other = access.state.authenticator, service.state.authenticator
    own._verifier = other._verifier
    return own


def _settings(part: str, database: Any, tokens: TokenMaker, folder: Path, key: Path) -> PartSettings:
    return PartSettings(
        service=part,
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


async def settle(place: Place) -> None:
    """Put two patients into each practice, with a consent, time, a running timer, a charge and a review each."""
    charts = {tenant: clinic_world.FakeChart() for tenant in ("north", "south")}
    place.apps["billing"].state.world.chart = charts.__getitem__
    for tenant, ehr in charts.items():
        await place.expect(201, "PUT", f"/t/{tenant}/time/roster/rn-{tenant}", tenant=tenant, json=nurse(name=f"Nurse {tenant}"))
        await _tell(place, clinic_world.practice(tenant))
        for kind in clinic_world.PRACTICE_STATEMENTS:
            body = clinic_world.statement(kind, {"given": True})
            await place.expect(201, "POST", f"/t/{tenant}/billing/attestations", tenant=tenant, json=body)
        for number in (1, 2):
            await _enrol(place, ehr, tenant, f"pat-{tenant}-{number}", number)
        path = f"/t/{tenant}/billing/months/2026-10"
        await place.expect(200, "POST", f"{path}/assemble", tenant=tenant)
        await place.expect(200, "POST", f"{path}/attest", tenant=tenant, json={"by": clinic_world.ADA})
        for number in (1, 2):
            patient = f"pat-{tenant}-{number}"
            place.objects[tenant, patient] = await _objects(place, tenant, patient, number)
        place.gone[tenant] = await _gone(place, tenant)


async def _tell(place: Place, events: Any) -> None:
    async with worker_transaction(place.worker) as connection:
        await record_evidence(store=EvidenceRepository(connection), events=events)


async def _enrol(place: Place, ehr: clinic_world.FakeChart, tenant: str, patient: str, number: int) -> None:
    ehr.charts[patient] = clinic_world.chart(patient)
    start = clinic_world.at(number, 14)
    await _tell(place, [clinic_world.consent(patient, tenant=tenant), clinic_world.entry(patient, start, 45, tenant=tenant)])
    for body in clinic_world.statements(patient):
        await place.expect(201, "POST", f"/t/{tenant}/billing/attestations", tenant=tenant, json=body)


def consent_of(tenant: str, patient: str, key: str, **changes: Any) -> dict[str, Any]:
    """Return a consent of that patient."""
    return consent(key, patient={"reference": f"Patient/{patient}"}, performer=[{"reference": f"Patient/{patient}"}], **changes)


def task_of(tenant: str, patient: str, at: datetime, *, owner: str | None = None, **changes: Any) -> dict[str, Any]:
    """Return ten minutes for that patient, by a performer who does nothing else."""
    end = at + timedelta(minutes=10)
    who = owner or f"rn-{uuid4()}"
    return task(
        at.isoformat(), end.isoformat(), for_={"reference": f"Patient/{patient}"}, owner={"reference": f"Practitioner/{who}"},
        **changes,
    )  # fmt: skip


async def _objects(place: Place, tenant: str, patient: str, number: int) -> Objects:
    fhir = f"/t/{tenant}/fhir/R4"
    made = await place.expect(201, "POST", f"{fhir}/Consent", tenant=tenant, json=consent_of(tenant, patient, f"c-{patient}"))
    entry = await place.expect(201, "POST", f"{fhir}/Task", tenant=tenant, json=task_of(tenant, patient, NOW - timedelta(days=9)))
    who = f"rn-{tenant}-{number}"
    await place.expect(201, "PUT", f"/t/{tenant}/time/roster/{who}", tenant=tenant, json=nurse(name=f"Nurse {tenant} {number}"))
    timer = await start_timer(place, tenant, patient, who)
    charges = await place.expect(200, "GET", f"{fhir}/ChargeItem?patient={patient}", tenant=tenant)
    charge = charges["entry"][0]["resource"]["id"]
    found = Objects(tenant, patient, made["id"], entry["id"], charge, timer, "", who)
    return replace(found, review=place.add_review(found))


async def start_timer(place: Place, tenant: str, patient: str, who: str) -> str:
    """Start a timer of that person for that patient and return its id."""
    body = {"identifier": str(uuid4()), "performer": who, "patient": patient, "program": "ccm", "activity": "patient-contact"}
    started = await place.expect(201, "POST", f"/t/{tenant}/time/timers", tenant=tenant, json=body)
    return str(started["id"])


async def _gone(place: Place, tenant: str) -> Objects:
    """Return what was taken back: readable as entered in error, never removed."""
    patient, fhir = f"pat-{tenant}-1", f"/t/{tenant}/fhir/R4"
    body = consent_of(tenant, patient, f"gone-{tenant}")
    body["category"][1]["coding"][0]["code"] = "pcm"
    made = await place.expect(201, "POST", f"{fhir}/Consent", tenant=tenant, json=body)
    entry = await place.expect(201, "POST", f"{fhir}/Task", tenant=tenant, json=task_of(tenant, patient, NOW - timedelta(days=8)))
    match = {"If-Match": 'W/"1"'}
    wrong = with_reason(made, "wrong patient", status="entered-in-error")
    await place.expect(200, "PUT", f"{fhir}/Consent/{made['id']}", tenant=tenant, json=wrong, headers=match)
    void = entry | {"status": "entered-in-error", "statusReason": {"text": "wrong patient"}}
    await place.expect(200, "PUT", f"{fhir}/Task/{entry['id']}", tenant=tenant, json=void, headers=match)
    who = f"rn-{tenant}-gone"
    await place.expect(201, "PUT", f"/t/{tenant}/time/roster/{who}", tenant=tenant, json=nurse(name=f"Nurse {tenant} gone"))
    timer = await start_timer(place, tenant, patient, who)
    path = f"/t/{tenant}/time/timers/{timer}/discard"
    await place.expect(200, "POST", path, tenant=tenant, json={"performer": who, "reason": "wrong patient"})
    first = place.objects[tenant, patient]
    return Objects(tenant, patient, made["id"], entry["id"], first.charge, timer, first.review, who)
