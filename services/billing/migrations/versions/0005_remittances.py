"""Remittances: what payers decided on claim lines, and on which rules the decision that released each had findings."""

from alembic import op

from shared.db.policies import secure_tenant_table

revision = "0005"
down_revision = "0004"

_REMITTANCE = """
CREATE TABLE remittance (
    tenant_id uuid NOT NULL, charge_id uuid NOT NULL, payer text NOT NULL, decided_on date NOT NULL,
    patient text NOT NULL, month date NOT NULL, claim text NOT NULL,
    paid numeric(9, 2) NOT NULL, allowed numeric(9, 2), patient_share numeric(9, 2),
    carc text[] NOT NULL, rarc text[] NOT NULL, rules text[] NOT NULL, received_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, charge_id, payer, decided_on),
    CONSTRAINT remittance_amounts CHECK (paid >= 0 AND allowed >= paid AND patient_share <= allowed),
    CONSTRAINT remittance_reason CHECK (paid > 0 OR cardinality(carc) > 0));
CREATE INDEX remittance_by_month ON remittance (tenant_id, month);
"""


def upgrade() -> None:
    """Create the table: a decision is never changed, a later one stands beside it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(_REMITTANCE)
    secure_tenant_table(op, "billing", "remittance")
