"""The four parts of a deployment, each by its `main`: what the command line, the embedded default and the tests start."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from sqlalchemy.engine import make_url

import services.billing.main
import services.consent.main
import services.timetrack.main
import shared.access.main
from shared.db.engine import make_engine
from shared.db.journal import JournalTables
from shared.db.provision import check, create_database, migrate
from shared.db.transaction import worker_transaction
from shared.messaging.consumer import Handler, retry_dead_letters
from shared.messaging.relay import refill
from shared.messaging.wire import stream_of
from shared.ops.environment import Environment
from shared.ops.settings import PartSettings

Task = Callable[[Any], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class RunnablePart:
    """One part: how it reads its settings, serves, relays, consumes and seals, and where its migrations are."""

    name: str
    read_settings: Callable[[Environment], Any]
    create_app: Callable[[Any], FastAPI]
    tasks: dict[str, Task]
    tables: JournalTables
    migrations: Path
    handlers: Mapping[str, Handler] = field(default_factory=dict)

    def app(self, environment: Environment) -> FastAPI:
        """Return the part's app."""
        return self.create_app(self.read_settings(environment))

    def background_tasks(self, environment: Environment) -> dict[str, Coroutine[Any, Any, None]]:
        """Return what runs beside the app, by name: relay, consumer, sealer."""
        return {name: task(self.read_settings(environment)) for name, task in self.tasks.items()}

    def migrate(self, environment: Environment) -> None:
        """Create the part's roles and database where they are missing and bring its schema to the newest revision."""
        admin, database = environment.text("DATABASE_URL"), self.database(environment)
        urls = [make_url(environment.text(f"{self.name.upper()}_{kind}")) for kind in ("DATABASE_URL", "WORKER_DATABASE_URL")]
        passwords = {str(url.username): str(url.password) for url in urls if url.password}
        create_database(admin, self.name, database=database, passwords=passwords)
        migrate(admin, self.name, database=database, migrations=self.migrations)

    def check(self, environment: Environment) -> list[str]:
        """Return how the part's database differs from the code; empty if it does not."""
        return check(environment.text("DATABASE_URL"), self.name, database=self.database(environment), migrations=self.migrations)

    async def retry(self, environment: Environment) -> tuple[int, int]:
        """Take the part's dead letters in again; return how many went in and how many stay."""
        settings: PartSettings = self.read_settings(environment)
        engine = make_engine(settings.worker_database_url, name=f"careledger-{self.name}-retry", size=1)
        try:
            return await retry_dead_letters(engine, self.tables, {stream_of(name): take for name, take in self.handlers.items()})
        finally:
            await engine.dispose()

    async def refill(self, environment: Environment) -> int:
        """Mark the part's whole journal as unpublished; return how many events that were."""
        settings: PartSettings = self.read_settings(environment)
        engine = make_engine(settings.worker_database_url, name=f"careledger-{self.name}-refill", size=1)
        try:
            async with worker_transaction(engine) as connection:
                return await refill(connection, self.tables, since=None)
        finally:
            await engine.dispose()

    def database(self, environment: Environment) -> str:
        """Return the name of the part's database."""
        settings: PartSettings = self.read_settings(environment)
        return settings.database


def _part(name: str, module: Any) -> RunnablePart:
    tasks = {"relay": module.run_relay, "consumer": module.run_consumer, "sealer": module.run_sealer}
    return RunnablePart(name, module.read_settings, module.create_app, tasks, module.JOURNAL, module.MIGRATIONS, module.HANDLERS)


ALL_PARTS = (
    _part("access", shared.access.main),
    _part("consent", services.consent.main),
    _part("timetrack", services.timetrack.main),
    _part("billing", services.billing.main),
)


def part_named(name: str) -> RunnablePart:
    """Return the part; KeyError if there is none of that name."""
    return next(part for part in ALL_PARTS if part.name == name)
