"""The databases themselves keep tenants apart: every tenant's table leads its keys with the tenant and forces row-level security.

Requirements: standards.md 2 (isolation with either layer removed), 16 (constraints exist); stack.md 11.
"""

from collections.abc import Callable

import psycopg
import pytest

from shared.db.provision import at_database
from shared.ops.children import Postgres

SERVICES = ("access", "consent", "timetrack", "billing")

GLOBAL_TABLES = {
    "alembic_version", "stream_mark", "dead_letter", "registry",  # every part
    "tenant", "tenant_document", "client", "client_grant", "client_key", "client_jti", "signing_key",  # access
}  # fmt: skip
"""Tables that belong to no tenant: small, and reference or local tables once the engine is distributed."""


@pytest.fixture(scope="module", params=SERVICES)
def catalogue(request: pytest.FixtureRequest, cluster: Postgres, template: Callable[[str], str]) -> psycopg.Connection:
    """A connection to one service's migrated database."""
    with psycopg.connect(at_database(cluster.url, template(request.param))) as connection:
        connection.execute("SELECT set_config('careledger.service', %s, false)", (request.param,))
        yield connection


def _tables(catalogue: psycopg.Connection) -> set[str]:
    rows = catalogue.execute(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
    ).fetchall()
    return {row[0] for row in rows}


def _tenant_tables(catalogue: psycopg.Connection) -> set[str]:
    rows = catalogue.execute(
        "SELECT attrelid::regclass::text FROM pg_attribute WHERE attname = 'tenant_id' AND attnum > 0"
        " AND attrelid IN (SELECT oid FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace)"
    ).fetchall()
    return {row[0] for row in rows}


def test_every_table_is_a_tenants_or_known_to_be_global(catalogue: psycopg.Connection) -> None:
    strangers = _tables(catalogue) - _tenant_tables(catalogue) - GLOBAL_TABLES
    assert not strangers, f"neither a tenant's nor listed as global: {sorted(strangers)}"
    assert {"journal", "journal_unpublished"} <= _tenant_tables(catalogue)


def test_keys_of_tenant_tables_lead_with_the_tenant(catalogue: psycopg.Connection) -> None:
    rows = catalogue.execute(
        """
        SELECT c.conrelid::regclass::text, c.conname, a.attname
          FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
         WHERE c.contype IN ('p', 'u', 'x', 'f') AND c.connamespace = 'public'::regnamespace
        """
    ).fetchall()
    tenant_tables = _tenant_tables(catalogue) - GLOBAL_TABLES
    wrong = [(table, name) for table, name, first in rows if table in tenant_tables and first != "tenant_id"]
    assert not wrong
    assert {table for table, _, _ in rows} >= tenant_tables, "a tenant's table without a key"


def test_unique_indexes_of_tenant_tables_lead_with_the_tenant(catalogue: psycopg.Connection) -> None:
    rows = catalogue.execute(
        """
        SELECT i.indrelid::regclass::text, i.indexrelid::regclass::text, a.attname
          FROM pg_index i LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
         WHERE i.indisunique AND i.indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
        """
    ).fetchall()
    tenant_tables = _tenant_tables(catalogue) - GLOBAL_TABLES
    wrong = [(table, index) for table, index, first in rows if table in tenant_tables and first != "tenant_id"]
    assert not wrong


def test_row_level_security_is_forced_and_names_its_roles(catalogue: psycopg.Connection) -> None:
    service = catalogue.execute("SELECT current_setting('careledger.service')").fetchone()[0]
    for table in _tenant_tables(catalogue) - GLOBAL_TABLES:
        enabled, forced, owner = catalogue.execute(
            "SELECT relrowsecurity, relforcerowsecurity, relowner::regrole::text FROM pg_class WHERE oid = %s::regclass", (table,)
        ).fetchone()
        assert enabled and forced, table
        assert owner == f"{service}_owner", table
        policies = catalogue.execute(
            "SELECT polroles::regrole[]::text[], pg_get_expr(polqual, polrelid) FROM pg_policy WHERE polrelid = %s::regclass",
            (table,),
        ).fetchall()
        assert {role for roles, _ in policies for role in roles} <= {f"{service}_app", f"{service}_worker"}, table
        for roles, condition in policies:
            if f"{service}_app" in roles:
                assert "current_setting('app.tenant'::text)" in condition, table


def test_service_roles_can_neither_bypass_nor_own(catalogue: psycopg.Connection) -> None:
    rows = catalogue.execute(
        "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname ~ '_(app|worker|owner)$'"
    ).fetchall()
    assert rows
    assert all(not any(rights) for _, *rights in rows)


def test_a_transaction_without_a_tenant_fails_and_does_not_see_all(catalogue: psycopg.Connection) -> None:
    service = catalogue.execute("SELECT current_setting('careledger.service')").fetchone()[0]
    with catalogue.transaction(force_rollback=True):
        catalogue.execute(f"SET LOCAL ROLE {service}_app")
        with pytest.raises(psycopg.errors.UndefinedObject):
            catalogue.execute("SELECT count(*) FROM journal")
