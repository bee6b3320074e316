"""A service's database: its three roles, its schema by Alembic, and whether both are what the code says.

Roles: `<service>_owner` (no login: owns and migrates), `<service>_app` (serves requests, one tenant a transaction) and
`<service>_worker` (relay, consumer, closer). All of it is done with the administrator's URL, by `careledger db migrate`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy.engine import make_url

_CATALOGUE = """
    SELECT 'policy ' || c.relname || '.' || p.polname || ' roles=' || array_to_string(p.polroles::regrole[], ',')
           || ' using=' || coalesce(pg_get_expr(p.polqual, p.polrelid), '')
           || ' check=' || coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '')
      FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE c.relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'table ' || relname || ' rls=' || relrowsecurity || ' forced=' || relforcerowsecurity
      FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'constraint ' || conrelid::regclass || '.' || conname || ' ' || pg_get_constraintdef(oid)
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
    UNION ALL
    SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL
    SELECT 'grant ' || table_name || ' ' || grantee || ' ' || string_agg(privilege_type, ',' ORDER BY privilege_type)
      FROM information_schema.role_table_grants
     WHERE table_schema = 'public' AND (grantee LIKE '%\\_app' OR grantee LIKE '%\\_worker') GROUP BY table_name, grantee
"""


def create_database(admin_url: str, service: str, *, database: str, passwords: dict[str, str] | None = None) -> None:
    """Create the roles and the database of `service` where they are missing; `passwords` by role name, none: by the server."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        for role, attributes in (("owner", "NOLOGIN"), ("app", "LOGIN"), ("worker", "LOGIN")):
            name = f"{service}_{role}"
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)).fetchone() is None:
                statement = f"CREATE ROLE {{}} {attributes} NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE"
                connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
            if password := (passwords or {}).get(name):
                connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(name), sql.Literal(password)))
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone() is None:
            owner = sql.Identifier(f"{service}_owner")
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), owner))
    with psycopg.connect(at_database(admin_url, database), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
        connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        for role, rights in (("owner", "ALL"), ("app", "USAGE"), ("worker", "USAGE")):
            role_name = sql.Identifier(f"{service}_{role}")
            connection.execute(sql.SQL(f"GRANT {rights} ON SCHEMA public TO {{}}").format(role_name))


def migrate(admin_url: str, service: str, *, database: str, migrations: Path) -> None:
    """Bring the schema of `service` to the newest revision, as its owner."""
    with _alembic(admin_url, service, database, migrations) as config:
        command.upgrade(config, "head")


def check(admin_url: str, service: str, *, database: str, migrations: Path) -> list[str]:
    """Return where the schema differs from the code's tables and from the committed `catalogue.txt`; empty if nowhere."""
    differences = []
    with _alembic(admin_url, service, database, migrations) as config:
        try:
            command.check(config)
        except Exception as error:
            differences.append(f"{service}: {error}")
    committed = (migrations / "catalogue.txt").read_text("utf-8").splitlines()
    actual = catalogue(admin_url, database=database)
    differences += [f"{service}: not in catalogue.txt: {line}" for line in sorted(set(actual) - set(committed))]
    differences += [f"{service}: only in catalogue.txt: {line}" for line in sorted(set(committed) - set(actual))]
    return differences


def catalogue(admin_url: str, *, database: str) -> list[str]:
    """Return policies, constraints, indexes and grants as sorted lines: what `alembic check` does not see."""
    with psycopg.connect(at_database(admin_url, database)) as connection:
        return sorted(" ".join(row[0].split()) for row in connection.execute(_CATALOGUE).fetchall())


def at_database(url: str, database: str) -> str:
    """Return `url` with another database."""
    return make_url(url).set(database=database).render_as_string(hide_password=False)


@contextmanager
def _alembic(admin_url: str, service: str, database: str, migrations: Path) -> Iterator[Config]:
    url = at_database(admin_url, database).replace("postgresql://", "postgresql+psycopg://", 1)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    config = Config()
    config.set_main_option("script_location", str(migrations))
    config.set_main_option("path_separator", "os")
    with engine.connect() as connection:
        connection.execute(sa.text(f"SET ROLE {service}_owner"))
        connection.execute(sa.text("SET lock_timeout = '5s'"))
        connection.commit()
        config.attributes["connection"] = connection
        yield config
    engine.dispose()
