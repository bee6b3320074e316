"""Overpayment cases: they stay when a claim is replaced or voided, until the money is back."""

from alembic import op

from shared.db.policies import secure_tenant_table

revision = "0008"
down_revision = "0007"

_OVERPAYMENT = """
CREATE TABLE overpayment (
    tenant_id uuid NOT NULL, id uuid NOT NULL, month date NOT NULL, patient text NOT NULL, found_at timestamptz NOT NULL,
    report_by date NOT NULL, investigate_by date NOT NULL, billed text NOT NULL, now text NOT NULL,
    settled_at timestamptz, outcome text, by text, reference text,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT overpayment_ends_once CHECK ((settled_at IS NULL) = (outcome IS NULL)));
CREATE UNIQUE INDEX overpayment_open ON overpayment (tenant_id, month, patient) WHERE settled_at IS NULL;
"""


def upgrade() -> None:
    """Create the table."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(_OVERPAYMENT)
    secure_tenant_table(op, "billing", "overpayment", app="SELECT, INSERT, UPDATE", worker="SELECT, INSERT, UPDATE")
