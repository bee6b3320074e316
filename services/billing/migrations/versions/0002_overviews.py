"""Overviews: what each patient-month comes to, for lists and numbers; and which are to be looked at anew.

A trigger notes the patients of every fact, decision and charge, whoever writes it, so that no list forgets one. The notes are
rows of their own that nobody updates: two writers never wait for each other.
"""

from alembic import op

from shared.db.policies import secure_tenant_table

revision = "0002"
down_revision = "0001"

_OVERVIEW = """
CREATE TABLE overview (
    tenant_id uuid NOT NULL, month date NOT NULL, patient text NOT NULL, looked_at timestamptz NOT NULL,
    name text NOT NULL, birth_date date, mrn text,
    practitioner text NOT NULL, practitioner_name text NOT NULL, payer text NOT NULL, profile text NOT NULL, plan text,
    enrolled boolean NOT NULL, enrolled_first boolean NOT NULL, approached boolean NOT NULL, consented boolean NOT NULL,
    eligible boolean NOT NULL, conditions integer NOT NULL, last_visit date,
    consent text NOT NULL, consent_why text NOT NULL, without_consent integer NOT NULL,
    lane text NOT NULL, counted integer NOT NULL, asserted integer NOT NULL, next_code text, missing integer,
    state text NOT NULL, held_since timestamptz, only_reviews boolean NOT NULL,
    severity text, kind text NOT NULL, rule text NOT NULL, finding text NOT NULL, who text NOT NULL,
    lines text NOT NULL, amount numeric(12, 2) NOT NULL, unknown_amounts integer NOT NULL, place_of_service text NOT NULL,
    notes_due integer NOT NULL, copied integer NOT NULL, last_work_at timestamptz, last_work text, last_worker text,
    last_worker_name text,
    PRIMARY KEY (tenant_id, month, patient),
    CONSTRAINT overview_state CHECK (state IN ('hold', 'attest', 'released', 'none', 'outside')));
CREATE INDEX overview_by_state ON overview (tenant_id, month, state, name, patient);
CREATE INDEX overview_short ON overview (tenant_id, month, missing, patient) WHERE missing IS NOT NULL;
CREATE INDEX overview_consent ON overview (tenant_id, month, name, patient) WHERE enrolled AND consent <> 'in-force';
CREATE INDEX overview_eligible ON overview (tenant_id, month, name, patient) WHERE eligible AND NOT enrolled;
CREATE INDEX overview_notes ON overview (tenant_id, month, name, patient) WHERE notes_due > 0;
CREATE TABLE overview_staff (
    tenant_id uuid NOT NULL, month date NOT NULL, patient text NOT NULL, performer text NOT NULL, performer_name text NOT NULL,
    measured integer NOT NULL, asserted integer NOT NULL, entries integer NOT NULL, passed integer NOT NULL,
    late integer NOT NULL,
    PRIMARY KEY (tenant_id, month, patient, performer));
CREATE TABLE overview_due (
    tenant_id uuid NOT NULL, id uuid NOT NULL DEFAULT gen_random_uuid(), month date, patient text,
    PRIMARY KEY (tenant_id, id));
"""

# of a fact without a patient (a practice's) everybody's is due; without a month, that of the months that still run
_NOTES = """
CREATE FUNCTION note_fact_overviews() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO overview_due (tenant_id, patient) SELECT DISTINCT tenant_id, patient FROM fresh;
    RETURN NULL;
END $$;
CREATE FUNCTION note_month_overviews() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO overview_due (tenant_id, month, patient) SELECT DISTINCT tenant_id, month, patient FROM fresh;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_entry_overviews AFTER INSERT ON ledger_entry REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION note_fact_overviews();
CREATE TRIGGER assembly_overviews AFTER INSERT ON assembly REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION note_month_overviews();
CREATE TRIGGER charge_made_overviews AFTER INSERT ON charge REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION note_month_overviews();
CREATE TRIGGER charge_changed_overviews AFTER UPDATE ON charge REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION note_month_overviews();
"""

_ALL = "SELECT, INSERT, UPDATE, DELETE"


def upgrade() -> None:
    """Create the overviews; facts that are there already are noted practice by practice."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(_OVERVIEW)
    op.execute(_NOTES)
    for table in ("overview", "overview_staff", "overview_due"):
        secure_tenant_table(op, "billing", table, app=_ALL, worker=_ALL)
    op.execute("INSERT INTO overview_due (tenant_id) SELECT DISTINCT tenant_id FROM ledger_entry")
