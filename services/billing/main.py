"""The wiring of billing: the app, the relay, the consumers with what runs beside them, and the assembly of a large month."""

import asyncio
import gc
import getpass
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from uuid import UUID, uuid4

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.billing.adapters import feed
from services.billing.adapters.cds import CdsTokenUses
from services.billing.adapters.charges_file import charges_file
from services.billing.adapters.denial_causes import load_denial_causes
from services.billing.adapters.ehr import SCOPE, EhrChart
from services.billing.adapters.ledger_repository import EvidenceRepository
from services.billing.adapters.lesson_files import load_lessons
from services.billing.adapters.overview_list import OverviewList
from services.billing.adapters.reading_list import ReadingList
from services.billing.adapters.rule_book_files import load_rule_book
from services.billing.adapters.rule_book_lint import EDITIONS, lint
from services.billing.adapters.unit_of_work import JOURNAL as JOURNAL
from services.billing.adapters.unit_of_work import BillingUnitOfWork
from services.billing.domain.charge_columns import COLUMNS
from services.billing.domain.remittance import read_remittance
from services.billing.domain.rule_book import RuleBook
from services.billing.entrypoints import (
    cds,
    charges_api,
    described,
    fhir_api,
    overpayments_api,
    provenance_api,
    rest_api,
    rules_api,
)
from services.billing.entrypoints.consumer import handlers
from services.billing.entrypoints.fragments import ROUTERS
from services.billing.settings import read_settings as read_settings
from services.billing.usecases.assemble_month import MonthAssembled, Stretch, assemble_month, decide_stretch
from services.billing.usecases.export_charges import export_charges
from services.billing.usecases.import_remittance import RemittanceImported, import_remittance
from services.billing.usecases.note_patterns import Shown
from services.billing.usecases.read_charts import read_charts
from services.billing.usecases.records import Author
from services.billing.usecases.refresh_evidence import EvidenceRefreshed, refresh_evidence
from services.billing.usecases.refresh_overviews import refresh_overviews, running_months
from services.billing.usecases.replay_decisions import Replayed, replay_decisions
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.clock import Clock, SystemClock
from shared.kernel.errors import NotFound
from shared.messaging.rounds import repeat
from shared.ops.settings import PartSettings
from shared.smart.cds_authenticator import CdsTokenAuthenticator
from shared.smart.cds_tokens import CdsTokenVerifier
from shared.smart.client_keys import ClientKeys
from shared.smart.jwks_fetch import JwksFetcher
from shared.smart.part import Part, build_part, consumers_of, relay_of, seal
from shared.web import app as web
from shared.web.charts import Charts

MIGRATIONS = Path(__file__).parent / "migrations"
HANDLERS = handlers(JOURNAL, EvidenceRepository)

_ROUTERS = (
    fhir_api.router, provenance_api.router, rest_api.router, charges_api.router, overpayments_api.router, rules_api.router,
    cds.router,
)  # fmt: skip
_PUBLISH_SECONDS = 1.0
_READ_SECONDS = 0.5
_DAILY_CHECK_SECONDS = 30.0
_FORGET_SECONDS = 60.0
_DAY = timedelta(days=1)
_LOOK_AT_ONCE = 200
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_AUTHOR = Author("billing", "billing", "background")


class BillingWorld:
    """What all requests share; fills `entrypoints.dependencies.World`."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self.rule_book: RuleBook = load_rule_book()
        self.lessons = load_lessons()
        self.denial_causes = load_denial_causes()
        self.charts = Charts()
        self.clock: Clock = part.clock
        self.wall: Clock = SystemClock()

    def rule_book_of(self, edition: str) -> RuleBook:
        """Return the rule book in force, or a year's draft."""
        return load_rule_book(edition)

    def begin(self, tenant_id: UUID, tenant: str) -> BillingUnitOfWork:
        """Return a new unit of work."""
        return BillingUnitOfWork(self._part.engine, tenant_id, tenant)

    def chart(self, tenant: str) -> EhrChart:
        """Return the tenant's EHR."""
        return EhrChart(self._part.ehr, self._part.registry, tenant)

    async def publish(self, tenant_id: UUID) -> None:
        """Number what was committed."""
        await feed.publish(self._part.engine, tenant_id)

    async def renew_feed(self, tenant_id: UUID) -> UUID:
        """Begin a new epoch of the change feed."""
        return await feed.renew_epoch(self._part.engine, tenant_id)


def create_app(settings: PartSettings) -> FastAPI:
    """Return the app that serves billing; it opens its connections when first used and closes them at the end."""
    part = build_part(settings, JOURNAL, ehr_scope=SCOPE)
    world = BillingWorld(part)
    fetcher = JwksFetcher(dev=settings.dev)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        world.charts.close()
        await fetcher.close()
        await part.close()

    return web.create_app(
        service=settings.service,
        title="Careledger billing",
        routers=(*_ROUTERS, *ROUTERS),
        authenticator=part.authenticator,
        cds_authenticator=CdsTokenAuthenticator(
            CdsTokenVerifier(ClientKeys(fetcher)), part.registry, CdsTokenUses(part.engine), public_url=settings.public_url
        ),
        limiter=part.limiter,
        audit=part.audit,
        audit_log=part.audit_log,
        lifespan=lifespan,
        about=described.ABOUT,
        world=world,
        registry=part.registry,
        public_url=settings.public_url,
        search_parameters={"ChargeItem": (*fhir_api.SEARCH_PARAMETERS, fhir_api.FEED_PARAMETER), "Provenance": ()},
    )


