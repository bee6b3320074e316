"""What access's three customers are made of alike: engines, registry, authenticator, EHR sign-in, relay and consumers."""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.db.audit_writer import AuditWriter
from shared.db.engine import make_engine
from shared.db.journal import JournalTables
from shared.db.sealing import Sealer
from shared.kernel.clock import Clock
from shared.messaging.broker import connect
from shared.messaging.consumer import Consumer, Handler
from shared.messaging.relay import Relay
from shared.ops.clock import clock_for
from shared.ops.egress import make_http
from shared.ops.environment import SettingMissing
from shared.ops.settings import PartSettings
from shared.smart.authenticator import TokenAuthenticator
from shared.smart.checkpoints import CheckpointFolder
from shared.smart.ehr_tokens import EhrTokens
from shared.smart.keys import KeySource
from shared.smart.registry import Registry
from shared.smart.tokens import TokenVerifier
from shared.web.audit import RequestAudit
from shared.web.audit_page import AuditReading
from shared.web.rate_limit import RateLimiter

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Part:
    """The common parts of one running service; `close` ends its connections."""

    settings: PartSettings
    tables: JournalTables
    clock: Clock
    engine: AsyncEngine
    registry: Registry
    authenticator: TokenAuthenticator
    limiter: RateLimiter
    audit: RequestAudit
    audit_log: AuditReading
    http: httpx.AsyncClient
    ehr: EhrTokens

    async def close(self) -> None:
        """Close what is open."""
        await self.http.aclose()
        await self.audit.close()
        await self.engine.dispose()


def build_part(settings: PartSettings, tables: JournalTables, *, ehr_scope: str, worker: bool = False) -> Part:
    """Build the parts; `worker` connects by the worker role (consumers, relays), else by the app role."""
    url = settings.worker_database_url if worker else settings.database_url
    engine = make_engine(url, name=f"careledger-{settings.service}")
    registry = Registry(engine, tables, service=settings.service)
    verifier = TokenVerifier(KeySource(settings.jwks), issuer=settings.public_url)
    http = make_http(registry.ehr_origins)
    clock = clock_for(dev=settings.dev, file=settings.clock_file)
    return Part(
        settings=settings,
        tables=tables,
        clock=clock,
        engine=engine,
        registry=registry,
        authenticator=TokenAuthenticator(verifier, registry, public_url=settings.public_url),
        limiter=limiter_of(settings),
        audit_log=AuditReading(engine, tables, registry.tenant),
        audit=RequestAudit(AuditWriter(audit_engine(settings), clock), registry.tenant),
        http=http,
        ehr=EhrTokens(http, settings.ehr_key_file, scope=ehr_scope),
    )


def audit_engine(settings: PartSettings) -> AsyncEngine:
    """Return the engine by which a part's requests are recorded."""
    return make_engine(settings.database_url, name=f"careledger-{settings.service}-audit", size=2)


def limiter_of(settings: PartSettings) -> RateLimiter:
    """Return what counts the requests of a part's clients."""
    return RateLimiter(requests=settings.requests_per_minute, points=settings.points_per_minute, replicas=settings.replicas)


@asynccontextmanager
async def relay_of(settings: PartSettings, tables: JournalTables) -> AsyncIterator[Relay]:
    """Yield the relay of a part, connected."""
    engine = make_engine(settings.worker_database_url, name=f"careledger-{settings.service}-relay", size=3)
    broker = await connect(settings.nats_url, name=f"{settings.service}-relay")
    try:
        yield Relay(settings.service, engine, tables, broker.jetstream())
    finally:
        await broker.close()
        await engine.dispose()


async def seal(settings: PartSettings) -> None:
    """Seal a part's journal for ever, and sign its checkpoints into their folder."""
    engine = make_engine(settings.worker_database_url, name=f"careledger-{settings.service}-sealer", size=2)
    folder = None
    if settings.checkpoints is not None:
        folder = CheckpointFolder(settings.service, settings.checkpoints, settings.ehr_key_file)
    else:
        _log.warning("no folder for checkpoints: set CARELEDGER_CHECKPOINTS", extra={"service": settings.service})
    try:
        await Sealer(settings.service, engine, folder).run()
    finally:
        await engine.dispose()


async def seal_now(settings: PartSettings) -> int:
    """Seal what waits in a part's journal and sign a checkpoint of each log; return how many rows were sealed."""
    if settings.checkpoints is None:
        raise SettingMissing("set CARELEDGER_CHECKPOINTS: the folder outside the database into which checkpoints are signed")
    engine = make_engine(settings.worker_database_url, name=f"careledger-{settings.service}-sealer", size=2)
    folder = CheckpointFolder(settings.service, settings.checkpoints, settings.ehr_key_file, waits=True)
    try:
        sealer = Sealer(settings.service, engine, folder)
        for tenant_id in await sealer.tenants():
            folder.ask(tenant_id)
        return await sealer.round()
    finally:
        await engine.dispose()


@asynccontextmanager
async def consumers_of(
    settings: PartSettings, tables: JournalTables, engine: AsyncEngine, handlers: Mapping[str, Handler]
) -> AsyncIterator[list[Consumer]]:
    """Yield the consumers of a part, connected: `handlers` by the name of the producing service."""
    broker = await connect(settings.nats_url, name=f"{settings.service}-consumer")
    try:
        jetstream = broker.jetstream()
        yield [Consumer(settings.service, producer, engine, tables, jetstream, handle) for producer, handle in handlers.items()]
    finally:
        await broker.close()
