"""Alembic's entry for access."""

import shared.access.adapters.launch_tables  # noqa: F401 - it adds its tables
from shared.access.adapters.tables import METADATA
from shared.db.alembic_env import run_migrations

run_migrations(METADATA)
