"""The first tables: consents with all their versions, their identifiers, patients asked about, the journal."""

from alembic import op

from shared.db.policies import secure_journal, secure_tenant_table

revision = "0001"
down_revision = None

_CONSENT = """
CREATE TABLE consent (
    tenant_id uuid NOT NULL, id uuid NOT NULL, version integer NOT NULL, updated_at timestamptz NOT NULL,
    patient text NOT NULL, program text NOT NULL, practitioner text NOT NULL, status text NOT NULL,
    categories text[] NOT NULL, patient_identifiers text[] NOT NULL,
    given_at timestamptz NOT NULL, period_start timestamptz, period_end timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT consent_status CHECK (status IN ('active', 'rejected', 'inactive', 'entered-in-error')),
    CONSTRAINT consent_version_positive CHECK (version > 0));
CREATE INDEX consent_by_patient ON consent (tenant_id, patient, program);
CREATE INDEX consent_by_update ON consent (tenant_id, updated_at, id);
CREATE TABLE consent_version (
    tenant_id uuid NOT NULL, id uuid NOT NULL, version integer NOT NULL, recorded_at timestamptz NOT NULL,
    late boolean NOT NULL, state text NOT NULL, kept text NOT NULL, accepted text,
    PRIMARY KEY (tenant_id, id, version),
    CONSTRAINT consent_version_of_consent FOREIGN KEY (tenant_id, id) REFERENCES consent (tenant_id, id));
CREATE TABLE consent_identifier (
    tenant_id uuid NOT NULL, system text NOT NULL, value text NOT NULL, consent_id uuid NOT NULL, body_hash bytea NOT NULL,
    PRIMARY KEY (tenant_id, system, value));
CREATE INDEX consent_identifier_by_consent ON consent_identifier (tenant_id, consent_id);
CREATE TABLE patient_mention (
    tenant_id uuid NOT NULL, patient text NOT NULL, known boolean NOT NULL, checked_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, patient));
"""

_JOURNAL = """
CREATE TABLE journal (
    tenant_id uuid NOT NULL, id uuid NOT NULL, tenant text NOT NULL, at timestamptz NOT NULL, actor text NOT NULL,
    client text NOT NULL, request text NOT NULL, action text NOT NULL, patients text[] NOT NULL, aggregate text NOT NULL,
    version integer NOT NULL, event_type text, data text,
    PRIMARY KEY (tenant_id, id));
CREATE INDEX journal_by_time ON journal (tenant_id, at);
CREATE TABLE journal_unpublished (
    tenant_id uuid NOT NULL, id uuid NOT NULL, bucket smallint NOT NULL, PRIMARY KEY (tenant_id, id));
CREATE INDEX journal_unpublished_by_bucket ON journal_unpublished (bucket, id);
CREATE TABLE stream_mark (
    stream text NOT NULL PRIMARY KEY, created_at timestamptz NOT NULL, last_sequence bigint NOT NULL, refilled_on date NOT NULL);
CREATE TABLE dead_letter (
    stream text NOT NULL, sequence bigint NOT NULL, stream_created_at timestamptz NOT NULL, subject text NOT NULL,
    headers text NOT NULL, body bytea NOT NULL, reason text NOT NULL, at timestamptz NOT NULL, retried_at timestamptz,
    PRIMARY KEY (stream, sequence, stream_created_at));
CREATE TABLE registry (
    kind text NOT NULL, id text NOT NULL, version integer NOT NULL, data text NOT NULL, PRIMARY KEY (kind, id, version));
"""

# A version, once written, stays; an identifier, once claimed, too. Consumers only write the registry.
_GRANTS = {
    "consent": "SELECT, INSERT, UPDATE",
    "consent_version": "SELECT, INSERT",
    "consent_identifier": "SELECT, INSERT",
    "patient_mention": "SELECT, INSERT, UPDATE",
}


def upgrade() -> None:
    """Create everything."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(_CONSENT)
    op.execute(_JOURNAL)
    for table, rights in _GRANTS.items():
        secure_tenant_table(op, "consent", table, app=rights, worker="")
    secure_journal(op, "consent")
