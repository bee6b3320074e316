"""Tenants and their documents, clients with keys and grants, spent assertion ids, signing keys, the journal."""

from alembic import op

from shared.db.policies import grant_global_table, secure_journal

revision = "0001"
down_revision = None

_TABLES = """
CREATE TABLE tenant (
    tenant_id uuid PRIMARY KEY,
    slug text NOT NULL UNIQUE,
    version integer NOT NULL
);
CREATE TABLE tenant_document (
    tenant_id uuid NOT NULL REFERENCES tenant (tenant_id),
    version integer NOT NULL,
    effective_from date NOT NULL,
    document text NOT NULL,
    applied_at timestamptz NOT NULL,
    applied_by text NOT NULL,
    PRIMARY KEY (tenant_id, version)
);
CREATE TABLE client (
    client_id text PRIMARY KEY,
    version integer NOT NULL,
    name text NOT NULL,
    status text NOT NULL CONSTRAINT client_status CHECK (status IN ('active', 'disabled')),
    changed_at timestamptz NOT NULL
);
CREATE TABLE client_key (
    client_id text NOT NULL REFERENCES client (client_id),
    version integer NOT NULL,
    jwks text,
    jwks_url text,
    PRIMARY KEY (client_id, version),
    CONSTRAINT client_key_one_source CHECK ((jwks IS NULL) <> (jwks_url IS NULL))
);
CREATE TABLE client_grant (
    tenant_id uuid NOT NULL REFERENCES tenant (tenant_id),
    client_id text NOT NULL REFERENCES client (client_id),
    scopes text[] NOT NULL,
    PRIMARY KEY (tenant_id, client_id)
);
CREATE INDEX client_grant_by_client ON client_grant (client_id);
CREATE TABLE client_jti (
    client_id text NOT NULL REFERENCES client (client_id),
    jti text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (client_id, jti)
);
CREATE INDEX client_jti_by_end ON client_jti (expires_at);
CREATE TABLE signing_key (
    kid text PRIMARY KEY,
    public_jwk text NOT NULL,
    published_at timestamptz NOT NULL,
    activates_at timestamptz NOT NULL,
    retires_at timestamptz
);
CREATE TABLE journal (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    tenant text NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    client text NOT NULL,
    request text NOT NULL,
    action text NOT NULL,
    patients text[] NOT NULL,
    aggregate text NOT NULL,
    version integer NOT NULL,
    event_type text,
    data text,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX journal_by_time ON journal (tenant_id, at);
CREATE TABLE journal_unpublished (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    bucket smallint NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX journal_unpublished_by_bucket ON journal_unpublished (bucket, id);
CREATE TABLE stream_mark (
    stream text PRIMARY KEY,
    created_at timestamptz NOT NULL,
    last_sequence bigint NOT NULL,
    refilled_on date NOT NULL
);
CREATE TABLE dead_letter (
    stream text NOT NULL,
    sequence bigint NOT NULL,
    stream_created_at timestamptz NOT NULL,
    subject text NOT NULL,
    headers text NOT NULL,
    body bytea NOT NULL,
    reason text NOT NULL,
    at timestamptz NOT NULL,
    retried_at timestamptz,
    PRIMARY KEY (stream, sequence, stream_created_at)
);
CREATE TABLE registry (
    kind text NOT NULL,
    id text NOT NULL,
    version integer NOT NULL,
    data text NOT NULL,
    PRIMARY KEY (kind, id, version)
)
"""


def upgrade() -> None:
    """Make the tables; the web's role reads them and spends assertion ids, the administrator's role does the rest."""
    for statement in _TABLES.split(";\n"):
        op.execute(statement)
    for table in ("tenant", "client", "client_grant", "signing_key"):
        grant_global_table(op, "access", table, worker="SELECT, INSERT, UPDATE")
    grant_global_table(op, "access", "tenant_document", app="", worker="SELECT, INSERT")
    grant_global_table(op, "access", "client_key", worker="SELECT, INSERT")
    grant_global_table(op, "access", "client_jti", app="SELECT, INSERT, UPDATE, DELETE", worker="SELECT")
    secure_journal(op, "access")
