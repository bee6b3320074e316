"""Launches of our app in a chart, web sessions with the EHR's tokens, what the chart said, drafts, the staff list."""

from alembic import op

from shared.db.policies import secure_tenant_table

revision = "0002"
down_revision = "0001"

_TABLES = """
CREATE TABLE ehr_issuer (
    tenant_id uuid NOT NULL,
    iss text NOT NULL,
    document_version integer NOT NULL,
    authorize_url text NOT NULL,
    token_url text NOT NULL,
    jwks_url text NOT NULL,
    issuer text NOT NULL,
    names_issuer boolean NOT NULL,
    read_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, iss, document_version)
);
CREATE TABLE launch_tx (
    tenant_id uuid NOT NULL,
    state_hash bytea NOT NULL,
    secret_hash bytea NOT NULL,
    iss text NOT NULL,
    nonce text NOT NULL,
    code_verifier text NOT NULL,
    created_at timestamptz NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (tenant_id, state_hash)
);
CREATE INDEX launch_tx_by_time ON launch_tx (tenant_id, created_at);
CREATE TABLE web_session (
    tenant_id uuid NOT NULL,
    sid uuid NOT NULL,
    launch_id text NOT NULL,
    handle_hash bytea NOT NULL,
    iss text NOT NULL,
    subject text NOT NULL,
    fhir_user text NOT NULL,
    user_name text NOT NULL,
    roles text[] NOT NULL,
    patient text,
    encounter text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, sid),
    CONSTRAINT web_session_one_launch UNIQUE (tenant_id, launch_id)
);
CREATE TABLE ehr_token (
    tenant_id uuid NOT NULL,
    sid uuid NOT NULL,
    access_token bytea NOT NULL,
    refresh_token bytea,
    fresh_until timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, sid),
    FOREIGN KEY (tenant_id, sid) REFERENCES web_session (tenant_id, sid)
);
CREATE TABLE ehr_context (
    tenant_id uuid NOT NULL,
    patient text NOT NULL,
    version integer NOT NULL,
    digest bytea NOT NULL,
    PRIMARY KEY (tenant_id, patient)
);
CREATE TABLE draft (
    tenant_id uuid NOT NULL,
    fhir_user text NOT NULL,
    patient text NOT NULL,
    form text NOT NULL,
    body bytea NOT NULL,
    saved_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, fhir_user, patient, form)
);
CREATE INDEX draft_by_time ON draft (tenant_id, saved_at);
CREATE TABLE staff_member (
    tenant_id uuid NOT NULL,
    practitioner text NOT NULL,
    version integer NOT NULL,
    npi text,
    roles text NOT NULL,
    PRIMARY KEY (tenant_id, practitioner, version)
);
CREATE INDEX staff_member_by_npi ON staff_member (tenant_id, npi)
"""


def upgrade() -> None:
    """Make the tables; the web's role works with them, one tenant at a time."""
    for statement in _TABLES.split(";\n"):
        op.execute(statement)
    secure_tenant_table(op, "access", "ehr_issuer", worker="SELECT")
    secure_tenant_table(op, "access", "staff_member", app="SELECT")
    for table in ("launch_tx", "ehr_token", "draft"):
        secure_tenant_table(op, "access", table, app="SELECT, INSERT, UPDATE, DELETE", worker="SELECT")
    for table in ("web_session", "ehr_context"):
        secure_tenant_table(op, "access", table, app="SELECT, INSERT, UPDATE", worker="SELECT")
