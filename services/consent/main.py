"""The wiring of consent: the app, the relay and the consumers, each from settings."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from fastapi import FastAPI

from services.consent.adapters import chart
from services.consent.adapters.ehr import SCOPE, EhrPatients
from services.consent.adapters.filing_list import FilingsOfAll, note_filings
from services.consent.adapters.told import note_charts, note_staff
from services.consent.adapters.unit_of_work import JOURNAL as JOURNAL
from services.consent.adapters.unit_of_work import ConsentUnitOfWork
from services.consent.entrypoints import described, fhir_api, provenance_api, rest_api
from services.consent.entrypoints.consumer import handlers
from services.consent.entrypoints.fragments import ROUTERS, paper
from services.consent.settings import read_settings as read_settings
from services.consent.usecases.file_consent import file_due
from services.consent.usecases.ports import World
from shared.kernel.clock import SystemClock
from shared.messaging.rounds import repeat
from shared.ops.settings import PartSettings
from shared.smart.part import build_part, consumers_of, relay_of, seal
from shared.web import app as web

MIGRATIONS = Path(__file__).parent / "migrations"
HANDLERS = handlers(JOURNAL, note_charts, note_staff, note_filings)

_FILING_SECONDS = 1.0


def create_app(settings: PartSettings) -> FastAPI:
    """Return the app that serves consent; it opens its connections when first used and closes them at the end."""
    part = build_part(settings, JOURNAL, ehr_scope=SCOPE)
    begin = partial(ConsentUnitOfWork, part.engine)
    patients = EhrPatients(part.engine, part.ehr, part.registry, part.clock)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await part.close()

    return web.create_app(
        service=settings.service,
        title="Careledger consent",
        routers=(fhir_api.router, provenance_api.router, rest_api.router, *ROUTERS),
        authenticator=part.authenticator,
        limiter=part.limiter,
        audit=part.audit,
        audit_log=part.audit_log,
        lifespan=lifespan,
        about=described.ABOUT,
        uploads="/app/consent/documents",
        world=World(begin, patients, part.registry, part.clock),
        read=begin,
        registry=part.registry,
        public_url=settings.public_url,
        search_parameters={"Consent": fhir_api.SEARCH_PARAMETERS, "Provenance": ()},
    )


async def run_relay(settings: PartSettings) -> None:
    """Publish what the journal has not published, for ever."""
    async with relay_of(settings, JOURNAL) as relay:
        await relay.run()


async def run_sealer(settings: PartSettings) -> None:
    """Seal the journal for ever."""
    await seal(settings)


async def run_consumer(settings: PartSettings) -> None:
    """Take in the events that consent needs, and file in charts what waits for it, for ever."""
    part = build_part(settings, JOURNAL, ehr_scope=chart.SCOPE, worker=True)
    file = partial(
        file_due,
        filings=FilingsOfAll(part.engine, part.registry, clock=part.clock, wall=SystemClock()),
        begin=partial(ConsentUnitOfWork, part.engine),
        chart=chart.EhrCharts(part.ehr, part.registry),
        writer=paper,
    )
    try:
        async with consumers_of(settings, JOURNAL, part.engine, HANDLERS) as consumers, asyncio.TaskGroup() as tasks:
            for consumer in consumers:
                tasks.create_task(consumer.run())
            tasks.create_task(repeat("filing in charts", _FILING_SECONDS, file))
    finally:
        await part.close()
