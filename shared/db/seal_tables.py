"""The tables of the sealed log, beside each journal.

- `journal_unsealed`: which journal rows wait for the sealer; written with the row, deleted as it is sealed;
- `journal_sealed`: each sealed row's number and leaf hash; the numbers of a tenant have no gaps;
- `journal_seal`: the chain: one seal for each batch of rows;
- `journal_checkpoint`: which seals were signed into the folder outside the database, and when;
- `journal_patient`: which rows concern a patient (an array reaches no index under row-level security).
"""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg


@dataclass(frozen=True)
class SealTables:
    """The tables of the sealed log."""

    unsealed: sa.Table
    sealed: sa.Table
    seal: sa.Table
    checkpoint: sa.Table
    patient: sa.Table


def seal_tables(metadata: sa.MetaData) -> SealTables:
    """Define the tables in `metadata`."""
    instant = sa.DateTime(timezone=True)
    unsealed = sa.Table(
        "journal_unsealed",
        metadata,
        sa.Column("tenant_id", pg.UUID, primary_key=True),
        sa.Column("id", pg.UUID, primary_key=True),
    )
    sealed = sa.Table(
        "journal_sealed",
        metadata,
        sa.Column("tenant_id", pg.UUID, primary_key=True),
        sa.Column("entry", sa.BigInteger, primary_key=True),
        sa.Column("id", pg.UUID, nullable=False),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("tenant_id", "id", name="journal_sealed_once"),
    )
    seal = sa.Table(
        "journal_seal",
        metadata,
        sa.Column("tenant_id", pg.UUID, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True),
        sa.Column("first", sa.BigInteger, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("seal", sa.LargeBinary, nullable=False),
        sa.Column("sealed_at", instant, nullable=False),
    )
    checkpoint = sa.Table(
        "journal_checkpoint",
        metadata,
        sa.Column("tenant_id", pg.UUID, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True),
        sa.Column("entries", sa.BigInteger, nullable=False),
        sa.Column("seal", sa.LargeBinary, nullable=False),
        sa.Column("signed_at", instant, nullable=False),
    )
    patient = sa.Table(
        "journal_patient",
        metadata,
        sa.Column("tenant_id", pg.UUID, primary_key=True),
        sa.Column("patient", sa.Text, primary_key=True),
        sa.Column("id", pg.UUID, primary_key=True),
    )
    return SealTables(unsealed, sealed, seal, checkpoint, patient)
