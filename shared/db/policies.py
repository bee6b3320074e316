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
