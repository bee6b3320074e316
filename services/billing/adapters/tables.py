"""Billing's tables. Rows of a tenant lead every key with it; what decides or is searched is a plain typed column.

- `ledger_entry`: a fact that was received, whole, at a version; nothing is overwritten, the fact in force is the highest version;
- `assembly`: what a month came to for a patient, each decision a version;
- `charge`: the charges of today, the one place where two could clash; planned ones are pointers to their assembly;
- `charge_version`: what the outside saw of a charge, version by version, numbered by `feed_head` after the commit;
- `difference`: a released month whose facts now say something else, until the practitioner attests it;
- `review`: what waits for a named person's decision, by the key that the decision answers;
- `ehr_due`, `ehr_read`: which patients' charts are to be read, and when one last was.
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
