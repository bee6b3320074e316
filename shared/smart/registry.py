"""What a service must know of access's world: tenants, clients and ended sessions, by events, kept in its own `registry` table.

Read into memory every 5 s, and at once (at most once a second) when somebody asks for what is not there. So a disabled client
is refused everywhere within 30 s while the broker is up, and never outlives its token's 300 s (integration.md 1).
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.contracts import client, month, tenant, web_session
from shared.contracts.base import Payload
from shared.contracts.client import ClientState
from shared.contracts.event import Event
from shared.contracts.month import MonthState
from shared.contracts.tenant import TenantState
from shared.contracts.web_session import WebSessionState
from shared.db.journal import JournalTables
from shared.db.transaction import worker_transaction
from shared.ops.egress import origin_of
from shared.ops.metrics import REGISTRY_AGE

_REFRESH_SECONDS = 5
_MISS_SECONDS = 1
# an ended session matters as long as a token of it may live: 300 s and what clocks and brokers may add
_SESSION_MATTERS = timedelta(minutes=15)
_KINDS = {
    kind: name
    for name, types in (
        ("tenant", tenant.TYPES), ("client", client.TYPES), ("month", month.TYPES), ("session", web_session.TYPES)
    )
    for kind in types
}  # fmt: skip
_MODELS: dict[str, type[Payload]] = {
    "tenant": TenantState,
    "client": ClientState,
    "month": MonthState,
    "session": WebSessionState,
}


async def record_registry_events(connection: AsyncConnection, tables: JournalTables, events: Sequence[Event]) -> None:
    """Append the tenant, client, month and session events among `events` to the registry; others are left alone."""
    rows = [
        {
            "kind": kind,
            "id": _session_key(event.time, event.aggregate_id) if kind == "session" else event.aggregate_id,
            "version": event.version,
            "data": _MODELS[kind].model_validate(event.data).model_dump_json(),
        }
        for event in events
        if (kind := _KINDS.get(event.type))
    ]
    if rows:
        await connection.execute(insert(tables.registry).on_conflict_do_nothing(), rows)


def _session_key(ended_at: datetime, session: str) -> str:
    """Lead with the time, so that the sessions that still matter are a range of the key."""
    return f"{ended_at.astimezone(UTC):%Y%m%dT%H%M%S}/{session}"


@dataclass(frozen=True)
class _Facts:
    tenants: dict[str, TenantState]
    clients: dict[str, ClientState]
    months: dict[str, tuple[MonthState, ...]]
    origins: frozenset[str]
    ended_sessions: frozenset[str]


class Registry:
    """The registry in memory, over the app role's engine."""

    def __init__(self, engine: AsyncEngine, tables: JournalTables, *, service: str) -> None:
        self._engine = engine
        self._table = tables.registry
        self._service = service
        self._facts = _Facts({}, {}, {}, frozenset(), frozenset())
        self._read_at = float("-inf")
        self._lock = asyncio.Lock()

    async def tenant(self, slug: str) -> TenantState | None:
        """Return the tenant's settings of today, or None if there is no active tenant of that name."""
        await self._refresh(_REFRESH_SECONDS)
        if slug not in self._facts.tenants:
            await self._refresh(_MISS_SECONDS)
        state = self._facts.tenants.get(slug)
        return state if state is not None and state.document.active else None

    async def active_tenants(self) -> list[TenantState]:
        """Return all active tenants with their settings of today."""
        await self._refresh(_REFRESH_SECONDS)
        return [state for state in self._facts.tenants.values() if state.document.active]

    async def client_is_active(self, client_id: str) -> bool:
        """Tell whether the client is registered and not disabled."""
        await self._refresh(_REFRESH_SECONDS)
        if client_id not in self._facts.clients:
            await self._refresh(_MISS_SECONDS)
        state = self._facts.clients.get(client_id)
        return state is not None and state.status == "active"

    async def tenant_of_issuer(self, iss: str) -> TenantState | None:
        """Return the one active tenant whose EHR launches with exactly this `iss`; None if there is none, or more than one."""
        await self._refresh(_REFRESH_SECONDS)
        if not self._launched_by(iss):
            await self._refresh(_MISS_SECONDS)
        found = self._launched_by(iss)
        return found[0] if len(found) == 1 else None

    def _launched_by(self, iss: str) -> list[TenantState]:
        states = self._facts.tenants.values()
        return [state for state in states if state.document.active and iss in state.document.ehr.launch_issuers]

    async def tenant_by_id(self, tenant_id: UUID) -> TenantState | None:
        """Return the active tenant of that id, with its settings of today."""
        await self._refresh(_REFRESH_SECONDS)
        states = self._facts.tenants.values()
        return next((state for state in states if state.tenant_id == str(tenant_id) and state.document.active), None)

    async def session_is_ended(self, session: str, tenant_id: UUID) -> bool:
        """Tell whether access has told that this web session of the tenant ended."""
        del tenant_id  # access itself asks its own table, by tenant
        await self._refresh(_REFRESH_SECONDS)
        return session in self._facts.ended_sessions

    async def closed_month(self, tenant_id: UUID, at: datetime) -> MonthState | None:
        """Return the closed month of the tenant in which the instant `at` lies, or None if that month is open."""
        await self._refresh(_REFRESH_SECONDS)
        for state in self._facts.months.get(str(tenant_id), ()):
            if state.starts_at <= at < state.ends_at:
                return state if state.status == "closed" else None
        return None

    def ehr_origins(self) -> frozenset[str]:
        """Return the origins of all tenants' EHRs: where this process may connect to."""
        return self._facts.origins

    async def _refresh(self, age: float) -> None:
        if time.monotonic() - self._read_at < age:
            return
        async with self._lock:
            if time.monotonic() - self._read_at < age:
                return
            bound = _session_key(datetime.now(UTC) - _SESSION_MATTERS, "")
            table = self._table.c
            query = sa.select(self._table).where(sa.or_(table.kind != "session", table.id > bound))
            async with worker_transaction(self._engine) as connection:
                rows = (await connection.execute(query)).all()
            self._facts = _facts([(row.kind, row.id, row.data) for row in rows])
            self._read_at = time.monotonic()
        REGISTRY_AGE.labels(self._service).set_function(lambda: time.monotonic() - self._read_at)


