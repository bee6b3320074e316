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
journal = journal_tables(metadata)

_instant = sa.DateTime(timezone=True)

ACTIVE = ("planned", "billable", "billed")
"""The states in which a charge excludes another one of its code, and its lane another lane."""

ledger_entry = sa.Table(
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
sa.Index("ledger_entry_by_patient", ledger_entry.c.tenant_id, ledger_entry.c.patient)
sa.Index(
    "ledger_entry_by_performer",
    ledger_entry.c.tenant_id,
    ledger_entry.c.performer,
    ledger_entry.c.from_at,
    postgresql_where=ledger_entry.c.performer.is_not(None),
)

assembly = sa.Table(
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
    sa.Column("data", sa.Text, nullable=False),
)

charge = sa.Table(
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
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("units", sa.Integer, nullable=False),
    sa.Column("date_of_service", sa.Date, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("assembly_version", sa.Integer, nullable=False),
    sa.Column("entered_at", _instant),
    sa.Column("context", sa.Text),
    sa.Column("account", sa.Text),
    sa.Column("updated_at", _instant, nullable=False),
    sa.CheckConstraint("status IN ('planned', 'billable', 'billed', 'aborted', 'entered-in-error')", name="charge_status"),
    sa.CheckConstraint("(status = 'planned') = (version = 0)", name="charge_planned_is_unpublished"),
    sa.CheckConstraint("units > 0", name="charge_units"),
)
sa.Index(
    "charge_one_lane",
    charge.c.tenant_id,
    charge.c.patient,
    charge.c.month,
    unique=True,
    postgresql_where=sa.text("lane IS NOT NULL AND status IN ('planned', 'billable', 'billed')"),
)
sa.Index(
    "charge_one_of_a_code",
    charge.c.tenant_id,
    charge.c.patient,
    charge.c.month,
    charge.c.code,
    unique=True,
    postgresql_where=sa.text("status IN ('planned', 'billable', 'billed')"),
)
sa.Index("charge_by_patient", charge.c.tenant_id, charge.c.patient, charge.c.month)
sa.Index("charge_by_month", charge.c.tenant_id, charge.c.month, charge.c.patient)
sa.Index("charge_by_status", charge.c.tenant_id, charge.c.status, charge.c.updated_at, charge.c.id)
sa.Index("charge_by_update", charge.c.tenant_id, charge.c.updated_at, charge.c.id)

charge_version = sa.Table(
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
    charge_version.c.tenant_id,
    charge_version.c.feed_seq,
    unique=True,
    postgresql_where=charge_version.c.feed_seq.is_not(None),
)
sa.Index("charge_version_unnumbered", charge_version.c.tenant_id, postgresql_where=charge_version.c.feed_seq.is_(None))

feed_head = sa.Table(
    "feed_head",
    metadata,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("epoch", pg.UUID, nullable=False),
    sa.Column("last_seq", sa.BigInteger, nullable=False),
    sa.Column("last_at", _instant, nullable=False),
)

difference = sa.Table(
    "difference",
    metadata,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("month", sa.Date, primary_key=True),
    sa.Column("patient", sa.Text, primary_key=True),
    sa.Column("assembly_version", sa.Integer, nullable=False),
    sa.Column("found_at", _instant, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
)

review = sa.Table(
    "review",
    metadata,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("month", sa.Date, nullable=False),
    sa.Column("patient", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("found_at", _instant, nullable=False),
)

ehr_due = sa.Table(
    "ehr_due",
    metadata,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("patient", sa.Text, primary_key=True),
    sa.Column("asked_at", _instant, nullable=False),
)

ehr_read = sa.Table(
    "ehr_read",
    metadata,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("patient", sa.Text, primary_key=True),
    sa.Column("began_at", _instant, nullable=False),
)
