"""The roster as rows: every version of each member, the highest in force."""

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.timetrack.adapters.repository import bound, constraint_of
from services.timetrack.adapters.tables import JOURNAL, STAFF_MEMBER
from services.timetrack.domain.staff import StaffMember
from services.timetrack.usecases.ports import Author, Practice, StaffRecord
from shared.db.journal import JournalRecord, journalled, record_values
from shared.kernel.errors import PreconditionFailed
from shared.kernel.ids import uuid7

_MEMBER = msgspec.json.Decoder(StaffMember)
_ADD = journalled(STAFF_MEMBER.insert().values(bound(STAFF_MEMBER, "s")).returning(STAFF_MEMBER.c.version), JOURNAL)


class RosterRepository:
    """The staff of `practice` in an open transaction; fills `usecases.ports.Roster`."""

    def __init__(self, connection: AsyncConnection, practice: Practice) -> None:
        self._connection = connection
        self._practice = practice

    async def find(self, practitioner: str) -> StaffRecord | None:
        """Return the member's current version, or None."""
        query = self._select().where(STAFF_MEMBER.c.practitioner == practitioner).limit(1)
        row = (await self._connection.execute(query)).one_or_none()
        return _record_of(row) if row else None

    async def all(self) -> list[StaffRecord]:
        """Return every member's current version, by Practitioner id."""
        query = self._select().ext(distinct_on(STAFF_MEMBER.c.practitioner))
        return [_record_of(row) for row in await self._connection.execute(query)]

    async def add(self, record: StaffRecord, state: str, author: Author) -> None:
        """Insert version, journal row and mark in one statement; PreconditionFailed if the version is there by now."""
        tenant_id = self._practice.tenant_id
        row = {
            "tenant_id": tenant_id,
            "practitioner": record.member.practitioner,
            "version": record.version,
            "recorded_at": record.recorded_at,
            "recorded_by": record.recorded_by,
            "document": msgspec.json.encode(record.member).decode(),
        }
        journal = JournalRecord(
            id=uuid7(record.recorded_at),
            at=record.recorded_at,
            actor=author.actor,
            client=author.client,
            request=author.request,
            action="staff-member.recorded",
            patients=(),
            aggregate=record.member.practitioner,
            version=record.version,
            event_type="ccm.staff-member.recorded.v1",
            data=state,
        )
        values = {f"s_{name}": value for name, value in row.items()}
        try:
            await self._connection.execute(_ADD, {**values, **record_values(tenant_id, self._practice.tenant, journal)})
        except IntegrityError as error:
            if constraint_of(error) != "staff_member_pkey":
                raise
            raise PreconditionFailed("the member has been recorded meanwhile: read it again") from error

    def _select(self) -> "sa.Select[Any]":
        mine = STAFF_MEMBER.c.tenant_id == self._practice.tenant_id
        return sa.select(STAFF_MEMBER).where(mine).order_by(STAFF_MEMBER.c.practitioner, STAFF_MEMBER.c.version.desc())


def _record_of(row: Any) -> StaffRecord:
    return StaffRecord(_MEMBER.decode(row.document), row.version, row.recorded_at, row.recorded_by)