async def run_relay(settings: PartSettings) -> None:
    """Publish what the journal has not published, and number what the feed has not numbered, for ever."""
    async with relay_of(settings, JOURNAL) as relay, asyncio.TaskGroup() as tasks:
        tasks.create_task(relay.run())
        tasks.create_task(repeat("feed numbering", _PUBLISH_SECONDS, partial(_number_feeds, relay.engine)))


async def run_sealer(settings: PartSettings) -> None:
    """Seal the journal for ever."""
    await seal(settings)


async def run_consumer(settings: PartSettings) -> None:
    """Take in the events that billing needs, and read the charts that they ask for, for ever."""
    part = build_part(settings, JOURNAL, ehr_scope=SCOPE, worker=True)
    reading, overviews = ReadingList(part.engine, JOURNAL), OverviewList(part.engine)
    world = BillingWorld(part)
    try:
        async with consumers_of(settings, JOURNAL, part.engine, HANDLERS) as consumers, asyncio.TaskGroup() as tasks:
            for consumer in consumers:
                tasks.create_task(consumer.run())
            tasks.create_task(repeat("charts due", _READ_SECONDS, partial(read_due, reading, world)))
            tasks.create_task(repeat("daily reading", _DAILY_CHECK_SECONDS, daily(reading, world, overviews)))
            tasks.create_task(repeat("overviews", _READ_SECONDS, partial(look_again, reading, overviews, world)))
            tasks.create_task(repeat("tokens of CDS clients", _FORGET_SECONDS, CdsTokenUses(part.engine).forget))
    finally:
        await part.close()


async def _number_feeds(engine: AsyncEngine) -> int:
    await feed.publish_all(engine)
    return 0


async def read_due(reading: ReadingList, world: BillingWorld) -> int:
    """Read the charts that events asked for; return how many the EHR did not give (they stay on the list)."""
    unanswered = 0
    for due in await reading.due():
        missing = await read_charts(
            patients=[due.patient],
            asked_at=due.asked_at,
            chart=world.chart(due.tenant),
            begin=partial(world.begin, due.tenant_id, due.tenant),
            author=_AUTHOR,
            clock=world.clock,
            wall=world.wall,
        )
        unanswered += missing
        if not missing:
            await reading.done(due)
    return unanswered


async def look_again(reading: ReadingList, overviews: OverviewList, world: BillingWorld) -> int:
    """Look anew at the patient-months of which something has changed, a chunk of patients a transaction."""
    slugs = dict(await reading.tenants())
    for due in await overviews.due(list(slugs)):
        oversee = partial(world.begin, due.tenant_id, slugs[due.tenant_id])
        at = world.clock.now()
        try:
            months = [due.month] if due.month else await running_months(oversee=oversee, at=at)
            for month, start in product(months, range(0, len(due.patients), _LOOK_AT_ONCE)):
                chunk = due.patients[start : start + _LOOK_AT_ONCE]
                await refresh_overviews(month=month, patients=chunk, oversee=oversee, rule_book=world.rule_book, at=at)
        except NotFound:
            continue  # the practice's settings are still on their way
        await overviews.done(due)
    return 0


def daily(reading: ReadingList, world: BillingWorld, overviews: OverviewList) -> Callable[[], Awaitable[int]]:
    """Return a round that reads each tenant's charts and enrolment once a day, and a new tenant's when it is first seen."""
    read_at: dict[UUID, datetime] = {}

    async def round_() -> int:
        for tenant_id, tenant in await reading.tenants():
            now = world.wall.now()
            if now - read_at.get(tenant_id, _LONG_AGO) >= _DAY:
                read_at[tenant_id] = now
                await _refresh(world, tenant_id, tenant)
                await overviews.ask_for_all(tenant_id)
        return 0

    return round_


def lint_rules(cases: Path | None = None) -> list[str]:
    """Return what is wrong with the rule book's files, adopted and drafts, and with `cases` which rule has none."""
    return [problem for edition in EDITIONS for problem in lint(edition, cases=cases if not edition else None)]


async def replay_for(settings: PartSettings, tenant: str, month: str, edition: str) -> Replayed:
    """Compute the stored decisions of `month` (YYYY-MM) of `tenant` again, by the rule book in force or a year's draft."""
    async with _practice(settings, tenant) as at:
        return await replay_decisions(
            month=CalendarMonth.parse(month),
            begin=at.begin,
            rule_book=at.world.rule_book_of(edition),
            by_another=bool(edition),
        )


