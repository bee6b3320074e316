"""Patients' charts as the EHR showed them at launches."""

from alembic import op

from shared.db.policies import secure_tenant_table

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        """
        CREATE TABLE ehr_context (
            tenant_id uuid NOT NULL, patient text NOT NULL, version integer NOT NULL, identifier text, document text NOT NULL,
            PRIMARY KEY (tenant_id, patient, version));
        CREATE INDEX ehr_context_by_identifier ON ehr_context (tenant_id, identifier);
        """
    )
    secure_tenant_table(op, "timetrack", "ehr_context", app="SELECT", worker="SELECT, INSERT")
