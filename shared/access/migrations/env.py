"""Alembic's entry for access."""

from shared.access.adapters.tables import METADATA
from shared.db.alembic_env import run_migrations

run_migrations(METADATA)