async def assemble_for(
    settings: PartSettings, tenant: str, month: str, *, workers: int = 1
) -> tuple[EvidenceRefreshed, MonthAssembled]:
    """Read the charts and assemble `month` (YYYY-MM) of `tenant`, as `careledger months assemble` does.

    By the worker role. More than one of `workers` share the patients, each in its own process. A chunk of patients is kept as
    soon as it is decided, so a run that was cut off is run again. NotFound for a tenant that is not known here.
    """
    async with _practice(settings, tenant) as at:
        refreshed = await _refresh(at.world, at.tenant_id, tenant)
        with _collector_off():
            assembled = await assemble_month(
                month=CalendarMonth.parse(month),
                tenant_id=at.tenant_id,
                begin=at.begin,
                rule_book=at.world.rule_book,
                author=_AUTHOR,
                clock=at.world.clock,
                workers=workers,
                elsewhere=partial(decide_at_once, settings, tenant, month) if workers > 1 else None,
            )
        return refreshed, assembled


async def decide_at_once(
    settings: PartSettings, tenant: str, month: str, stretches: Sequence[Stretch]
) -> Sequence[tuple[Shown, MonthAssembled]]:
    """Decide stretches of a month, each in a process of its own; BrokenProcessPool if one of them dies."""
    with ProcessPoolExecutor(len(stretches), mp_context=get_context("spawn")) as pool:
        loop = asyncio.get_running_loop()
        return await asyncio.gather(*(loop.run_in_executor(pool, _alone, settings, tenant, month, one) for one in stretches))


def _alone(settings: PartSettings, tenant: str, month: str, stretch: Stretch) -> tuple[Shown, MonthAssembled]:
    async def decided() -> tuple[Shown, MonthAssembled]:
        async with _practice(settings, tenant) as at:
            return await decide_stretch(
                stretch,
                month=CalendarMonth.parse(month),
                tenant_id=at.tenant_id,
                begin=at.begin,
                rule_book=at.world.rule_book,
                author=_AUTHOR,
                clock=at.world.clock,
            )

    with _collector_off():
        return asyncio.run(decided())


async def export_for(
    settings: PartSettings, tenant: str, *, month: str | None, since: str | None, amounts: bool, folder: Path
) -> Path:
    """Write charges of `tenant` as a file with its control file into `folder`; return the control file's path.

    The billable charges of `month` (YYYY-MM), or all that changed after the feed's position `since`. Each file is named after
    what it holds: the same charges again are the same file.
    """
    async with _practice(settings, tenant) as at:
        await at.world.publish(at.tenant_id)
        with charges_file(folder) as file:
            file.write([COLUMNS])
            done = await export_charges(
                month=CalendarMonth.parse(month) if month else None,
                since=since,
                amounts=amounts,
                write=file.write,
                begin=at.begin,
                author=_operator(),
                clock=at.world.clock,
            )
            number = done.feed_position.rpartition(".")[2]
            name = f"charges-{tenant}-{month or (since or '0').rpartition('.')[2]}-{number}"
            return file.finish(name, {"tenant": tenant, "month": month, "since": since} | done.control)


async def import_remits_for(settings: PartSettings, tenant: str, data: bytes) -> RemittanceImported:
    """Take in a file of payers' decisions on the claim lines of `tenant`; RemittanceInvalid, nothing stored, for a bad file."""
    lines, source = read_remittance(data), f"remittance/{hashlib.sha256(data).hexdigest()}"
    async with _practice(settings, tenant) as at:
        return await import_remittance(lines=lines, source=source, begin=at.begin, author=_operator(), clock=at.world.clock)


@dataclass(frozen=True)
class _Practice:
    """One tenant, and what an operator's command works with."""

    tenant_id: UUID
    tenant: str
    world: BillingWorld

    def begin(self) -> BillingUnitOfWork:
        """Return a new unit of work."""
        return self.world.begin(self.tenant_id, self.tenant)


@asynccontextmanager
async def _practice(settings: PartSettings, tenant: str) -> AsyncIterator[_Practice]:
    """Open the billing of one tenant by the worker role; NotFound if it is not known here."""
    part = build_part(settings, JOURNAL, ehr_scope=SCOPE, worker=True)
    try:
        state = await part.registry.tenant(tenant)
        if state is None:
            raise NotFound(f"there is no tenant {tenant}")
        yield _Practice(UUID(state.tenant_id), tenant, BillingWorld(part))
    finally:
        await part.close()


def _operator() -> Author:
    return Author(f"operator:{getpass.getuser()}", "careledger", str(uuid4()))


@contextmanager
def _collector_off() -> Iterator[None]:
    """Keep the garbage collector from walking a chunk's facts again and again: they hold no cycles, and it doubles the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def renew_feed(settings: PartSettings, tenant: str) -> UUID:
    """Begin a new epoch of the tenant's change feed after a restore: positions given before get a 410."""
    async with _practice(settings, tenant) as at:
        return await at.world.renew_feed(at.tenant_id)


async def _refresh(world: BillingWorld, tenant_id: UUID, tenant: str) -> EvidenceRefreshed:
    return await refresh_evidence(
        chart=world.chart(tenant),
        begin=partial(world.begin, tenant_id, tenant),
        author=_AUTHOR,
        clock=world.clock,
        wall=world.wall,
    )
