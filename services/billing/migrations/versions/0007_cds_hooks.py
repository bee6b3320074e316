"""CDS Hooks: two more columns of each patient-month's line, the feedback on cards, and the tokens that were used.

Lines that are there already are made anew practice by practice.
"""

from alembic import op

from shared.db.policies import secure_tenant_table

revision = "0007"
down_revision = "0006"

_CDS = """
ALTER TABLE overview ADD COLUMN consent_until date, ADD COLUMN beside text NOT NULL DEFAULT '[]';
CREATE TABLE cds_token (
    tenant_id uuid NOT NULL, issuer text NOT NULL, token_id text NOT NULL, expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, issuer, token_id));
CREATE INDEX cds_token_by_end ON cds_token (expires_at);
CREATE TABLE cds_feedback (
    tenant_id uuid NOT NULL, card uuid NOT NULL, outcome text NOT NULL, at timestamptz NOT NULL, topic text NOT NULL,
    client text NOT NULL, suggestions text NOT NULL, reason_system text, reason_code text, comment text,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, card, outcome, at),
    CONSTRAINT cds_feedback_outcome CHECK (outcome IN ('accepted', 'overridden')));
"""


def upgrade() -> None:
    """Add what cards need."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(_CDS)
    secure_tenant_table(op, "billing", "cds_token", app="SELECT, INSERT", worker="SELECT, DELETE")
    secure_tenant_table(op, "billing", "cds_feedback", app="SELECT, INSERT", worker="SELECT")
    # by the worker role: to the owner of the tables row-level security shows no row
    op.execute("SET LOCAL ROLE billing_worker")
    op.execute("INSERT INTO overview_due (tenant_id) SELECT DISTINCT tenant_id FROM overview")
    op.execute("SET LOCAL ROLE billing_owner")
