"""Access's wiring: the app, its relay, and what the administrator's commands do."""

import asyncio
import getpass
import json
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.access.adapters.assertions import JwtAssertions
from shared.access.adapters.capability_files import read_capabilities
from shared.access.adapters.ehr_app import HttpEhrApp
from shared.access.adapters.ehr_reading import FhirEhrReader
from shared.access.adapters.framing_notes import FramingNotes
from shared.access.adapters.key_vault import KeyFolder
from shared.access.adapters.launch_records import LaunchWork
from shared.access.adapters.session_registry import AccessRegistry
from shared.access.adapters.signer import TokenSigner
from shared.access.adapters.smart_scopes import SmartScopes
from shared.access.adapters.staff_list import record_staff
from shared.access.adapters.static_files import StaticFiles
from shared.access.adapters.tenant_file import read_tenant_file
from shared.access.adapters.tenants import RegisteredTenants
from shared.access.adapters.unit_of_work import JOURNAL, AdminWork, TokenWork
from shared.access.adapters.vault import Vault, open_vault
from shared.access.domain.client import KeySet
from shared.access.entrypoints import (
    app_door,
    described,
    discovery_api,
    drafts_api,
    framing_api,
    launch_api,
    session_api,
    token_api,
)
from shared.access.entrypoints.app_door import AppDoor
from shared.access.entrypoints.client_guide import client_guide
from shared.access.entrypoints.dependencies import FrontDoor
from shared.access.settings import AccessSettings, read_settings
from shared.access.usecases.apply_tenant import apply_tenant
from shared.access.usecases.begin_launch import begin_launch
from shared.access.usecases.check_tenant import check_tenant as look_at_tenant
from shared.access.usecases.complete_launch import CompletedLaunch, EhrAnswer, complete_launch
from shared.access.usecases.disable_client import disable_client as disable
from shared.access.usecases.end_session import end_if_stale, end_session
from shared.access.usecases.issue_token import IssuedToken, TokenPlace, TokenRequest, issue_token
from shared.access.usecases.list_clients import list_clients as all_clients
from shared.access.usecases.open_page import PageIssuer, Refreshes, open_page
from shared.access.usecases.ports import Author
from shared.access.usecases.publish_jwks import publish_jwks
from shared.access.usecases.register_client import register_client
from shared.access.usecases.rotate_keys import rotate_keys
from shared.contracts.tenant import TenantState
from shared.db.audit_writer import AuditWriter
from shared.db.engine import make_engine
from shared.kernel.clock import Clock, SystemClock
from shared.ops.cancellation import end_if_cancelled
from shared.ops.clock import clock_for
from shared.ops.egress import make_http
from shared.smart.authenticator import TokenAuthenticator
from shared.smart.client_keys import ClientKeys, check_jwks
from shared.smart.ehr_tokens import load_key
from shared.smart.jwks_fetch import JwksFetcher, check_key_url
from shared.smart.keys import KeySource
from shared.smart.part import audit_engine, consumers_of, limiter_of, relay_of, seal
from shared.smart.registry import Registry
from shared.smart.tokens import TokenVerifier
from shared.web.app import create_app as create_part
from shared.web.audit import RequestAudit
from shared.web.audit_page import AuditReading, log_router, page_router
from shared.web.pages import Pages
from shared.web.rate_limit import RateLimiter
from shared.web.routes import fhir_base

__all__ = [
    "HANDLERS", "JOURNAL", "MIGRATIONS", "add_client", "apply_tenant_file", "check_tenant", "create_app", "disable_client",
    "list_clients",
    "read_settings", "rotate", "run_consumer", "run_relay", "run_sealer",
]  # fmt: skip

MIGRATIONS = Path(__file__).parent / "migrations"
HANDLERS = {"timetrack": record_staff}
_REAL_TIME = SystemClock()
_REPUBLISH_SECONDS = 600
_log = logging.getLogger(__name__)


def create_app(settings: AccessSettings) -> FastAPI:
    """Build the app; its start makes the first signing key and fails, with a plain message, if a capability file is missing."""
    engine = make_engine(settings.database_url, name="careledger-access")
    registry = AccessRegistry(engine, JOURNAL, service="access")
    audit = RequestAudit(AuditWriter(audit_engine(settings), _domain_clock(settings)), registry.tenant)
    files = StaticFiles()
    verifier = TokenVerifier(KeySource(settings.jwks), issuer=settings.public_url)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        fetcher = JwksFetcher(dev=settings.dev)
        http = make_http(registry.ehr_origins)
        try:
            async with _administration(settings) as uow:
                vault = _vault(settings)
                author = Author("access", str(uuid4()))
                await rotate_keys(vault=vault, uow=uow, clock=_REAL_TIME, author=author, only_if_none=True)
                await publish_jwks(vault=vault, uow=uow, clock=_REAL_TIME)
            signer = TokenSigner(engine, _vault(settings))
            app.state.front_door = _front_door(settings, engine, registry, fetcher, signer)
            app.state.app_door = _app_door(
                settings, engine, registry, http=http, vault=await open_vault(settings.key_folder), signer=signer, files=files
            )
            yield
        finally:
            await http.aclose()
            await fetcher.close()
            await audit.close()
            await engine.dispose()

    return create_part(
        service="access",
        title="Careledger access",
        routers=(
            token_api.router,
            discovery_api.keys_router,
            discovery_api.smart_router,
            discovery_api.fhir_router,
            launch_api.router,
            framing_api.router,
            session_api.router,
            drafts_api.router,
            page_router(),
            log_router("access"),
        ),
        authenticator=TokenAuthenticator(verifier, registry, public_url=settings.public_url),
        limiter=limiter_of(settings),
        audit=audit,
        audit_log=AuditReading(engine, JOURNAL, registry.tenant),
        lifespan=lifespan,
        about=described.ABOUT,
        static_files=files,
    )


