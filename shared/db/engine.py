"""Engines over asyncpg in autocommit: transactions are ours to open (see `transaction`)."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

STATEMENT_SECONDS = 30
"""No write transaction lives longer; a feed reader that overlaps by 60 s is therefore complete (integration.md 5)."""


def make_engine(url: str, *, name: str, size: int = 10) -> AsyncEngine:
    """Return an engine for `url` (postgresql://…), named `name` at the server, with at most `size` connections."""
    limit = str(STATEMENT_SECONDS * 1000)
    settings: dict[str, Any] = {
        "application_name": name,
        "timezone": "UTC",
        "statement_timeout": limit,
        "idle_in_transaction_session_timeout": limit,
        "lock_timeout": "10000",
        "jit": "off",
    }
    return create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://", 1),
        isolation_level="AUTOCOMMIT",
        pool_size=size,
        max_overflow=0,
        pool_timeout=10,
        pool_reset_on_return=None,
        pool_pre_ping=False,
        hide_parameters=True,
        connect_args={"server_settings": settings},
    )
