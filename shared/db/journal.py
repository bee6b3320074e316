"""The journal: outbox and audit in one, append-only, written in the statement that makes the change.

Tables that every service has (`journal_tables`):

- `journal`: who did what to whom, when, and the event that says so to the others (or none); reads and denials too;
- `journal_unpublished`: which journal rows the relay still has to publish; it deletes as it publishes;
- `journal_unsealed` and what the sealer makes of it (`shared.db.seal_tables`);
- `stream_mark`: the broker's stream as the relay last saw it; a younger one is filled again from the journal;
- `dead_letter`: what a consumer could not take in;
- `registry`: tenants, clients and closed months as access and billing told them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from shared.db.asked import ASKED
from shared.db.seal_tables import SealTables, seal_tables
from shared.kernel.values import value

BUCKETS = 64
NOBODYS_TENANT = UUID(int=0)
"""Owns the rows of what belongs to no practice: clients and keys of the deployment, requests to practices that do not exist."""
NOBODY = "_"


@value
class JournalRecord:
    """What happened: `action` such as `consent.granted`, `event_type` None where nobody else needs to know.

    `patients` are EHR patient ids, `data` the event's payload as JSON text. `at` is domain time.
    """

    id: UUID
    at: datetime
    actor: str
    client: str
    request: str
    action: str
    patients: tuple[str, ...]
    aggregate: str
    version: int
    event_type: str | None = None
    data: str | None = None


@dataclass(frozen=True)
class JournalTables:
    """The tables of one service's metadata."""

    journal: sa.Table
    unpublished: sa.Table
    stream_mark: sa.Table
    dead_letter: sa.Table
    registry: sa.Table
    seals: SealTables


