"""The first tables: ledger, assemblies, charges with their feed, differences, reviews, the EHR's reading list, the journal."""

from alembic import op

from shared.db.policies import secure_journal, secure_tenant_table

revision = "0001"
down_revision = None

_LEDGER = """
CREATE TABLE ledger_entry (
    tenant_id uuid NOT NULL, aggregate text NOT NULL, version integer NOT NULL, patient text, kind text NOT NULL,
    recorded_at timestamptz NOT NULL, source text NOT NULL, digest text NOT NULL, data text NOT NULL,
    performer text, from_at timestamptz, until_at timestamptz, seconds integer,
    PRIMARY KEY (tenant_id, aggregate, version));
CREATE INDEX ledger_entry_by_patient ON ledger_entry (tenant_id, patient);
CREATE INDEX ledger_entry_by_performer ON ledger_entry (tenant_id, performer, from_at) WHERE performer IS NOT NULL;
CREATE TABLE ehr_due (
    tenant_id uuid NOT NULL, patient text NOT NULL, asked_at timestamptz NOT NULL, PRIMARY KEY (tenant_id, patient));
CREATE TABLE ehr_read (
    tenant_id uuid NOT NULL, patient text NOT NULL, began_at timestamptz NOT NULL, PRIMARY KEY (tenant_id, patient));
"""

_MONTH = """
CREATE TABLE assembly (
    tenant_id uuid NOT NULL, month date NOT NULL, patient text NOT NULL, version integer NOT NULL,
    recorded_at timestamptz NOT NULL, decision text NOT NULL, outcome text NOT NULL, lane text, practitioner text,
    releasable boolean NOT NULL, staff_seconds integer NOT NULL, complexity_attested boolean NOT NULL, data text NOT NULL,
    PRIMARY KEY (tenant_id, month, patient, version));
CREATE TABLE difference (
    tenant_id uuid NOT NULL, month date NOT NULL, patient text NOT NULL, assembly_version integer NOT NULL,
    found_at timestamptz NOT NULL, data text NOT NULL,
    PRIMARY KEY (tenant_id, month, patient));
CREATE TABLE review (
    tenant_id uuid NOT NULL, id uuid NOT NULL, month date NOT NULL, patient text NOT NULL, key text NOT NULL,
    found_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id));
"""

_CHARGES = """
CREATE TABLE charge (
    tenant_id uuid NOT NULL, id uuid NOT NULL, version integer NOT NULL, status text NOT NULL, patient text NOT NULL,
    practitioner text NOT NULL, month date NOT NULL, lane text, code_id text NOT NULL, code text NOT NULL,
    units integer NOT NULL,
    date_of_service date NOT NULL, attempt integer NOT NULL, assembly_version integer NOT NULL,
    entered_at timestamptz, context text, account text, patient_identifier text,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT charge_status CHECK (status IN ('planned', 'billable', 'billed', 'aborted', 'entered-in-error')),
    CONSTRAINT charge_planned_is_unpublished CHECK ((status = 'planned') = (version = 0)),
    CONSTRAINT charge_units CHECK (units > 0));
CREATE UNIQUE INDEX charge_one_lane ON charge (tenant_id, patient, month)
    WHERE lane IS NOT NULL AND status IN ('planned', 'billable', 'billed');
CREATE UNIQUE INDEX charge_one_of_a_code ON charge (tenant_id, patient, month, code)
    WHERE status IN ('planned', 'billable', 'billed');
CREATE INDEX charge_by_patient ON charge (tenant_id, patient, month);
CREATE INDEX charge_by_month ON charge (tenant_id, month, patient);
CREATE INDEX charge_by_status ON charge (tenant_id, status, updated_at, id);
CREATE INDEX charge_by_update ON charge (tenant_id, updated_at, id);
CREATE TABLE charge_version (
    tenant_id uuid NOT NULL, id uuid NOT NULL, version integer NOT NULL, status text NOT NULL,
    recorded_at timestamptz NOT NULL, data text NOT NULL, feed_seq bigint, published_at timestamptz,
    PRIMARY KEY (tenant_id, id, version),
    CONSTRAINT charge_version_of_charge FOREIGN KEY (tenant_id, id) REFERENCES charge (tenant_id, id));
CREATE UNIQUE INDEX charge_version_feed ON charge_version (tenant_id, feed_seq) WHERE feed_seq IS NOT NULL;
CREATE INDEX charge_version_unnumbered ON charge_version (tenant_id) WHERE feed_seq IS NULL;
CREATE TABLE feed_head (
    tenant_id uuid NOT NULL PRIMARY KEY, epoch uuid NOT NULL, last_seq bigint NOT NULL, last_at timestamptz NOT NULL);
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

_ALL, _CHANGE = "SELECT, INSERT, UPDATE, DELETE", "SELECT, INSERT, UPDATE"
# Facts, decisions and what the outside saw are append-only; only numbering a version touches it again.
_GRANTS = {
    "ledger_entry": "SELECT, INSERT",
    "assembly": "SELECT, INSERT",
    "charge": _ALL,
    "charge_version": "SELECT, INSERT, UPDATE (feed_seq, published_at)",
    "feed_head": _CHANGE,
    "difference": _ALL,
    "review": _ALL,
    "ehr_due": _ALL,
    "ehr_read": _CHANGE,
}


def upgrade() -> None:
    """Create everything."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statements in (_LEDGER, _MONTH, _CHARGES, _JOURNAL):
        op.execute(statements)
    for table, rights in _GRANTS.items():
        secure_tenant_table(op, "billing", table, app=rights, worker=rights)
    secure_journal(op, "billing")