def _front_door(
    settings: AccessSettings, engine: AsyncEngine, registry: Registry, fetcher: JwksFetcher, signer: TokenSigner
) -> FrontDoor:
    def uow() -> TokenWork:
        return TokenWork(engine)

    assertions = JwtAssertions(uow, ClientKeys(fetcher))
    tenants = RegisteredTenants(registry)
    limiter = RateLimiter(requests=settings.tokens_per_minute, replicas=settings.replicas)

    def count(client: str) -> None:
        limiter.take("", client, points=0)

    async def issue(request: TokenRequest, place: TokenPlace) -> IssuedToken:
        return await issue_token(
            request=request,
            place=place,
            assertions=assertions,
            tenants=tenants,
            scopes=SmartScopes(),
            signer=signer,
            count=count,
            uow=uow,
            clock=_REAL_TIME,
        )

    async def public_jwks() -> str:
        return await signer.jwks(_REAL_TIME.now())

    ehr_key = load_key(settings.ehr_key_file)
    ehr_jwk = ehr_key.as_dict(private=False, kid=str(ehr_key.kid), use="sig")
    return FrontDoor(
        public_url=settings.public_url,
        clock=_REAL_TIME,
        issue_token=issue,
        public_jwks=public_jwks,
        ehr_client_jwks=json.dumps({"keys": [ehr_jwk]}, sort_keys=True),
        resources=read_capabilities(settings.capability_folder),
    )


def _app_door(
    settings: AccessSettings,
    engine: AsyncEngine,
    registry: Registry,
    *,
    http: httpx.AsyncClient,
    vault: Vault,
    signer: TokenSigner,
    files: StaticFiles,
) -> AppDoor:
    def begin(tenant: TenantState) -> LaunchWork:
        return LaunchWork(engine, vault, tenant)

    ehr = HttpEhrApp(http, settings.ehr_key_file, redirect_uri=f"{settings.public_url}/callback", dev=settings.dev)
    pages = PageIssuer(settings.public_url, signer, _REAL_TIME)
    place: dict[str, Any] = {"directory": registry, "begin": begin}
    reader, refreshes = FhirEhrReader(http), Refreshes(ehr, begin)

    async def complete(answer: EhrAnswer, proofs: Sequence[str | None]) -> CompletedLaunch:
        return await complete_launch(answer=answer, proofs=proofs, app=ehr, reader=reader, pages=pages, clock=_REAL_TIME, **place)

    return AppDoor(
        public_url=settings.public_url,
        directory=registry,
        begin=begin,
        begin_launch=lambda iss, launch: begin_launch(iss=iss, launch=launch, app=ehr, **place),
        complete_launch=complete,
        open_page=lambda launch_id, handle: open_page(
            launch_id=launch_id, handle=handle, refreshes=refreshes, pages=pages, **place
        ),
        end_session=lambda launch_id, handle: end_session(launch_id=launch_id, handle=handle, reason="signed-out", **place),
        end_if_stale=lambda launch_id, handle, present: end_if_stale(
            launch_id=launch_id, handle=handle, present=present, **place
        ),
        framings=FramingNotes(engine),
        pages=Pages(Path(app_door.__file__).parent / "templates"),
        assets=files,
    )


async def run_relay(settings: AccessSettings) -> None:
    """Publish access's events, and let retired signing keys drop out of the published set, until cancelled."""
    async with relay_of(settings, JOURNAL) as relay, asyncio.TaskGroup() as tasks:
        tasks.create_task(relay.run())
        tasks.create_task(_keep_published(settings))


async def run_consumer(settings: AccessSettings) -> None:
    """Take in the staff lists that timetrack tells, until cancelled."""
    engine = make_engine(settings.worker_database_url, name="careledger-access-consumer", size=3)
    try:
        async with consumers_of(settings, JOURNAL, engine, HANDLERS) as consumers, asyncio.TaskGroup() as tasks:
            for consumer in consumers:
                tasks.create_task(consumer.run())
    finally:
        await engine.dispose()


async def run_sealer(settings: AccessSettings) -> None:
    """Seal the journal until cancelled."""
    await seal(settings)


async def _keep_published(settings: AccessSettings) -> None:
    while True:
        try:
            async with _administration(settings) as uow:
                await publish_jwks(vault=_vault(settings), uow=uow, clock=_REAL_TIME)
        except (DBAPIError, OSError, TimeoutError) as error:
            _log.warning("signing keys are published again later", extra={"service": "access", "error": type(error).__name__})
        end_if_cancelled()
        await asyncio.sleep(_REPUBLISH_SECONDS)


