"""Whether a patient's line is behind is asked at each CDS call: by an index, however many notes wait at a month's end."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the index."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("CREATE INDEX overview_due_by_patient ON overview_due (tenant_id, patient)")
