"""The wiring of timetrack: its app, its relay, its consumer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from services.timetrack.adapters.charts import note_charts
from services.timetrack.adapters.consent_notes import note_consent_states
from services.timetrack.adapters.ehr import SCOPE, EhrPatients
from services.timetrack.adapters.unit_of_work import JOURNAL as JOURNAL
from services.timetrack.adapters.unit_of_work import TimetrackUnitOfWork
from services.timetrack.entrypoints import described, fhir_api, provenance_api, roster_api, timer_api
from services.timetrack.entrypoints.consumer import handlers
from services.timetrack.entrypoints.fragments import ROUTERS
from services.timetrack.settings import read_settings as read_settings
from services.timetrack.usecases.ports import Practice
from shared.db.engine import make_engine
from shared.ops.settings import PartSettings
from shared.smart.part import build_part, consumers_of, relay_of, seal
from shared.web.app import create_app as create_web_app

MIGRATIONS = Path(__file__).parent / "migrations"
HANDLERS = handlers(JOURNAL, note_consent_states, note_charts)


def create_app(settings: PartSettings) -> FastAPI:
    """Return the app; it opens connections when asked and closes them at the end of its lifespan."""
    part = build_part(settings, JOURNAL, ehr_scope=SCOPE)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await part.close()

    def unit_of_work(practice: Practice) -> TimetrackUnitOfWork:
        return TimetrackUnitOfWork(part.engine, practice)

    return create_web_app(
        service="timetrack",
        title="Careledger timetrack",
        routers=(fhir_api.router, provenance_api.router, timer_api.router, roster_api.router, *ROUTERS),
        authenticator=part.authenticator,
        limiter=part.limiter,
        audit=part.audit,
        audit_log=part.audit_log,
        lifespan=lifespan,
        about=described.ABOUT,
        registry=part.registry,
        clock=part.clock,
        unit_of_work=unit_of_work,
        patients=EhrPatients(part.engine, part.ehr, part.registry, part.clock),
        public_url=settings.public_url,
        search_parameters={"Task": fhir_api.PARAMETERS, "Provenance": ()},
    )


async def run_relay(settings: PartSettings) -> None:
    """Publish the journal's events for ever."""
    async with relay_of(settings, JOURNAL) as relay:
        await relay.run()


async def run_sealer(settings: PartSettings) -> None:
    """Seal the journal for ever."""
    await seal(settings)


async def run_consumer(settings: PartSettings) -> None:
    """Take in the others' events for ever."""
    engine = make_engine(settings.worker_database_url, name="careledger-timetrack-consumer", size=3)
    try:
        taking = consumers_of(settings, JOURNAL, engine, HANDLERS)
        async with taking as consumers, asyncio.TaskGroup() as tasks:
            for consumer in consumers:
                tasks.create_task(consumer.run())
    finally:
        await engine.dispose()
