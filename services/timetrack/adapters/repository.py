"""Time entries as rows. Statements are built once; every one names the tenant besides row-level security."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.timetrack.adapters.tables import JOURNAL, TIME_ENTRY, TIME_ENTRY_IDENTIFIER, TIME_ENTRY_VERSION
from services.timetrack.domain.time_entry import DayOnly, Status, StoredEntry
from services.timetrack.usecases.ports import Author, EntryVersion, IdentifierTaken, Practice, StoredVersion, StretchTaken
from shared.db.driver_statement import DriverStatement
from shared.db.journal import JournalRecord, journalled, record_values
from shared.kernel.errors import PreconditionFailed
from shared.kernel.ids import uuid7
from shared.kernel.interval import Interval
from shared.kernel.vocabulary import Program, TimeBasis

_ENTRY, _VERSION, _IDENTIFIER = TIME_ENTRY, TIME_ENTRY_VERSION, TIME_ENTRY_IDENTIFIER
_OVERLAP, _IDENTITY = "time_entry_overlap", "time_entry_identifier_pkey"
_FIXED = ("tenant_id", "id", "authored_on", "timer_id", "patient", "performer")


def bound(table: sa.Table, prefix: str) -> dict[str, Any]:
    """Return a bind parameter for each column of `table`, named with `prefix`."""
    return {column.name: sa.bindparam(f"{prefix}_{column.name}", type_=column.type) for column in table.c}


def constraint_of(error: IntegrityError) -> str | None:
    """Return the name of the constraint that refused a statement."""
    for found in (error.orig, getattr(error.orig, "__cause__", None)):
        name: str | None = getattr(found, "constraint_name", None)
        if name is not None:
            return name
    return None


_VERSION_ROW = _VERSION.insert().values(bound(_VERSION, "v")).cte("v")
_IDENTIFIER_ROW = _IDENTIFIER.insert().values(bound(_IDENTIFIER, "i")).cte("i")
# no row back is the refusal: the constraint is named, or a duplicate id would be hidden too
_NEW = pg.insert(_ENTRY).values(bound(_ENTRY, "e")).on_conflict_do_nothing(constraint=_OVERLAP).returning(_ENTRY.c.id)
_ADDING = journalled(_NEW, JOURNAL).add_cte(_VERSION_ROW)
_ADD = DriverStatement(_ADDING.add_cte(_IDENTIFIER_ROW))
_ADD_MEASURED = DriverStatement(_ADDING)
_ADD_BY_ITSELF = DriverStatement(journalled(_NEW, JOURNAL, by_itself=True).add_cte(_VERSION_ROW).add_cte(_IDENTIFIER_ROW))
_APPEND = journalled(
    _ENTRY.update()
    .where(
        _ENTRY.c.tenant_id == sa.bindparam("e_tenant_id", type_=pg.UUID()),
        _ENTRY.c.id == sa.bindparam("e_id", type_=pg.UUID()),
        _ENTRY.c.version == sa.bindparam("e_version", type_=sa.Integer()) - 1,
    )
    .values({name: value for name, value in bound(_ENTRY, "e").items() if name not in _FIXED})
    .returning(_ENTRY.c.id),
    JOURNAL,
).add_cte(_VERSION_ROW)

_CURRENT = (_ENTRY.c.tenant_id == _VERSION.c.tenant_id) & (_ENTRY.c.id == _VERSION.c.id)
READ = sa.select(
    _VERSION.c.id,
    _VERSION.c.version,
    _ENTRY.c.authored_on,
    _VERSION.c.seconds,
    _VERSION.c.written_at,
    _VERSION.c.author,
    _VERSION.c.change,
    _VERSION.c.late,
    _VERSION.c.body,
).join_from(_VERSION, _ENTRY, _CURRENT)
"""Versions with what their entry says of all of them; `stored_of` reads a row."""


class EntryRepository:
    """The entries of `practice` in an open transaction; fills `usecases.ports.Entries`."""

    def __init__(self, connection: AsyncConnection, practice: Practice) -> None:
        self._connection = connection
        self._practice = practice

    async def add(self, version: EntryVersion, author: Author) -> None:
        """Insert entry, version, first identifier, journal row and mark in one statement; further identifiers in another."""
        rows = _identifiers(self._practice, version)
        values = _values(self._practice, version, author)
        if rows:
            values |= {f"i_{name}": value for name, value in rows[0].items()}
        with _refusals():
            added = await (_ADD if rows else _ADD_MEASURED).count(self._connection, values)
            if rows[1:]:
                await self._connection.execute(_IDENTIFIER.insert(), rows[1:])
        _check_added(added)

    async def append(self, version: EntryVersion, author: Author) -> None:
        """Move the entry on from the version before, and insert version, journal row and mark, in one statement."""
        try:
            changed = (await self._connection.execute(_APPEND, _values(self._practice, version, author))).scalar_one()
        except IntegrityError as error:
            if constraint_of(error) != _OVERLAP:
                raise
            raise StretchTaken("the performer has another entry at some of the same instants", expression="stretch") from error
        if changed != 1:
            raise PreconditionFailed("the entry has been changed meanwhile: read it again")

    async def for_change(self, entry_id: UUID, *, patient: str | None) -> tuple[StoredEntry, datetime, UUID | None] | None:
        """Lock an entry and return its current version, when it was authored, and the timer that made it."""
        query = self._mine(sa.select(_ENTRY)).where(_ENTRY.c.id == entry_id).with_for_update()
        if patient is not None:
            query = query.where(_ENTRY.c.patient == patient)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            return None
        identifiers = sa.select(_IDENTIFIER.c.system, _IDENTIFIER.c.value).where(
            _IDENTIFIER.c.tenant_id == self._practice.tenant_id, _IDENTIFIER.c.entry_id == entry_id
        )
        tokens = tuple(f"{system}|{value}" for system, value in await self._connection.execute(identifiers))
        stored = StoredEntry(
            version=row.version,
            status=Status(row.status),
            patient=row.patient,
            performer=row.performer,
            program=Program(row.program),
            stretch=DayOnly(row.day, row.seconds) if row.day else Interval(row.started_at, row.ended_at),
            basis=TimeBasis(row.basis),
            gap_seconds=row.gap_seconds,
            external_ids=tokens,
        )
        return stored, row.authored_on, row.timer_id

    async def read(self, entry_id: UUID, version: int | None = None, *, patient: str | None = None) -> StoredVersion | None:
        """Return the current or the named version, or None."""
        which = _VERSION.c.version == (_ENTRY.c.version if version is None else version)
        row = (await self._connection.execute(self._versions((entry_id,), patient).where(which))).one_or_none()
        return stored_of(row) if row else None

    async def history(self, *entry_ids: UUID, patient: str | None = None) -> list[StoredVersion]:
        """Return all versions of these entries, the newest first."""
        query = self._versions(entry_ids, patient).order_by(_VERSION.c.id, _VERSION.c.version.desc())
        return [stored_of(row) for row in await self._connection.execute(query)]

    async def owner_of(self, tokens: Sequence[str]) -> UUID | None:
        """Return the entry to which one of the identifiers belongs, or None."""
        pairs = [tuple(token.split("|", 1)) for token in tokens]
        query = sa.select(_IDENTIFIER.c.entry_id).where(
            _IDENTIFIER.c.tenant_id == self._practice.tenant_id,
            sa.tuple_(_IDENTIFIER.c.system, _IDENTIFIER.c.value).in_(pairs),
        )
        found: UUID | None = (await self._connection.execute(query)).scalars().first()
        return found

    async def overlapping(self, performer: str, interval: Interval, *, other_than: UUID | None = None) -> UUID | None:
        """Return a live entry of the performer at some of these instants, or None."""
        query = self._mine(sa.select(_ENTRY.c.id)).where(
            _ENTRY.c.performer == performer,
            _ENTRY.c.status == Status.COMPLETED,
            _ENTRY.c.started_at < interval.end,
            _ENTRY.c.ended_at > interval.start,
        )
        if other_than is not None:
            query = query.where(_ENTRY.c.id != other_than)
        found: UUID | None = (await self._connection.execute(query.limit(1))).scalar_one_or_none()
        return found

    async def of_timer(self, timer_id: UUID) -> list[StoredVersion]:
        """Return the current versions of the entries that a timer made, the first first."""
        query = self._mine(READ).where(
            _VERSION.c.tenant_id == self._practice.tenant_id,
            _ENTRY.c.timer_id == timer_id,
            _VERSION.c.version == _ENTRY.c.version,
        )
        rows = await self._connection.execute(query.order_by(_ENTRY.c.started_at))
        return [stored_of(row) for row in rows]

    async def recent(self, patient: str, *, count: int) -> list[StoredVersion]:
        """Return the current versions of the patient's live entries, the last written first."""
        query = self._mine(READ).where(
            _VERSION.c.tenant_id == self._practice.tenant_id,
            _ENTRY.c.patient == patient,
            _ENTRY.c.status == Status.COMPLETED,
            _VERSION.c.version == _ENTRY.c.version,
        )
        rows = await self._connection.execute(query.order_by(_ENTRY.c.modified_at.desc(), _ENTRY.c.id.desc()).limit(count))
        return [stored_of(row) for row in rows]

    def _mine(self, query: "sa.Select[Any]") -> "sa.Select[Any]":
        return query.where(_ENTRY.c.tenant_id == self._practice.tenant_id)

    def _versions(self, entry_ids: Sequence[UUID], patient: str | None) -> "sa.Select[Any]":
        query = self._mine(READ).where(_VERSION.c.tenant_id == self._practice.tenant_id, _VERSION.c.id.in_(entry_ids))
        return query if patient is None else query.where(_ENTRY.c.patient == patient)


