"""Who has done which refresher, as rows: one for each completion, never changed."""

from datetime import date
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.adapters.journaling import plain_record
from services.billing.adapters.tables import JOURNAL, LEDGER_ENTRY, REFRESHER
from services.billing.usecases.records import Author
from services.billing.usecases.refreshers import Completion, Member
from shared.db.journal import journalled, record_values


class _RoleHeld(msgspec.Struct):
    role: str
    since: date
    until: date | None = None


class _Staff(msgspec.Struct):
    practitioner: str
    name: str
    roles: tuple[_RoleHeld, ...] = ()


_staff = msgspec.json.Decoder(_Staff)
_COMPLETE = journalled(
    pg.insert(REFRESHER)
    .values({c.name: sa.bindparam(c.name, type_=c.type) for c in REFRESHER.c})
    .on_conflict_do_nothing()
    .returning(REFRESHER.c.lesson),
    JOURNAL,
    publish=False,
)


class RefresherRepository:
    """Fills `usecases.refreshers.RefresherStore` in an open transaction."""

    def __init__(self, connection: AsyncConnection, tenant_id: UUID, tenant: str) -> None:
        self._connection = connection
        self._tenant_id = tenant_id
        self._tenant = tenant

    async def members(self, day: date) -> list[Member]:
        """Return the roster's people with a role on a day."""
        query = (
            sa.select(LEDGER_ENTRY.c.data)
            .ext(pg.distinct_on(LEDGER_ENTRY.c.aggregate))
            .where(
                LEDGER_ENTRY.c.tenant_id == self._tenant_id,
                LEDGER_ENTRY.c.patient.is_(None),
                LEDGER_ENTRY.c.kind == "staff-member",
            )
            .order_by(LEDGER_ENTRY.c.aggregate, LEDGER_ENTRY.c.version.desc())
        )
        members = [_member(data, day) for data in (await self._connection.execute(query)).scalars()]
        members = [member for member in members if member.roles]
        return sorted(members, key=lambda member: (member.name, member.practitioner))

    async def completions(self, person: str | None = None) -> list[Completion]:
        """Return the last completion of each lesson."""
        query = (
            sa.select(REFRESHER.c.person, REFRESHER.c.lesson, REFRESHER.c.edition, REFRESHER.c.completed_at)
            .ext(pg.distinct_on(REFRESHER.c.person, REFRESHER.c.lesson))
            .where(REFRESHER.c.tenant_id == self._tenant_id, *((REFRESHER.c.person == person,) if person else ()))
            .order_by(REFRESHER.c.person, REFRESHER.c.lesson, REFRESHER.c.completed_at.desc())
        )
        return [Completion(**row._mapping) for row in await self._connection.execute(query)]

    async def complete(self, completion: Completion, author: Author) -> None:
        """Record a completion and its journal row in one statement."""
        aggregate = f"refresher/{completion.person}/{completion.lesson}"
        record = plain_record(completion.completed_at, author, "refresher.completed", (), aggregate, 1)
        values = {
            "tenant_id": self._tenant_id,
            "person": completion.person,
            "lesson": completion.lesson,
            "edition": completion.edition,
            "completed_at": completion.completed_at,
            **record_values(self._tenant_id, self._tenant, record),
        }
        await self._connection.execute(_COMPLETE, values)


def _member(data: str, day: date) -> Member:
    found = _staff.decode(data)
    roles: dict[str, date] = {}
    for held in found.roles:
        if held.since <= day and (held.until is None or day <= held.until):
            roles[held.role] = min(held.since, roles.get(held.role, held.since))
    return Member(practitioner=found.practitioner, name=found.name, roles=roles)
