"""Files that can be fetched once, within a minute, by an address that nobody can guess: for frames that may not download."""

from alembic import op

from shared.db.policies import secure_tenant_table

revision = "0010"
down_revision = "0009"

_FILE = """
CREATE TABLE one_time_file (
    tenant_id uuid NOT NULL, digest text NOT NULL, expires_at timestamptz NOT NULL, name text NOT NULL,
    media_type text NOT NULL, body bytea NOT NULL,
    PRIMARY KEY (tenant_id, digest));
"""


def upgrade() -> None:
    """Create the table."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(_FILE)
    secure_tenant_table(op, "billing", "one_time_file", app="SELECT, INSERT, DELETE", worker="SELECT, DELETE")
