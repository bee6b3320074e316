"""What a migration says of each table: who owns it, who may touch it, and which rows each role sees."""

from typing import Any

_TENANT = "tenant_id = current_setting('app.tenant')::uuid"


def secure_tenant_table(
    op: Any, service: str, table: str, *, app: str = "SELECT, INSERT", worker: str = "SELECT, INSERT"
) -> None:
    """Force row-level security on `table`: the app role sees one tenant's rows, the worker role all; grant what is named."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY {table}_app ON {table} TO {service}_app USING ({_TENANT}) WITH CHECK ({_TENANT})")
    op.execute(f"CREATE POLICY {table}_worker ON {table} TO {service}_worker USING (true) WITH CHECK (true)")
    if app:
        op.execute(f"GRANT {app} ON {table} TO {service}_app")
    if worker:
        op.execute(f"GRANT {worker} ON {table} TO {service}_worker")


def grant_global_table(
    op: Any, service: str, table: str, *, app: str = "SELECT", worker: str = "SELECT, INSERT, UPDATE, DELETE"
) -> None:
    """Grant a table that belongs to no tenant (registry, stream marks, dead letters)."""
    if app:
        op.execute(f"GRANT {app} ON {table} TO {service}_app")
    op.execute(f"GRANT {worker} ON {table} TO {service}_worker")


def secure_journal(op: Any, service: str) -> None:
    """Secure the five tables that every service has (`shared.db.journal`)."""
    secure_tenant_table(op, service, "journal", app="INSERT, SELECT", worker="INSERT, SELECT")
    secure_tenant_table(op, service, "journal_unpublished", app="INSERT", worker="SELECT, INSERT, DELETE")
    grant_global_table(op, service, "stream_mark", app="")
    grant_global_table(op, service, "dead_letter", app="")
    grant_global_table(op, service, "registry")


_SEALS = """
ALTER TABLE journal ADD COLUMN recorded_at timestamptz, ADD COLUMN address text, ADD COLUMN token text,
    ADD COLUMN interaction text, ADD COLUMN route text, ADD COLUMN status integer, ADD COLUMN query text,
    ADD COLUMN resources text[], ADD COLUMN times integer;
CREATE TABLE journal_unsealed (tenant_id uuid NOT NULL, id uuid NOT NULL, PRIMARY KEY (tenant_id, id));
CREATE TABLE journal_sealed (
    tenant_id uuid NOT NULL, entry bigint NOT NULL, id uuid NOT NULL, leaf bytea NOT NULL,
    PRIMARY KEY (tenant_id, entry), CONSTRAINT journal_sealed_once UNIQUE (tenant_id, id));
CREATE TABLE journal_seal (
    tenant_id uuid NOT NULL, number bigint NOT NULL, first bigint NOT NULL, last bigint NOT NULL, root bytea NOT NULL,
    seal bytea NOT NULL, sealed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, number));
CREATE TABLE journal_checkpoint (
    tenant_id uuid NOT NULL, number bigint NOT NULL, entries bigint NOT NULL, seal bytea NOT NULL,
    signed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, number));
CREATE TABLE journal_patient (
    tenant_id uuid NOT NULL, patient text NOT NULL, id uuid NOT NULL, PRIMARY KEY (tenant_id, patient, id));
"""


def add_sealed_log(op: Any, service: str) -> None:
    """Make the journal tell of requests, and add the tables of its seals (`shared.db.seal_tables`); nothing is rewritten."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(_SEALS)
    secure_tenant_table(op, service, "journal_unsealed", app="INSERT", worker="SELECT, INSERT, DELETE")
    for table in ("journal_sealed", "journal_seal", "journal_checkpoint", "journal_patient"):
        secure_tenant_table(op, service, table, app="SELECT", worker="SELECT, INSERT")


def have_all_sealed(op: Any, service: str) -> None:
    """Mark the rows that are there for the sealer.

    By the worker role: to the owner of the tables row-level security shows no row. What processes of the release before
    write meanwhile the sealer finds by itself (`shared.db.sealing`).
    """
    op.execute(f"SET LOCAL ROLE {service}_worker")
    op.execute("INSERT INTO journal_unsealed (tenant_id, id) SELECT tenant_id, id FROM journal ON CONFLICT DO NOTHING")
    op.execute(f"SET LOCAL ROLE {service}_owner")
