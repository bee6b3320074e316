"""Consents as rows. Statements are built once; every one names the tenant besides row-level security."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection

from services.consent.adapters.search import conditions, page
from services.consent.adapters.tables import CONSENT, IDENTIFIER, JOURNAL, VERSION
from services.consent.domain.consent import Consent
from services.consent.usecases.consent_state import consent_state
from services.consent.usecases.ports import Accepted, Author, Claim, Practice, Recorded
from shared.db.journal import JournalRecord, journalled, record_values
from shared.fhir.search import Search
from shared.kernel.calendar_month import day_start
from shared.kernel.errors import PreconditionFailed
from shared.kernel.ids import uuid7

_STATE = msgspec.json.Decoder(Consent)

_POINTER = ("version", "updated_at", "status", "given_at", "period_start", "period_end", "categories", "patient_identifiers")


def _bound(table: sa.Table) -> dict[str, Any]:
    return {column.name: sa.bindparam(f"{table.name}_{column.name}", type_=column.type) for column in table.c}


_NEW_VERSION = VERSION.insert().values(_bound(VERSION)).cte("v")
_ADD = journalled(CONSENT.insert().values(_bound(CONSENT)).returning(CONSENT.c.id), JOURNAL).add_cte(_NEW_VERSION)
_REPLACE = journalled(
    CONSENT.update()
    .where(
        CONSENT.c.tenant_id == sa.bindparam("consent_tenant_id", type_=pg.UUID()),
        CONSENT.c.id == sa.bindparam("consent_id", type_=pg.UUID()),
        CONSENT.c.version == sa.bindparam("consent_version", type_=sa.Integer()) - 1,
    )
    .values({name: bound for name, bound in _bound(CONSENT).items() if name in _POINTER})
    .returning(CONSENT.c.id),
    JOURNAL,
).add_cte(_NEW_VERSION)

_CURRENT = (CONSENT.c.tenant_id == VERSION.c.tenant_id) & (CONSENT.c.id == VERSION.c.id)
_STORED = (VERSION.c.state, VERSION.c.kept, VERSION.c.late, CONSENT.c.categories, CONSENT.c.patient_identifiers)


class ConsentRepository:
    """The consents of `practice` in an open transaction; fills `usecases.ports.Consents`."""

    def __init__(self, connection: AsyncConnection, practice: Practice) -> None:
        self._connection = connection
        self._practice = practice

    async def lock(self, patient: str, program: str) -> None:
        """Take the lock of the patient and program until the transaction ends."""
        text = f"{self._practice.tenant_id}|{patient}|{program}"
        key = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)
        await self._connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))

    async def claim(self, claims: Sequence[Claim]) -> list[Claim]:
        """Insert the identifiers; where one is taken, return who has it."""
        ordered = sorted(claims, key=lambda claim: (claim.system, claim.value))
        rows = [
            {
                "tenant_id": self._practice.tenant_id,
                "system": claim.system,
                "value": claim.value,
                "consent_id": claim.consent_id,
                "body_hash": claim.body_hash,
            }
            for claim in ordered
        ]
        insert = pg.insert(IDENTIFIER).values(rows).on_conflict_do_nothing().returning(IDENTIFIER.c.system, IDENTIFIER.c.value)
        ours = {tuple(row) for row in await self._connection.execute(insert)}
        taken = [(claim.system, claim.value) for claim in ordered if (claim.system, claim.value) not in ours]
        if not taken:
            return []
        query = sa.select(IDENTIFIER).where(
            IDENTIFIER.c.tenant_id == self._practice.tenant_id, sa.tuple_(IDENTIFIER.c.system, IDENTIFIER.c.value).in_(taken)
        )
        return [Claim(row.system, row.value, row.consent_id, row.body_hash) for row in await self._connection.execute(query)]

    async def add(self, recorded: Recorded, author: Author) -> None:
        """Insert pointer, version, journal row and mark in one statement."""
        await self._connection.execute(_ADD, self._values(recorded, author))

    async def replace(self, recorded: Recorded, author: Author) -> None:
        """Move the pointer from the version before, and insert version, journal row and mark, in one statement."""
        changed = (await self._connection.execute(_REPLACE, self._values(recorded, author))).scalar_one()
        if changed != 1:
            raise PreconditionFailed("the consent has been changed meanwhile: read it again")

    async def get(self, consent_id: UUID, *, version: int | None = None, patient: str | None = None) -> Recorded | None:
        """Return one version, the newest by default, or None."""
        query = self._select(patient).where(
            VERSION.c.id == consent_id, VERSION.c.version == (CONSENT.c.version if version is None else version)
        )
        row = (await self._connection.execute(query)).one_or_none()
        return recorded_of(row) if row else None

    async def current(self, patient: str, program: str) -> list[Recorded]:
        """Return the newest versions of the patient's consents for the program."""
        query = self._select(patient).where(CONSENT.c.program == program, VERSION.c.version == CONSENT.c.version)
        return [recorded_of(row) for row in await self._connection.execute(query)]

    async def identifiers(self, consent_id: UUID) -> set[tuple[str, str]]:
        """Return the client's identifiers of a consent."""
        query = sa.select(IDENTIFIER.c.system, IDENTIFIER.c.value).where(
            IDENTIFIER.c.tenant_id == self._practice.tenant_id, IDENTIFIER.c.consent_id == consent_id
        )
        return {(row.system, row.value) for row in await self._connection.execute(query)}

    async def versions(self, *consent_ids: UUID, patient: str | None = None) -> list[Recorded]:
        """Return all versions of these consents, newest first."""
        query = self._select(patient).where(VERSION.c.id.in_(consent_ids)).order_by(VERSION.c.id, VERSION.c.version.desc())
        return [recorded_of(row) for row in await self._connection.execute(query)]

    async def history(self, patient: str, program: str) -> list[Consent]:
        """Return all versions of the patient's consents for the program."""
        query = self._select(patient).where(CONSENT.c.program == program)
        return [recorded_of(row).consent for row in await self._connection.execute(query)]

    async def search(self, search: Search, *, patient: str | None = None) -> tuple[list[Recorded], int | None]:
        """Return one page of the newest versions and one row more if there is a next, and how many match if that was asked."""
        query = self._select(patient).where(VERSION.c.version == CONSENT.c.version, *conditions(search))
        total = None
        if search.count == 0 or search.total in ("accurate", "estimate"):
            count = sa.select(sa.func.count()).select_from(query.subquery())
            total = (await self._connection.execute(count)).scalar_one()
        if search.count == 0:
            return [], total
        return [recorded_of(row) for row in await self._connection.execute(page(query, search))], total

    def _select(self, patient: str | None) -> "sa.Select[Any]":
        query = (
            sa.select(*_STORED)
            .join_from(VERSION, CONSENT, _CURRENT)
            .where(VERSION.c.tenant_id == self._practice.tenant_id, CONSENT.c.tenant_id == self._practice.tenant_id)
        )
        return query if patient is None else query.where(CONSENT.c.patient == patient)

    def _values(self, recorded: Recorded, author: Author) -> dict[str, Any]:
        consent, tenant_id = recorded.consent, self._practice.tenant_id
        pointer = {"tenant_id": tenant_id, "id": consent.id, **pointer_values(recorded, self._practice.zone)}
        version = {
            "tenant_id": tenant_id,
            "id": consent.id,
            "version": consent.version,
            "recorded_at": consent.recorded_at,
            "late": recorded.late,
            "state": msgspec.json.encode(consent).decode(),
            "kept": recorded.accepted.kept,
            "accepted": recorded.accepted.text,
        }
        record = journal_record(consent, author, consent.recorded_at)
        return {
            **{f"consent_{name}": value for name, value in pointer.items()},
            **{f"consent_version_{name}": value for name, value in version.items()},
            **record_values(tenant_id, self._practice.tenant, record),
        }


