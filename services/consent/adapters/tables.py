"""The tables of consent. Every version is kept; `consent` only points to the newest and holds what searches ask for."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from shared.db.journal import journal_tables
from shared.smart.charts import chart_table

METADATA = sa.MetaData()
JOURNAL = journal_tables(METADATA)
CHART = chart_table(METADATA)

_INSTANT = sa.DateTime(timezone=True)

CONSENT = sa.Table(
    "consent",
    METADATA,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("updated_at", _INSTANT, nullable=False),
    sa.Column("patient", sa.Text, nullable=False),
    sa.Column("program", sa.Text, nullable=False),
    sa.Column("practitioner", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("categories", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("patient_identifiers", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("given_at", _INSTANT, nullable=False),
    sa.Column("period_start", _INSTANT),
    sa.Column("period_end", _INSTANT),
)
"""`categories` and `patient_identifiers` hold `system|code`; `period_end` (exclusive) is empty where the period is open."""
sa.Index("consent_by_patient", CONSENT.c.tenant_id, CONSENT.c.patient, CONSENT.c.program)
sa.Index("consent_by_update", CONSENT.c.tenant_id, CONSENT.c.updated_at, CONSENT.c.id)

VERSION = sa.Table(
    "consent_version",
    METADATA,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("recorded_at", _INSTANT, nullable=False),
    sa.Column("late", sa.Boolean, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("kept", sa.Text, nullable=False),
    sa.Column("accepted", sa.Text),
    sa.ForeignKeyConstraint(["tenant_id", "id"], ["consent.tenant_id", "consent.id"], name="consent_version_of_consent"),
)
"""`state` is the domain's view as JSON, `kept` the resource as accepted with the EHR's references relative, `accepted` the
bytes that the client sent (none where a version follows from another consent's)."""

IDENTIFIER = sa.Table(
    "consent_identifier",
    METADATA,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("system", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, primary_key=True),
    sa.Column("consent_id", pg.UUID, nullable=False),
    sa.Column("body_hash", sa.LargeBinary, nullable=False),
)
"""Whose identifier it is: claimed before the consent is written, so that the key decides between concurrent creates."""
sa.Index("consent_identifier_by_consent", IDENTIFIER.c.tenant_id, IDENTIFIER.c.consent_id)

PATIENT_MENTION = sa.Table(
    "patient_mention",
    METADATA,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("patient", sa.Text, primary_key=True),
    sa.Column("known", sa.Boolean, nullable=False),
    sa.Column("checked_at", _INSTANT, nullable=False),
)
"""What the EHR answered when a patient was first mentioned."""

STAFF_MEMBER = sa.Table(
    "staff_member",
    METADATA,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("practitioner", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("document", sa.Text, nullable=False),
)
"""The roster as timetrack tells it, every version of each member; the highest is in force."""

DOCUMENT = sa.Table(
    "consent_document",
    METADATA,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("patient", sa.Text, nullable=False),
    sa.Column("content_type", sa.Text, nullable=False),
    sa.Column("bytes", sa.LargeBinary, nullable=False),
    sa.Column("sha256", sa.LargeBinary, nullable=False),
    sa.Column("kept_at", _INSTANT, nullable=False),
    sa.Column("kept_by", sa.Text, nullable=False),
)
"""Signatures and scans, byte for byte; a consent names its own by the address of its attachment."""

FILING = sa.Table(
    "chart_filing",
    METADATA,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("consent_id", pg.UUID, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("patient", sa.Text, nullable=False),
    sa.Column("recorded_at", _INSTANT, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("status_at", _INSTANT, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_at", _INSTANT, nullable=False),
    sa.Column("content", sa.LargeBinary),
    sa.Column("sha256", sa.LargeBinary),
    sa.Column("document", sa.Text),
)
"""What goes into the EHR's chart: each version of a grant, its PDF once written, the EHR's id of it once filed.

`status` is waiting, filed or refused; `due_at` when it is looked at next: whoever takes it on moves that first.
"""
sa.Index("chart_filing_by_due", FILING.c.due_at, postgresql_where=FILING.c.status != "filed")
