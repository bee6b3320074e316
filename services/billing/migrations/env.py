"""Alembic's way in: the tables of billing, on the connection that `careledger db migrate` opened."""

from services.billing.adapters.tables import metadata
from shared.db.alembic_env import run_migrations

run_migrations(metadata)