def pointer_values(recorded: Recorded, zone: ZoneInfo) -> dict[str, Any]:
    """Return the search columns of a version."""
    consent, said = recorded.consent, recorded.consent.statement
    until = consent.in_force_until
    return {
        "version": consent.version,
        "updated_at": consent.recorded_at,
        "patient": said.patient,
        "program": said.program.value,
        "practitioner": said.practitioner.id,
        "status": consent.status.value,
        "given_at": said.given_at,
        "period_start": said.starts_at if said.agreed else None,
        "period_end": day_start(until + timedelta(days=1), zone) if until else None,
        "categories": list(recorded.accepted.categories),
        "patient_identifiers": list(recorded.accepted.patient_identifiers),
    }


def journal_record(consent: Consent, author: Author, at: datetime) -> JournalRecord:
    """Return the journal row of a version: each version is one event."""
    return JournalRecord(
        id=uuid7(at),
        at=at,
        actor=author.actor,
        client=author.client,
        request=author.request,
        action=f"consent.{consent.change}",
        patients=(consent.statement.patient,),
        aggregate=str(consent.id),
        version=consent.version,
        event_type=f"ccm.consent.{consent.change}.v1",
        data=consent_state(consent).model_dump_json(exclude_none=True),
    )


def recorded_of(row: Any) -> Recorded:
    """Return the version that a row of the stored columns holds."""
    accepted = Accepted(row.kept, tuple(row.categories), tuple(row.patient_identifiers), None)
    return Recorded(_STATE.decode(row.state), accepted, row.late)
