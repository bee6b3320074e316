"""Access's tables. All but the journal are global: they belong to the deployment, and no care data is in them."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from shared.db.journal import journal_tables

METADATA = sa.MetaData()
JOURNAL = journal_tables(METADATA)
_INSTANT = sa.DateTime(timezone=True)

TENANT = sa.Table(
    "tenant",
    METADATA,
    sa.Column("tenant_id", pg.UUID, primary_key=True),
    sa.Column("slug", sa.Text, nullable=False, unique=True),
    sa.Column("version", sa.Integer, nullable=False),
)
TENANT_DOCUMENT = sa.Table(
    "tenant_document",
    METADATA,
    sa.Column("tenant_id", pg.UUID, sa.ForeignKey("tenant.tenant_id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("effective_from", sa.Date, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("applied_at", _INSTANT, nullable=False),
    sa.Column("applied_by", sa.Text, nullable=False),
)
CLIENT = sa.Table(
    "client",
    METADATA,
    sa.Column("client_id", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("changed_at", _INSTANT, nullable=False),
    sa.CheckConstraint("status IN ('active', 'disabled')", name="client_status"),
)
CLIENT_KEY = sa.Table(
    "client_key",
    METADATA,
    sa.Column("client_id", sa.Text, sa.ForeignKey("client.client_id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("jwks", sa.Text),
    sa.Column("jwks_url", sa.Text),
    sa.CheckConstraint("(jwks IS NULL) <> (jwks_url IS NULL)", name="client_key_one_source"),
)
CLIENT_GRANT = sa.Table(
    "client_grant",
    METADATA,
    sa.Column("tenant_id", pg.UUID, sa.ForeignKey("tenant.tenant_id"), primary_key=True),
    sa.Column("client_id", sa.Text, sa.ForeignKey("client.client_id"), primary_key=True),
    sa.Column("scopes", pg.ARRAY(sa.Text), nullable=False),
)
sa.Index("client_grant_by_client", CLIENT_GRANT.c.client_id)
CLIENT_JTI = sa.Table(
    "client_jti",
    METADATA,
    sa.Column("client_id", sa.Text, sa.ForeignKey("client.client_id"), primary_key=True),
    sa.Column("jti", sa.Text, primary_key=True),
    sa.Column("expires_at", _INSTANT, nullable=False),
)
sa.Index("client_jti_by_end", CLIENT_JTI.c.expires_at)
SIGNING_KEY = sa.Table(
    "signing_key",
    METADATA,
    sa.Column("kid", sa.Text, primary_key=True),
    sa.Column("public_jwk", sa.Text, nullable=False),
    sa.Column("published_at", _INSTANT, nullable=False),
    sa.Column("activates_at", _INSTANT, nullable=False),
    sa.Column("retires_at", _INSTANT),
)