def journal_tables(metadata: sa.MetaData) -> JournalTables:
    """Define the tables in `metadata`."""
    instant = sa.DateTime(timezone=True)
    journal = sa.Table(
        "journal",
        metadata,
        sa.Column("tenant_id", pg.UUID, primary_key=True),
        sa.Column("id", pg.UUID, primary_key=True),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("patients", pg.ARRAY(sa.Text), nullable=False),
        sa.Column("aggregate", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("event_type", sa.Text),
        sa.Column("data", sa.Text),
        # the clock of the database, and the request: rows of earlier releases have none of these
        sa.Column("recorded_at", instant),
        sa.Column("address", sa.Text),
        sa.Column("token", sa.Text),
        sa.Column("interaction", sa.Text),
        sa.Column("route", sa.Text),
        sa.Column("status", sa.Integer),
        sa.Column("query", sa.Text),
        sa.Column("resources", pg.ARRAY(sa.Text)),
        sa.Column("times", sa.Integer),
    )
    sa.Index("journal_by_time", journal.c.tenant_id, journal.c.at)
    unpublished = sa.Table(
        "journal_unpublished",
        metadata,
        sa.Column("tenant_id", pg.UUID, primary_key=True),
        sa.Column("id", pg.UUID, primary_key=True),
        sa.Column("bucket", sa.SmallInteger, nullable=False),
    )
    sa.Index("journal_unpublished_by_bucket", unpublished.c.bucket, unpublished.c.id)
    stream_mark = sa.Table(
        "stream_mark",
        metadata,
        sa.Column("stream", sa.Text, primary_key=True),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("last_sequence", sa.BigInteger, nullable=False),
        sa.Column("refilled_on", sa.Date, nullable=False),
    )
    dead_letter = sa.Table(
        "dead_letter",
        metadata,
        sa.Column("stream", sa.Text, primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True),
        sa.Column("stream_created_at", instant, primary_key=True),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("headers", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("retried_at", instant),
    )
    registry = sa.Table(
        "registry",
        metadata,
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("data", sa.Text, nullable=False),
    )
    return JournalTables(journal, unpublished, stream_mark, dead_letter, registry, seal_tables(metadata))


def bucket_of(tenant_id: UUID) -> int:
    """Return the tenant's bucket, 0..63: relays share work by buckets."""
    return tenant_id.bytes[-1] % BUCKETS


def bucket_sql(tenant_id: Any) -> Any:
    """Return `bucket_of` as an SQL expression over a uuid column."""
    return (
        sa.cast(sa.cast(sa.literal("x").concat(sa.func.right(sa.cast(tenant_id, sa.Text), 2)), pg.BIT(8)), sa.Integer) % BUCKETS
    )


_OF_ANSWERS = ("recorded_at", "status", "query", "resources", "times")


def journalled(effect: Any, tables: JournalTables, *, publish: bool = True, by_itself: bool = False) -> sa.Select[int]:
    """Join `effect` (an INSERT, UPDATE or DELETE with RETURNING) with its journal row in one statement.

    The statement answers how many rows the effect changed; a caller who finds too few must let the transaction roll back,
    since the journal row is written all the same. One that is committed `by_itself` (`DriverStatement.commit`) divides by that
    number and so undoes itself. Journal values are bound by `record_values`; build the statement once.
    """
    done = effect.cte("effect")
    values: dict[str, Any] = {
        c.name: sa.bindparam(f"j_{c.name}", type_=c.type) for c in tables.journal.c if c.name not in _OF_ANSWERS
    }
    rows = tables.journal.insert().values(values | {"recorded_at": sa.func.clock_timestamp()}).cte("j")
    unsealed = {name: sa.bindparam(f"j_{name}", type_=pg.UUID()) for name in ("tenant_id", "id")}
    statement = (
        sa.select(sa.literal_column("1 / count(*)") if by_itself else sa.func.count())
        .select_from(done)
        .add_cte(rows)
        .add_cte(tables.seals.unsealed.insert().values(unsealed).cte("u"))
    )
    if publish:
        pending = {
            "tenant_id": sa.bindparam("j_tenant_id", type_=pg.UUID()),
            "id": sa.bindparam("j_id", type_=pg.UUID()),
            "bucket": sa.bindparam("j_bucket", type_=sa.SmallInteger()),
        }
        statement = statement.add_cte(tables.unpublished.insert().values(pending).cte("p"))
    return statement


def journalled_many(effect: str, tables: JournalTables) -> sa.TextClause:
    """Join `effect` (SQL text with RETURNING, over many rows) with a journal row and an event for each record in one statement.

    Answers how many rows the effect changed, as `journalled` does. Bind `j_rows` by `rows_values`.
    """
    columns = {c.name: c.type for c in tables.journal.c if c.name not in _OF_ANSWERS}
    names = ", ".join(columns)
    kinds = ", ".join(f"{name} {kind.compile(dialect=pg.dialect())}" for name, kind in columns.items())  # type: ignore[no-untyped-call]
    return sa.text(f"""
        WITH effect AS ({effect}),
             given AS (SELECT * FROM json_to_recordset(CAST(:j_rows AS json)) AS given({kinds}, bucket smallint)),
             j AS (INSERT INTO journal ({names}, recorded_at) SELECT {names}, clock_timestamp() FROM given),
             u AS (INSERT INTO journal_unsealed (tenant_id, id) SELECT tenant_id, id FROM given),
             p AS (INSERT INTO journal_unpublished (tenant_id, id, bucket) SELECT tenant_id, id, bucket FROM given)
        SELECT count(*) FROM effect
    """)  # noqa: S608 - the names are the tables' own


def rows_values(tenant_id: UUID, tenant: str, records: Iterable[JournalRecord]) -> dict[str, str]:
    """Return the parameter that `journalled_many` binds for `records`."""
    rows = [
        {name.removeprefix("j_"): value for name, value in record_values(tenant_id, tenant, record).items()} for record in records
    ]
    return {"j_rows": msgspec.json.encode(rows).decode()}


def record_values(tenant_id: UUID, tenant: str, record: JournalRecord) -> dict[str, Any]:
    """Return the parameters that `journalled` binds for `record`, with what is known of the request that makes the change."""
    asked = ASKED.get()
    if asked is not None:
        asked.journalling(record.patients)
    return {
        "j_tenant_id": tenant_id,
        "j_id": record.id,
        "j_tenant": tenant,
        "j_at": record.at,
        "j_actor": record.actor,
        "j_client": record.client,
        "j_request": record.request,
        "j_action": record.action,
        "j_patients": list(record.patients),
        "j_aggregate": record.aggregate,
        "j_version": record.version,
        "j_event_type": record.event_type,
        "j_data": record.data,
        "j_bucket": bucket_of(tenant_id),
        "j_address": asked and asked.address,
        "j_token": asked and asked.token,
        "j_interaction": asked and asked.interaction,
        "j_route": asked and asked.route,
    }