def _facts(rows: Sequence[tuple[str, str, str]]) -> _Facts:
    today = datetime.now(UTC).date()
    tenants: dict[str, TenantState] = {}
    clients: dict[str, ClientState] = {}
    months: dict[tuple[str, str], MonthState] = {}
    sessions: set[str] = set()
    for kind, key, data in rows:
        if kind == "tenant":
            state = TenantState.model_validate_json(data)
            known = tenants.get(state.document.tenant)
            in_effect = state.document.effective_from <= today
            if known is None or (in_effect and state.version > known.version):
                tenants[state.document.tenant] = state
        elif kind == "client":
            told = ClientState.model_validate_json(data)
            if told.client_id not in clients or told.version > clients[told.client_id].version:
                clients[told.client_id] = told
        elif kind == "session":
            sessions.add(key.partition("/")[2])
        else:
            month_state = MonthState.model_validate_json(data)
            place = (key.split("/")[0], month_state.month)
            if place not in months or month_state.version > months[place].version:
                months[place] = month_state
    by_tenant: dict[str, tuple[MonthState, ...]] = {}
    for (tenant_id, _), month_state in months.items():
        by_tenant[tenant_id] = (*by_tenant.get(tenant_id, ()), month_state)
    connections = [state.document.ehr for state in tenants.values()]
    origins = frozenset(origin_of(url) for ehr in connections for url in (ehr.fhir_base, ehr.token_url, *ehr.launch_issuers))
    further = frozenset(f"https://{host}" for ehr in connections for host in ehr.hosts)
    return _Facts(tenants, clients, by_tenant, origins | further, frozenset(sessions))
