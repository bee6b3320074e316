"""What framed our pages and was not to: what `careledger tenant check` lists."""

from alembic import op

from shared.db.policies import secure_tenant_table

revision = "0005"
down_revision = "0004"

_TABLE = """
CREATE TABLE framing (
    tenant_id uuid NOT NULL,
    origin text NOT NULL,
    way text NOT NULL,
    times integer NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, origin, way),
    CONSTRAINT framing_way CHECK (way IN ('parent', 'above', 'trial'))
);
"""


def upgrade() -> None:
    """Create the table."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(_TABLE)
    secure_tenant_table(op, "access", "framing", app="SELECT, INSERT, UPDATE", worker="SELECT")
