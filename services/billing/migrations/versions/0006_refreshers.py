"""Refreshers: who has answered which lesson on the rules, and when. Rows are added, never changed."""

from alembic import op

from shared.db.policies import secure_tenant_table

revision = "0006"
down_revision = "0005"

_REFRESHER = """
CREATE TABLE refresher (
    tenant_id uuid NOT NULL, person text NOT NULL, lesson text NOT NULL, completed_at timestamptz NOT NULL,
    edition text NOT NULL,
    PRIMARY KEY (tenant_id, person, lesson, completed_at));
"""


def upgrade() -> None:
    """Create the table."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(_REFRESHER)
    secure_tenant_table(op, "billing", "refresher", app="SELECT, INSERT", worker="SELECT")
