"""The journal of one practice as an auditor reads it: by patient, person and day, newest first, and how far it is sealed."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db.journal import JournalTables

_CHUNK = 1000


@dataclass(frozen=True)
class Wanted:
    """Which rows: from `since` to before `until`, of a patient (EHR id), of a person or client, or of all."""

    since: datetime
    until: datetime
    patient: str | None = None
    actor: str | None = None


@dataclass(frozen=True)
class Standing:
    """How far a log is sealed and signed; None where nothing is yet."""

    sealed: int | None
    sealed_at: datetime | None
    signed: int | None
    signed_at: datetime | None


class AuditLog:
    """The journal of one practice, in an open transaction."""

    def __init__(self, connection: AsyncConnection, tables: JournalTables, tenant_id: UUID) -> None:
        self._connection = connection
        self._tables = tables
        self._tenant_id = tenant_id

    async def newest(self, wanted: Wanted, *, most: int) -> list[Mapping[str, Any]]:
        """Return up to `most` rows, newest first, each with the number of its entry (None: not sealed yet)."""
        query = self._query(wanted).order_by(self._tables.journal.c.at.desc(), self._tables.journal.c.id.desc()).limit(most)
        return [row._mapping for row in await self._connection.execute(query)]

    async def each(self, wanted: Wanted) -> AsyncIterator[Mapping[str, Any]]:
        """Yield all rows, oldest first."""
        journal = self._tables.journal.c
        after: tuple[datetime, UUID] | None = None
        while True:
            query = self._query(wanted).order_by(journal.at, journal.id).limit(_CHUNK)
            if after is not None:
                query = query.where(sa.tuple_(journal.at, journal.id) > sa.tuple_(*map(sa.literal, after)))
            rows = (await self._connection.execute(query)).all()
            for row in rows:
                yield row._mapping
            if len(rows) < _CHUNK:
                return
            after = (rows[-1].at, rows[-1].id)

    async def standing(self) -> Standing:
        """Return how far the log is sealed and signed."""
        seal, checkpoint = self._tables.seals.seal.c, self._tables.seals.checkpoint.c
        newest = sa.select(seal.last, seal.sealed_at).where(seal.tenant_id == self._tenant_id)
        sealed = (await self._connection.execute(newest.order_by(seal.number.desc()).limit(1))).one_or_none()
        newest = sa.select(checkpoint.entries, checkpoint.signed_at).where(checkpoint.tenant_id == self._tenant_id)
        signed = (await self._connection.execute(newest.order_by(checkpoint.number.desc()).limit(1))).one_or_none()
        return Standing(*(sealed or (None, None)), *(signed or (None, None)))

    def _query(self, wanted: Wanted) -> sa.Select[Any]:
        journal, sealed = self._tables.journal, self._tables.seals.sealed
        mine = (sealed.c.tenant_id == journal.c.tenant_id) & (sealed.c.id == journal.c.id)
        query = (
            sa.select(journal, sealed.c.entry)
            .select_from(journal.outerjoin(sealed, mine))
            .where(journal.c.tenant_id == self._tenant_id, journal.c.at >= wanted.since, journal.c.at < wanted.until)
        )
        if wanted.patient is not None:
            mention = self._tables.seals.patient.c
            about = sa.select(mention.id).where(mention.tenant_id == self._tenant_id, mention.patient == wanted.patient)
            query = query.where(journal.c.id.in_(about))
        if wanted.actor is not None:
            ends = sa.func.right(journal.c.actor, sa.func.length(wanted.actor) + 1) == f"/{wanted.actor}"
            query = query.where(sa.or_(journal.c.actor == wanted.actor, journal.c.client == wanted.actor, ends))
        return query
