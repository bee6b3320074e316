"""The tables of launches and web sessions: every one a tenant's, under row-level security."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from shared.access.adapters.tables import METADATA

_INSTANT = sa.DateTime(timezone=True)

EHR_ISSUER = sa.Table(
    "ehr_issuer",
    METADATA,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("iss", sa.Text, primary_key=True),
    sa.Column("document_version", sa.Integer, primary_key=True),
    sa.Column("authorize_url", sa.Text, nullable=False),
    sa.Column("token_url", sa.Text, nullable=False),
    sa.Column("jwks_url", sa.Text, nullable=False),
    sa.Column("issuer", sa.Text, nullable=False),
    sa.Column("names_issuer", sa.Boolean, nullable=False),
    sa.Column("read_at", _INSTANT, nullable=False),
)
LAUNCH_TX = sa.Table(
    "launch_tx",
    METADATA,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("state_hash", sa.LargeBinary, primary_key=True),
    sa.Column("secret_hash", sa.LargeBinary, nullable=False),
    sa.Column("iss", sa.Text, nullable=False),
    sa.Column("nonce", sa.Text, nullable=False),
    sa.Column("code_verifier", sa.Text, nullable=False),
    sa.Column("created_at", _INSTANT, nullable=False),
    sa.Column("used_at", _INSTANT),
)
sa.Index("launch_tx_by_time", LAUNCH_TX.c.tenant_id, LAUNCH_TX.c.created_at)
WEB_SESSION = sa.Table(
    "web_session",
    METADATA,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("sid", pg.UUID, primary_key=True),
    sa.Column("launch_id", sa.Text, nullable=False),
    sa.Column("handle_hash", sa.LargeBinary, nullable=False),
    sa.Column("iss", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("fhir_user", sa.Text, nullable=False),
    sa.Column("user_name", sa.Text, nullable=False),
    sa.Column("roles", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("patient", sa.Text),
    sa.Column("encounter", sa.Text),
    sa.Column("created_at", _INSTANT, nullable=False),
    sa.Column("expires_at", _INSTANT, nullable=False),
    sa.Column("ended_at", _INSTANT),
    sa.UniqueConstraint("tenant_id", "launch_id", name="web_session_one_launch"),
)
EHR_TOKEN = sa.Table(
    "ehr_token",
    METADATA,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("sid", pg.UUID, primary_key=True),
    sa.Column("access_token", sa.LargeBinary, nullable=False),
    sa.Column("refresh_token", sa.LargeBinary),
    sa.Column("fresh_until", _INSTANT, nullable=False),
    sa.ForeignKeyConstraint(["tenant_id", "sid"], ["web_session.tenant_id", "web_session.sid"]),
)
EHR_CONTEXT = sa.Table(
    "ehr_context",
    METADATA,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("patient", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False),
)
DRAFT = sa.Table(
    "draft",
    METADATA,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("fhir_user", sa.Text, primary_key=True),
    sa.Column("patient", sa.Text, primary_key=True),
    sa.Column("form", sa.Text, primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("saved_at", _INSTANT, nullable=False),
)
sa.Index("draft_by_time", DRAFT.c.tenant_id, DRAFT.c.saved_at)
STAFF_MEMBER = sa.Table(
    "staff_member",
    METADATA,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("practitioner", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("npi", sa.Text),
    sa.Column("roles", sa.Text, nullable=False),
)
sa.Index("staff_member_by_npi", STAFF_MEMBER.c.tenant_id, STAFF_MEMBER.c.npi)
FRAMING = sa.Table(
    "framing",
    METADATA,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("origin", sa.Text, primary_key=True),
    sa.Column("way", sa.Text, primary_key=True),
    sa.Column("times", sa.Integer, nullable=False),
    sa.Column("first_at", _INSTANT, nullable=False),
    sa.Column("last_at", _INSTANT, nullable=False),
)
