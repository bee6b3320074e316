"""The first tables: time entries with their versions and identifiers, timers, the roster, what others told, the journal."""

from alembic import op

from shared.db.policies import secure_journal, secure_tenant_table

revision = "0001"
down_revision = None

_ENTRIES = """
CREATE TABLE time_entry (
    tenant_id uuid NOT NULL, id uuid NOT NULL, version integer NOT NULL, status text NOT NULL, patient text NOT NULL,
    patient_identifier_system text, patient_identifier text, performer text NOT NULL, performer_npi text,
    program text NOT NULL, activity text NOT NULL, started_at timestamptz, ended_at timestamptz, day date,
    seconds integer NOT NULL, basis text NOT NULL, gap_seconds integer NOT NULL, encounter text, timer_id uuid,
    authored_on timestamptz NOT NULL, modified_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT time_entry_seconds CHECK (seconds > 0),
    CONSTRAINT time_entry_order CHECK (ended_at > started_at),
    CONSTRAINT time_entry_stretch CHECK (
        (day IS NULL AND started_at IS NOT NULL AND ended_at IS NOT NULL)
        OR (day IS NOT NULL AND started_at IS NULL AND ended_at IS NULL)),
    CONSTRAINT time_entry_overlap EXCLUDE USING gist (
        tenant_id WITH =, performer WITH =, tstzrange(started_at, ended_at) WITH &&)
        WHERE (status = 'completed' AND started_at IS NOT NULL));
CREATE INDEX time_entry_by_change ON time_entry (tenant_id, modified_at, id);
CREATE INDEX time_entry_by_patient ON time_entry (tenant_id, patient, modified_at, id);
CREATE INDEX time_entry_by_performer ON time_entry (tenant_id, performer, modified_at, id);
CREATE INDEX time_entry_by_patient_identifier ON time_entry (tenant_id, patient_identifier)
    WHERE patient_identifier IS NOT NULL;
CREATE INDEX time_entry_by_timer ON time_entry (tenant_id, timer_id) WHERE timer_id IS NOT NULL;
CREATE TABLE time_entry_version (
    tenant_id uuid NOT NULL, id uuid NOT NULL, version integer NOT NULL, change text NOT NULL, seconds integer NOT NULL,
    written_at timestamptz NOT NULL, author text NOT NULL, client text NOT NULL, late boolean NOT NULL, body text NOT NULL,
    PRIMARY KEY (tenant_id, id, version));
CREATE TABLE time_entry_identifier (
    tenant_id uuid NOT NULL, system text NOT NULL, value text NOT NULL, entry_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, system, value));
CREATE INDEX time_entry_identifier_by_entry ON time_entry_identifier (tenant_id, entry_id);
"""

_TIMERS = """
CREATE TABLE timer (
    tenant_id uuid NOT NULL, id uuid NOT NULL, version integer NOT NULL, client text NOT NULL, identifier text NOT NULL,
    performer text NOT NULL, patient text NOT NULL, status text NOT NULL, started_at timestamptz NOT NULL, state text NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT timer_identifier UNIQUE (tenant_id, client, identifier));
CREATE UNIQUE INDEX timer_one_running ON timer (tenant_id, performer) WHERE status = 'running';
CREATE INDEX timer_by_performer ON timer (tenant_id, performer, started_at);
CREATE TABLE staff_member (
    tenant_id uuid NOT NULL, practitioner text NOT NULL, version integer NOT NULL, recorded_at timestamptz NOT NULL,
    recorded_by text NOT NULL, document text NOT NULL,
    PRIMARY KEY (tenant_id, practitioner, version));
"""

_TOLD = """
CREATE TABLE patient_mention (
    tenant_id uuid NOT NULL, patient text NOT NULL, known boolean NOT NULL, checked_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, patient));
CREATE TABLE consent_note (
    tenant_id uuid NOT NULL, consent_id text NOT NULL, version integer NOT NULL, patient text NOT NULL, program text NOT NULL,
    status text NOT NULL,
    PRIMARY KEY (tenant_id, consent_id, version));
CREATE INDEX consent_note_by_patient ON consent_note (tenant_id, patient, program);
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

# What was said stays: only pointers and timers at work are written over.
_GRANTS = {
    "time_entry": "SELECT, INSERT, UPDATE",
    "time_entry_version": "SELECT, INSERT",
    "time_entry_identifier": "SELECT, INSERT",
    "timer": "SELECT, INSERT, UPDATE",
    "staff_member": "SELECT, INSERT",
    "patient_mention": "SELECT, INSERT, UPDATE",
}


def upgrade() -> None:
    """Create everything."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statements in (_ENTRIES, _TIMERS, _TOLD, _JOURNAL):
        op.execute(statements)
    for table, rights in _GRANTS.items():
        secure_tenant_table(op, "timetrack", table, app=rights, worker="SELECT")
    secure_tenant_table(op, "timetrack", "consent_note", app="SELECT", worker="SELECT, INSERT")
    secure_journal(op, "timetrack")
