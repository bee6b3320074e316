"""Alembic's entry for the consent database."""

from services.consent.adapters.tables import METADATA
from shared.db.alembic_env import run_migrations

run_migrations(METADATA)