async def apply_tenant_file(settings: AccessSettings, path: Path) -> str:
    """Apply a tenant's YAML document; return what changed, line by line."""
    document = await asyncio.to_thread(read_tenant_file, path, dev=settings.dev)
    async with _administration(settings) as uow:
        change = await apply_tenant(document=document, uow=uow, clock=_domain_clock(settings), author=_operator())
    if not change.difference:
        return f"{change.tenant}: nothing changes, version {change.version} stands"
    return f"{change.difference}\n{change.tenant}: version {change.version} counts from {document.effective_from}"


async def check_tenant(settings: AccessSettings, slug: str) -> tuple[str, bool]:
    """Return what is found at a practice's EHR and around our frames, and whether all is well."""
    engine = make_engine(settings.worker_database_url, name="careledger-access-check", size=1)
    registry = AccessRegistry(engine, JOURNAL, service="access")
    await registry.active_tenants()  # where we may connect to
    http = make_http(registry.ehr_origins)
    app = HttpEhrApp(http, settings.ehr_key_file, redirect_uri=f"{settings.public_url}/callback", dev=settings.dev)
    try:
        async with _administration(settings) as uow:
            lines, well = await look_at_tenant(
                slug=slug, uow=uow, app=app, framings=FramingNotes(engine).of, public_url=settings.public_url
            )
    finally:
        await http.aclose()
        await engine.dispose()
    return "\n".join(lines), well


async def add_client(
    settings: AccessSettings,
    *,
    client_id: str,
    name: str,
    tenants: Iterable[str],
    scope: str,
    jwks: str | None = None,
    jwks_url: str | None = None,
) -> str:
    """Register a client by its public keys (a JWKS document, or the https address of one); return how it signs in."""
    slugs = list(tenants)
    if jwks is not None:
        keys = KeySet(jwks=check_jwks(jwks))
    else:
        keys = KeySet(jwks_url=str(check_key_url(jwks_url or "", dev=settings.dev)))
    async with _administration(settings) as uow:
        client = await register_client(
            client_id=client_id,
            name=name,
            keys=keys,
            grants={slug: scope.split() for slug in slugs},
            scopes=SmartScopes(),
            uow=uow,
            clock=_domain_clock(settings),
            author=_operator(),
        )
    first = json.loads(keys.jwks)["keys"][0] if keys.jwks else {"kty": "RSA", "kid": "KID-OF-YOUR-KEY"}
    guides = [
        client_guide(
            client=client_id,
            kid=first["kid"],
            alg="RS384" if first["kty"] == "RSA" else "ES384",
            token_url=token_api.token_url(settings.public_url, slug),
            whoami_url=f"{settings.public_url}/t/{slug}/auth/whoami",
            scope=scope,
        )
        for slug in slugs[:1]
    ]
    base = "".join(f"\n{slug}: {fhir_base(settings.public_url, slug)}" for slug in slugs)
    return "\n\n".join([f"{client_id} is registered, version {client.version}{base}", *guides])


async def disable_client(settings: AccessSettings, *, client_id: str) -> str:
    """Disable a client for good; return a line that says so."""
    async with _administration(settings) as uow:
        done = await disable(client_id=client_id, uow=uow, clock=_domain_clock(settings), author=_operator())
    return f"{client_id} is disabled everywhere within 30 seconds" if done else f"{client_id} was disabled before"


async def list_clients(settings: AccessSettings) -> str:
    """Return one line for each client and tenant: id, status, tenant, scopes, name."""
    async with _administration(settings) as uow:
        clients = await all_clients(uow=uow)
    lines = [
        f"{client.client_id}\t{client.status}\t{slug}\t{' '.join(scopes)}\t{client.name}"
        for client in clients
        for slug, scopes in (client.grants or {"-": ("-",)}).items()
    ]
    return "\n".join(lines) or "no client is registered"


async def rotate(settings: AccessSettings) -> str:
    """Publish the next signing key; return when it begins to sign."""
    vault = _vault(settings)
    async with _administration(settings) as uow:
        key = await rotate_keys(vault=vault, uow=uow, clock=_REAL_TIME, author=_operator())
        await publish_jwks(vault=vault, uow=uow, clock=_REAL_TIME)
    assert key is not None
    return f"{key.kid} is published and signs from {key.activates_at.isoformat(timespec='seconds')}"


@asynccontextmanager
async def _administration(settings: AccessSettings) -> AsyncIterator[AdminWork]:
    engine = make_engine(settings.worker_database_url, name="careledger-access-administration", size=1)
    try:
        yield AdminWork(engine)
    finally:
        await engine.dispose()


def _vault(settings: AccessSettings) -> KeyFolder:
    return KeyFolder(settings.key_folder, jwks=settings.jwks)


def _domain_clock(settings: AccessSettings) -> Clock:
    return clock_for(dev=settings.dev, file=settings.clock_file)


def _operator() -> Author:
    return Author(f"operator:{getpass.getuser()}", str(uuid4()))
