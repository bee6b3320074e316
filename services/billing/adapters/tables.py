"""Billing's tables. Rows of a tenant lead every key with it; what decides or is searched is a plain typed column.

- `ledger_entry`: a fact that was received, whole, at a version; nothing is overwritten, the fact in force is the highest version;
- `assembly`: what a month came to for a patient, each decision a version;
- `charge`: the charges of today, the one place where two could clash; planned ones are pointers to their assembly;
- `charge_version`: what the outside saw of a charge, version by version, numbered by `feed_head` after the commit;
- `difference`: a released month whose facts now say something else, until the practitioner attests it;
- `overpayment`: a claim that was billed for more than the facts give, from the day on which that was found until it is settled;
- `remittance`: what payers decided on claim lines, one decision of a payer and day a row;
- `review`: what waits for a named person's decision, by the key that the decision answers;
- `ehr_due`, `ehr_read`: which patients' charts are to be read, and when one last was;
- `overview`, `overview_staff`: what each patient-month comes to with what is known, for lists and numbers, made anew at any time;
  `overview_due`: which are to be (filled by triggers, see revision 0002);
- `one_time_file`: tables as files, each behind an address that works once, for a minute;
- `refresher`: who has answered which lesson on the rules, when, and in which edition.
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from shared.db.journal import journal_tables

metadata = sa.MetaData()
JOURNAL = journal_tables(metadata)

_instant = sa.DateTime(timezone=True)

ACTIVE = ("planned", "billable", "billed")
"""The states in which a charge excludes another one of its code, and its lane another lane."""

LEDGER_ENTRY = sa.Table(
    "ledger_entry",
    metadata,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("aggregate", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("patient", sa.Text),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("recorded_at", _instant, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("performer", sa.Text),
    sa.Column("from_at", _instant),
    sa.Column("until_at", _instant),
    sa.Column("seconds", sa.Integer),
)
sa.Index("ledger_entry_by_patient", LEDGER_ENTRY.c.tenant_id, LEDGER_ENTRY.c.patient)
sa.Index(
    "ledger_entry_by_performer",
    LEDGER_ENTRY.c.tenant_id,
    LEDGER_ENTRY.c.performer,
    LEDGER_ENTRY.c.from_at,
    postgresql_where=LEDGER_ENTRY.c.performer.is_not(None),
)

ASSEMBLY = sa.Table(
    "assembly",
    metadata,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("month", sa.Date, primary_key=True),
    sa.Column("patient", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("recorded_at", _instant, nullable=False),
    sa.Column("decision", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("lane", sa.Text),
    sa.Column("practitioner", sa.Text),
    sa.Column("releasable", sa.Boolean, nullable=False),
    sa.Column("staff_seconds", sa.Integer, nullable=False),
    sa.Column("complexity_attested", sa.Boolean, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
)

CHARGE = sa.Table(
    "charge",
    metadata,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("patient", sa.Text, nullable=False),
    sa.Column("practitioner", sa.Text, nullable=False),
    sa.Column("month", sa.Date, nullable=False),
    sa.Column("lane", sa.Text),
    sa.Column("code_id", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("units", sa.Integer, nullable=False),
    sa.Column("date_of_service", sa.Date, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("assembly_version", sa.Integer, nullable=False),
    sa.Column("entered_at", _instant),
    sa.Column("context", sa.Text),
    sa.Column("account", sa.Text),
    sa.Column("patient_identifier", sa.Text),
    sa.Column("updated_at", _instant, nullable=False),
    sa.CheckConstraint("status IN ('planned', 'billable', 'billed', 'aborted', 'entered-in-error')", name="charge_status"),
    sa.CheckConstraint("(status = 'planned') = (version = 0)", name="charge_planned_is_unpublished"),
    sa.CheckConstraint("units > 0", name="charge_units"),
)
sa.Index(
    "charge_one_lane",
    CHARGE.c.tenant_id,
    CHARGE.c.patient,
    CHARGE.c.month,
    unique=True,
    postgresql_where=sa.text("lane IS NOT NULL AND status IN ('planned', 'billable', 'billed')"),
)
sa.Index(
    "charge_one_of_a_code",
    CHARGE.c.tenant_id,
    CHARGE.c.patient,
    CHARGE.c.month,
    CHARGE.c.code,
    unique=True,
    postgresql_where=sa.text("status IN ('planned', 'billable', 'billed')"),
)
sa.Index("charge_by_patient", CHARGE.c.tenant_id, CHARGE.c.patient, CHARGE.c.month)
sa.Index("charge_by_month", CHARGE.c.tenant_id, CHARGE.c.month, CHARGE.c.patient)
sa.Index("charge_by_status", CHARGE.c.tenant_id, CHARGE.c.status, CHARGE.c.updated_at, CHARGE.c.id)
sa.Index("charge_by_update", CHARGE.c.tenant_id, CHARGE.c.updated_at, CHARGE.c.id)

CHARGE_VERSION = sa.Table(
    "charge_version",
    metadata,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("recorded_at", _instant, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("feed_seq", sa.BigInteger),
    sa.Column("published_at", _instant),
    sa.ForeignKeyConstraint(["tenant_id", "id"], ["charge.tenant_id", "charge.id"], name="charge_version_of_charge"),
)
sa.Index(
    "charge_version_feed",
    CHARGE_VERSION.c.tenant_id,
    CHARGE_VERSION.c.feed_seq,
    unique=True,
    postgresql_where=CHARGE_VERSION.c.feed_seq.is_not(None),
)
sa.Index("charge_version_unnumbered", CHARGE_VERSION.c.tenant_id, postgresql_where=CHARGE_VERSION.c.feed_seq.is_(None))

FEED_HEAD = sa.Table(
    "feed_head",
    metadata,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("epoch", pg.UUID, nullable=False),
    sa.Column("last_seq", sa.BigInteger, nullable=False),
    sa.Column("last_at", _instant, nullable=False),
)

DIFFERENCE = sa.Table(
    "difference",
    metadata,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("month", sa.Date, primary_key=True),
    sa.Column("patient", sa.Text, primary_key=True),
    sa.Column("assembly_version", sa.Integer, nullable=False),
    sa.Column("found_at", _instant, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
)

OVERPAYMENT = sa.Table(
    "overpayment",
    metadata,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("month", sa.Date, nullable=False),
    sa.Column("patient", sa.Text, nullable=False),
    sa.Column("found_at", _instant, nullable=False),
    sa.Column("report_by", sa.Date, nullable=False),
    sa.Column("investigate_by", sa.Date, nullable=False),
    sa.Column("billed", sa.Text, nullable=False),
    sa.Column("now", sa.Text, nullable=False),
    sa.Column("settled_at", _instant),
    sa.Column("outcome", sa.Text),
    sa.Column("by", sa.Text),
    sa.Column("reference", sa.Text),
    sa.CheckConstraint("(settled_at IS NULL) = (outcome IS NULL)", name="overpayment_ends_once"),
)
sa.Index(
    "overpayment_open",
    *(OVERPAYMENT.c[name] for name in ("tenant_id", "month", "patient")),
    unique=True,
    postgresql_where=OVERPAYMENT.c.settled_at.is_(None),
)

REMITTANCE = sa.Table(
    "remittance",
    metadata,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("charge_id", pg.UUID, primary_key=True),
    sa.Column("payer", sa.Text, primary_key=True),
    sa.Column("decided_on", sa.Date, primary_key=True),
    sa.Column("patient", sa.Text, nullable=False),
    sa.Column("month", sa.Date, nullable=False),
    sa.Column("claim", sa.Text, nullable=False),
    sa.Column("paid", sa.Numeric(9, 2), nullable=False),
    sa.Column("allowed", sa.Numeric(9, 2)),
    sa.Column("patient_share", sa.Numeric(9, 2)),
    sa.Column("carc", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("rarc", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("rules", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("received_at", _instant, nullable=False),
    sa.CheckConstraint("paid >= 0 AND allowed >= paid AND patient_share <= allowed", name="remittance_amounts"),
    sa.CheckConstraint("paid > 0 OR cardinality(carc) > 0", name="remittance_reason"),
)
sa.Index("remittance_by_month", REMITTANCE.c.tenant_id, REMITTANCE.c.month)

REVIEW = sa.Table(
    "review",
    metadata,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("month", sa.Date, nullable=False),
    sa.Column("patient", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("found_at", _instant, nullable=False),
)

EHR_DUE = sa.Table(
    "ehr_due",
    metadata,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("patient", sa.Text, primary_key=True),
    sa.Column("asked_at", _instant, nullable=False),
)

EHR_READ = sa.Table(
    "ehr_read",
    metadata,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("patient", sa.Text, primary_key=True),
    sa.Column("began_at", _instant, nullable=False),
)

OVERVIEW = sa.Table(
    "overview",
    metadata,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("month", sa.Date, primary_key=True),
    sa.Column("patient", sa.Text, primary_key=True),
    sa.Column("looked_at", _instant, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("birth_date", sa.Date),
    sa.Column("mrn", sa.Text),
    sa.Column("practitioner", sa.Text, nullable=False),
    sa.Column("practitioner_name", sa.Text, nullable=False),
    sa.Column("payer", sa.Text, nullable=False),
    sa.Column("profile", sa.Text, nullable=False),
    sa.Column("plan", sa.Text),
    sa.Column("enrolled", sa.Boolean, nullable=False),
    sa.Column("enrolled_first", sa.Boolean, nullable=False),
    sa.Column("approached", sa.Boolean, nullable=False),
    sa.Column("consented", sa.Boolean, nullable=False),
    sa.Column("eligible", sa.Boolean, nullable=False),
    sa.Column("conditions", sa.Integer, nullable=False),
    sa.Column("last_visit", sa.Date),
    sa.Column("consent", sa.Text, nullable=False),
    sa.Column("consent_why", sa.Text, nullable=False),
    sa.Column("consent_until", sa.Date),
    sa.Column("without_consent", sa.Integer, nullable=False),
    sa.Column("lane", sa.Text, nullable=False),
    sa.Column("counted", sa.Integer, nullable=False),
    sa.Column("asserted", sa.Integer, nullable=False),
    sa.Column("next_code", sa.Text),
    sa.Column("missing", sa.Integer),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("held_since", _instant),
    sa.Column("only_reviews", sa.Boolean, nullable=False),
    sa.Column("severity", sa.Text),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("finding", sa.Text, nullable=False),
    sa.Column("beside", sa.Text, nullable=False, server_default="[]"),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("lines", sa.Text, nullable=False),
    sa.Column("amount", sa.Numeric(12, 2), nullable=False),
    sa.Column("unknown_amounts", sa.Integer, nullable=False),
    sa.Column("place_of_service", sa.Text, nullable=False),
    sa.Column("notes_due", sa.Integer, nullable=False),
    sa.Column("copied", sa.Integer, nullable=False),
    sa.Column("last_work_at", _instant),
    sa.Column("last_work", sa.Text),
    sa.Column("last_worker", sa.Text),
    sa.Column("last_worker_name", sa.Text),
    sa.CheckConstraint("state IN ('hold', 'attest', 'released', 'none', 'outside')", name="overview_state"),
)
sa.Index("overview_by_state", *(OVERVIEW.c[name] for name in ("tenant_id", "month", "state", "name", "patient")))
sa.Index(
    "overview_short",
    *(OVERVIEW.c[name] for name in ("tenant_id", "month", "missing", "patient")),
    postgresql_where=OVERVIEW.c.missing.is_not(None),
)
for _name, _where in (
    ("overview_consent", "enrolled AND consent <> 'in-force'"),
    ("overview_eligible", "eligible AND NOT enrolled"),
    ("overview_notes", "notes_due > 0"),
):
    sa.Index(_name, *(OVERVIEW.c[name] for name in ("tenant_id", "month", "name", "patient")), postgresql_where=sa.text(_where))

OVERVIEW_STAFF = sa.Table(
    "overview_staff",
    metadata,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("month", sa.Date, primary_key=True),
    sa.Column("patient", sa.Text, primary_key=True),
    sa.Column("performer", sa.Text, primary_key=True),
    sa.Column("performer_name", sa.Text, nullable=False),
    sa.Column("measured", sa.Integer, nullable=False),
    sa.Column("asserted", sa.Integer, nullable=False),
    sa.Column("entries", sa.Integer, nullable=False),
    sa.Column("passed", sa.Integer, nullable=False),
    sa.Column("late", sa.Integer, nullable=False),
)

CDS_TOKEN = sa.Table(
    "cds_token",
    metadata,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("issuer", sa.Text, primary_key=True),
    sa.Column("token_id", sa.Text, primary_key=True),
    sa.Column("expires_at", _instant, nullable=False),
)
sa.Index("cds_token_by_end", CDS_TOKEN.c.expires_at)

CDS_FEEDBACK = sa.Table(
    "cds_feedback",
    metadata,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("card", pg.UUID, primary_key=True),
    sa.Column("outcome", sa.Text, primary_key=True),
    sa.Column("at", _instant, primary_key=True),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("client", sa.Text, nullable=False),
    sa.Column("suggestions", sa.Text, nullable=False),
    sa.Column("reason_system", sa.Text),
    sa.Column("reason_code", sa.Text),
    sa.Column("comment", sa.Text),
    sa.Column("received_at", _instant, nullable=False),
    sa.CheckConstraint("outcome IN ('accepted', 'overridden')", name="cds_feedback_outcome"),
)

OVERVIEW_DUE = sa.Table(
    "overview_due",
    metadata,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("id", pg.UUID, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column("month", sa.Date),
    sa.Column("patient", sa.Text),
    sa.Index("overview_due_by_patient", "tenant_id", "patient"),
)

REFRESHER = sa.Table(
    "refresher",
    metadata,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("lesson", sa.Text, primary_key=True),
    sa.Column("completed_at", _instant, primary_key=True),
    sa.Column("edition", sa.Text, nullable=False),
)

ONE_TIME_FILE = sa.Table(
    "one_time_file",
    metadata,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("expires_at", _instant, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
