"""What the pages need: charts as the EHR showed them, the roster as timetrack tells it, signatures and scans."""

from alembic import op

from shared.db.policies import secure_tenant_table

revision = "0002"
down_revision = "0001"

_TABLES = """
CREATE TABLE ehr_context (
    tenant_id uuid NOT NULL, patient text NOT NULL, version integer NOT NULL, identifier text, document text NOT NULL,
    PRIMARY KEY (tenant_id, patient, version));
CREATE INDEX ehr_context_by_identifier ON ehr_context (tenant_id, identifier);
CREATE TABLE staff_member (
    tenant_id uuid NOT NULL, practitioner text NOT NULL, version integer NOT NULL, document text NOT NULL,
    PRIMARY KEY (tenant_id, practitioner, version));
CREATE TABLE consent_document (
    tenant_id uuid NOT NULL, id uuid NOT NULL, patient text NOT NULL, content_type text NOT NULL, bytes bytea NOT NULL,
    sha256 bytea NOT NULL, kept_at timestamptz NOT NULL, kept_by text NOT NULL,
    PRIMARY KEY (tenant_id, id));
"""


def upgrade() -> None:
    """Create the tables; consumers write the first two, requests the third, and nothing is ever changed."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(_TABLES)
    for table in ("ehr_context", "staff_member"):
        secure_tenant_table(op, "consent", table, app="SELECT", worker="SELECT, INSERT")
    secure_tenant_table(op, "consent", "consent_document", app="SELECT, INSERT", worker="")
