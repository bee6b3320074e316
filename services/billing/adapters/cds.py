"""CDS Hooks as rows: a patient's line in one read, feedback once each, tokens of CDS clients as long as they live."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.billing.adapters.journaling import plain_record
from services.billing.adapters.tables import CDS_FEEDBACK, CDS_TOKEN, JOURNAL, OVERVIEW, OVERVIEW_DUE
from services.billing.usecases.cds_ports import CareLine, Feedback
from services.billing.usecases.overview_ports import OverviewRow
from services.billing.usecases.records import Author
from shared.db.journal import journalled, record_values
from shared.db.transaction import tenant_transaction, worker_transaction
from shared.kernel.calendar_month import CalendarMonth

_COLUMNS = [OVERVIEW.c[field.name] for field in fields(OverviewRow)]
_patient = sa.bindparam("patient", type_=sa.Text())
_tenant_id = sa.bindparam("tenant_id", type_=pg.UUID())
_DUE = sa.exists().where(
    OVERVIEW_DUE.c.tenant_id == _tenant_id, sa.or_(OVERVIEW_DUE.c.patient == _patient, OVERVIEW_DUE.c.patient.is_(None))
)
_LINE = (
    sa.select(OVERVIEW.c.month, _DUE.label("behind"), *_COLUMNS)
    .where(
        OVERVIEW.c.tenant_id == _tenant_id,
        OVERVIEW.c.patient == _patient,
        OVERVIEW.c.month == sa.any_(sa.bindparam("months", type_=pg.ARRAY(sa.Date))),
    )
    .order_by(OVERVIEW.c.month.desc())
    .limit(1)
)
_KEEP = journalled(
    pg.insert(CDS_FEEDBACK)
    .values({column.name: sa.bindparam(column.name, type_=column.type) for column in CDS_FEEDBACK.c})
    .on_conflict_do_nothing()
    .returning(CDS_FEEDBACK.c.card),
    JOURNAL,
    publish=False,
)
_GRACE = timedelta(minutes=5)


class CdsRepository:
    """Fills `usecases.cds_ports.CdsStore` in an open transaction."""

    def __init__(self, connection: AsyncConnection, tenant_id: UUID, tenant: str) -> None:
        self._connection = connection
        self._tenant_id = tenant_id
        self._tenant = tenant

    async def line(self, patient: str, months: Sequence[CalendarMonth]) -> CareLine | None:
        """Return the patient's line of the latest of `months` that has one."""
        values = {"tenant_id": self._tenant_id, "patient": patient, "months": [month.first_day for month in months]}
        found = (await self._connection.execute(_LINE, values)).one_or_none()
        if found is None:
            return None
        columns = dict(found._mapping)
        month, behind = columns.pop("month"), columns.pop("behind")
        return CareLine(month=CalendarMonth(month.year, month.month), behind=behind, row=OverviewRow(**columns))

    async def keep(self, feedback: Feedback, author: Author, at: datetime) -> bool:
        """Keep a feedback with its journal row; False for one that came before: roll back then."""
        record = plain_record(at, author, "card.answered", (), f"cds-card/{feedback.card}", 1)
        system, code = feedback.reason or (None, None)
        values = {
            "tenant_id": self._tenant_id,
            "card": feedback.card,
            "outcome": feedback.outcome,
            "at": feedback.at,
            "topic": feedback.topic.value,
            "client": author.client,
            "suggestions": msgspec.json.encode([str(one) for one in feedback.suggestions]).decode(),
            "reason_system": system,
            "reason_code": code,
            "comment": feedback.comment,
            "received_at": at,
        }
        statement = values | record_values(self._tenant_id, self._tenant, record)
        return bool((await self._connection.execute(_KEEP, statement)).scalar_one())


class CdsTokenUses:
    """Fills `shared.smart.cds_authenticator.TokenUses`: a row for each token that was used, until it has expired."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def first(self, tenant_id: UUID, issuer: str, token_id: str, until: datetime) -> bool:
        """Note a use; tell whether it is the first one."""
        row = {"tenant_id": tenant_id, "issuer": issuer, "token_id": token_id, "expires_at": until}
        async with tenant_transaction(self._engine, tenant_id) as connection:
            return (await connection.execute(pg.insert(CDS_TOKEN).on_conflict_do_nothing(), row)).rowcount == 1

    async def forget(self) -> int:
        """Delete the rows of tokens that cannot be used any more, by the worker role; return 0: nothing failed."""
        over = CDS_TOKEN.c.expires_at < datetime.now(UTC) - _GRACE
        async with worker_transaction(self._engine) as connection:
            await connection.execute(sa.delete(CDS_TOKEN).where(over))
        return 0
