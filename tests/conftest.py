"""One private PostgreSQL and one private NATS for a test run, a migrated database for each module that asks for one."""

import os
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

import services
import shared
from shared.db.provision import at_database, create_database, migrate
from shared.ops.children import Nats, Postgres, data_folder
from tests.fakes.tokens import TokenMaker

_ROOT = Path(services.__file__).parent
_MIGRATIONS = {
    "access": Path(shared.__file__).parent / "access" / "migrations",
    **{name: _ROOT / name / "migrations" for name in ("consent", "timetrack", "billing")},
}
_number = count(1)


@dataclass(frozen=True)
class DatabaseUrls:
    """One service's database: as administrator, as app role, as worker role."""

    service: str
    admin: str
    app: str
    worker: str


@pytest.fixture(scope="session")
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for this run's servers."""
    with data_folder(tmp_path_factory.mktemp("d")) as folder:
        yield folder


@pytest.fixture(scope="session")
def cluster(data_root: Path) -> Iterator[Postgres]:
    """The run's PostgreSQL, without flushes to disk."""
    postgres = Postgres(data_root, durable=False)
    postgres.start()
    yield postgres
    postgres.stop()


@pytest.fixture(scope="module")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    """A NATS of the module's own: streams and what was read of them are not shared with other modules."""
    nats = Nats(tmp_path_factory.mktemp("n"))
    nats.start()
    yield nats
    nats.stop()


@pytest.fixture(scope="session")
def template(cluster: Postgres) -> Callable[[str], str]:
    """Return the name of a service's migrated template database, made at first use."""
    made: dict[str, str] = {}

    def of(service: str) -> str:
        if service not in made:
            name = f"template_{service}"
            create_database(cluster.url, service, database=name)
            migrate(cluster.url, service, database=name, migrations=_MIGRATIONS[service])
            made[service] = name
        return made[service]

    return of


@pytest.fixture(scope="session")
def make_database(cluster: Postgres, template: Callable[[str], str]) -> Callable[[str], DatabaseUrls]:
    """Return a maker of fresh, migrated databases."""

    def make(service: str) -> DatabaseUrls:
        source, name = template(service), f"{service}_{next(_number)}"
        with psycopg.connect(cluster.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(source)))
        admin = at_database(cluster.url, name)
        return DatabaseUrls(
            service,
            admin,
            admin.replace("//careledger@", f"//{service}_app@", 1),
            admin.replace("//careledger@", f"//{service}_worker@", 1),
        )

    return make


@pytest.fixture(scope="session")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> TokenMaker:
    """The signing key of this run."""
    return TokenMaker(tmp_path_factory.mktemp("keys"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI nobody reads the line of a skip: there it is a failure."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which CI does not allow: {report.longrepr}"
    return report
