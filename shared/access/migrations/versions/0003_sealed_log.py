"""The journal tells of requests too, and is sealed: new columns, and the tables of its seals."""

from alembic import op

from shared.db.policies import add_sealed_log

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add them."""
    add_sealed_log(op, "access")