async def add_by_itself(engine: AsyncEngine, practice: Practice, version: EntryVersion, author: Author) -> None:
    """Insert a new entry that has one identifier in a transaction of its own, which is one message; refusals as `add`."""
    (row,) = _identifiers(practice, version)
    values = _values(practice, version, author) | {f"i_{name}": value for name, value in row.items()}
    with _refusals():
        added = await _ADD_BY_ITSELF.commit(engine, practice.tenant_id, values)
    _check_added(added)


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn the constraint of the identifiers into its refusal."""
    try:
        yield
    except IntegrityError as error:
        if constraint_of(error) != _IDENTITY:
            raise
        raise IdentifierTaken("the identifier belongs to another entry", expression="identifier") from error


def _check_added(rows: int) -> None:
    if rows != 1:
        raise StretchTaken("the performer has another entry at some of the same instants", expression="stretch")


def _identifiers(practice: Practice, version: EntryVersion) -> list[dict[str, Any]]:
    """The rows of the identifiers of a version's entry."""
    tokens = [token.partition("|") for token in sorted(version.entry.external_ids)]
    return [
        {"tenant_id": practice.tenant_id, "system": system, "value": value, "entry_id": version.id} for system, _, value in tokens
    ]


def _values(practice: Practice, version: EntryVersion, author: Author) -> dict[str, Any]:
    entry, interval, tenant_id = version.entry, version.entry.interval, practice.tenant_id
    system, _, mrn = (entry.patient_identifier or "").partition("|")
    record = JournalRecord(
        id=uuid7(version.written_at),
        at=version.written_at,
        actor=author.actor,
        client=author.client,
        request=author.request,
        action=f"time-entry.{version.change}",
        patients=(entry.patient,),
        aggregate=str(version.id),
        version=version.version,
        event_type=f"ccm.time-entry.{version.change}.v1",
        data=version.state,
    )
    return {
        "e_tenant_id": tenant_id,
        "e_id": version.id,
        "e_version": version.version,
        "e_status": entry.status.value,
        "e_patient": entry.patient,
        "e_patient_identifier_system": system or None,
        "e_patient_identifier": mrn or None,
        "e_performer": entry.performer.id,
        "e_performer_npi": entry.performer.npi,
        "e_program": entry.program.value,
        "e_activity": entry.activity.value,
        "e_started_at": interval.start if interval else None,
        "e_ended_at": interval.end if interval else None,
        "e_day": entry.day,
        "e_seconds": entry.seconds,
        "e_basis": entry.basis.value,
        "e_gap_seconds": entry.gap_seconds,
        "e_encounter": entry.encounter,
        "e_timer_id": version.timer_id,
        "e_authored_on": version.authored_on,
        "e_modified_at": version.written_at,
        "v_tenant_id": tenant_id,
        "v_id": version.id,
        "v_version": version.version,
        "v_seconds": entry.seconds,
        "v_change": version.change,
        "v_written_at": version.written_at,
        "v_author": author.actor,
        "v_client": author.client,
        "v_late": version.late,
        "v_body": version.body,
        **record_values(tenant_id, practice.tenant, record),
    }


def stored_of(row: Any) -> StoredVersion:
    """Return the version that a row of `READ` holds."""
    return StoredVersion(
        id=row.id,
        version=row.version,
        seconds=row.seconds,
        authored_on=row.authored_on,
        written_at=row.written_at,
        author=row.author,
        change=row.change,
        late=row.late,
        body=row.body,
    )
