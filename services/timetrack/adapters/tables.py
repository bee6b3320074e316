"""The tables of timetrack. Every key leads with the tenant; what is searched for is a plain, typed column."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from shared.db.journal import journal_tables
from shared.smart.charts import chart_table

METADATA = sa.MetaData()
JOURNAL = journal_tables(METADATA)
CHART = chart_table(METADATA)

_INSTANT = sa.DateTime(timezone=True)

TIME_ENTRY = sa.Table(
    "time_entry",
    METADATA,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("patient", sa.Text, nullable=False),
    sa.Column("patient_identifier_system", sa.Text),
    sa.Column("patient_identifier", sa.Text),
    sa.Column("performer", sa.Text, nullable=False),
    sa.Column("performer_npi", sa.Text),
    sa.Column("program", sa.Text, nullable=False),
    sa.Column("activity", sa.Text, nullable=False),
    sa.Column("started_at", _INSTANT),
    sa.Column("ended_at", _INSTANT),
    sa.Column("day", sa.Date),
    sa.Column("seconds", sa.Integer, nullable=False),
    sa.Column("basis", sa.Text, nullable=False),
    sa.Column("gap_seconds", sa.Integer, nullable=False),
    sa.Column("encounter", sa.Text),
    sa.Column("timer_id", pg.UUID),
    sa.Column("authored_on", _INSTANT, nullable=False),
    sa.Column("modified_at", _INSTANT, nullable=False),
    sa.CheckConstraint("seconds > 0", name="time_entry_seconds"),
    sa.CheckConstraint("ended_at > started_at", name="time_entry_order"),
    sa.CheckConstraint(
        "(day IS NULL AND started_at IS NOT NULL AND ended_at IS NOT NULL)"
        " OR (day IS NOT NULL AND started_at IS NULL AND ended_at IS NULL)",
        name="time_entry_stretch",
    ),
    pg.ExcludeConstraint(
        ("tenant_id", "="),
        ("performer", "="),
        (sa.text("tstzrange(started_at, ended_at)"), "&&"),
        where=sa.text("status = 'completed' AND started_at IS NOT NULL"),
        name="time_entry_overlap",
    ),
    sa.Index("time_entry_by_change", "tenant_id", "modified_at", "id"),
    sa.Index("time_entry_by_patient", "tenant_id", "patient", "modified_at", "id"),
    sa.Index("time_entry_by_performer", "tenant_id", "performer", "modified_at", "id"),
    sa.Index(
        "time_entry_by_patient_identifier",
        "tenant_id",
        "patient_identifier",
        postgresql_where=sa.text("patient_identifier IS NOT NULL"),
    ),
    sa.Index("time_entry_by_timer", "tenant_id", "timer_id", postgresql_where=sa.text("timer_id IS NOT NULL")),
)
"""The current version of each entry; the overlap constraint does not see void entries and those known by day only."""

TIME_ENTRY_VERSION = sa.Table(
    "time_entry_version",
    METADATA,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("change", sa.Text, nullable=False),
    sa.Column("seconds", sa.Integer, nullable=False),
    sa.Column("written_at", _INSTANT, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("client", sa.Text, nullable=False),
    sa.Column("late", sa.Boolean, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)
"""Every version that ever was: `body` is the Task as accepted, byte for byte, or as a timer made it; `late`: after a close."""

TIME_ENTRY_IDENTIFIER = sa.Table(
    "time_entry_identifier",
    METADATA,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("system", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, primary_key=True),
    sa.Column("entry_id", pg.UUID, nullable=False),
    sa.Index("time_entry_identifier_by_entry", "tenant_id", "entry_id"),
)
"""The senders' identifiers: what makes a create repeatable."""

TIMER = sa.Table(
    "timer",
    METADATA,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("id", pg.UUID, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("client", sa.Text, nullable=False),
    sa.Column("identifier", sa.Text, nullable=False),
    sa.Column("performer", sa.Text, nullable=False),
    sa.Column("patient", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("started_at", _INSTANT, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.UniqueConstraint("tenant_id", "client", "identifier", name="timer_identifier"),
    sa.Index("timer_one_running", "tenant_id", "performer", unique=True, postgresql_where=sa.text("status = 'running'")),
    sa.Index("timer_by_performer", "tenant_id", "performer", "started_at"),
)
"""Timers at work and over; `state` is the timer and what it is for, as JSON."""

STAFF_MEMBER = sa.Table(
    "staff_member",
    METADATA,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("practitioner", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("recorded_at", _INSTANT, nullable=False),
    sa.Column("recorded_by", sa.Text, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
)
"""The roster, every version of each member; the highest is in force."""

PATIENT_MENTION = sa.Table(
    "patient_mention",
    METADATA,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("patient", sa.Text, primary_key=True),
    sa.Column("known", sa.Boolean, nullable=False),
    sa.Column("checked_at", _INSTANT, nullable=False),
)
"""Whether the EHR knew a patient when asked at first mention."""

CONSENT_NOTE = sa.Table(
    "consent_note",
    METADATA,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("consent_id", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("patient", sa.Text, nullable=False),
    sa.Column("program", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Index("consent_note_by_patient", "tenant_id", "patient", "program"),
)
"""Consents as the consent service told them, every version: for a warning only, billing decides."""
