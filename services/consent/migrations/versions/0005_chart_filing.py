"""What goes into the EHR's chart, and the worker who reads the versions that he files."""

from alembic import op

from shared.db.policies import secure_tenant_table

revision = "0005"
down_revision = "0004"

_TABLE = """
CREATE TABLE chart_filing (
    tenant_id uuid NOT NULL, consent_id uuid NOT NULL, version integer NOT NULL, patient text NOT NULL,
    recorded_at timestamptz NOT NULL, status text NOT NULL, status_at timestamptz NOT NULL, reason text,
    attempts integer NOT NULL, due_at timestamptz NOT NULL, content bytea, sha256 bytea, document text,
    PRIMARY KEY (tenant_id, consent_id, version),
    CONSTRAINT chart_filing_status CHECK (status IN ('waiting', 'filed', 'refused')),
    CONSTRAINT chart_filing_filed CHECK ((status = 'filed') = (document IS NOT NULL)),
    CONSTRAINT chart_filing_content CHECK ((content IS NULL) = (sha256 IS NULL)));
CREATE INDEX chart_filing_by_due ON chart_filing (due_at) WHERE status <> 'filed';
"""


def upgrade() -> None:
    """Create the table; the consumer writes it, pages read it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(_TABLE)
    secure_tenant_table(op, "consent", "chart_filing", app="SELECT", worker="SELECT, INSERT, UPDATE")
    for table in ("consent", "consent_version", "consent_document"):
        op.execute(f"GRANT SELECT ON {table} TO consent_worker")
