"""Alembic's way in."""

from services.timetrack.adapters.tables import METADATA
from shared.db.alembic_env import run_migrations

run_migrations(METADATA)
