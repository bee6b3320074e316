"""The ledger as rows: append what is new, find the versions in force, and stream what a month's decision needs."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import starmap
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.adapters.ehr_facts import medical_record_number
from services.billing.adapters.event_facts import credential_of, holds_role, tenant_fact
from services.billing.adapters.journaling import event_record, plain_record
from services.billing.adapters.ledger_mapping import Row, known_of, practice_of
from services.billing.adapters.pattern_rows import notes_of, signals_of
from services.billing.adapters.shared_time import OVERLAPPING, busy_by_patient
from services.billing.adapters.tables import ASSEMBLY, CHARGE, CHARGE_VERSION, EHR_READ, JOURNAL, LEDGER_ENTRY
from services.billing.domain.charge import LANE_LINES, Identifier
from services.billing.domain.ledger import BilledCharge, EarlierMonth, Practice
from services.billing.domain.patterns import Note
from services.billing.usecases.ports import Known, MonthFacts, Telling
from services.billing.usecases.records import Author, LedgerEntry
from shared.db.driver_statement import DriverStatement
from shared.db.journal import journalled, record_values
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.errors import NotFound

_COLUMNS = tuple(column.name for column in LEDGER_ENTRY.c)
_ARRAYS = ", ".join(f"CAST(:{c.name} AS {c.type.compile(dialect=pg.dialect())}[])" for c in LEDGER_ENTRY.c)  # type: ignore[no-untyped-call]
_APPEND = f"INSERT INTO ledger_entry ({', '.join(_COLUMNS)}) SELECT * FROM unnest({_ARRAYS}) ON CONFLICT DO NOTHING"  # noqa: S608

# A new consent always asks for the chart again; any other fact only if the patient's chart was never read.
_RECEIVE = sa.text(f"""
    WITH new AS ({_APPEND} RETURNING tenant_id, patient, kind),
         due AS (SELECT DISTINCT tenant_id, patient FROM new
                  WHERE patient IS NOT NULL
                    AND (kind = 'consent' OR NOT EXISTS (SELECT 1 FROM ehr_read AS r
                          WHERE r.tenant_id = new.tenant_id AND r.patient = new.patient))
                  ORDER BY tenant_id, patient)
    INSERT INTO ehr_due (tenant_id, patient, asked_at) SELECT tenant_id, patient, CAST(:asked_at AS timestamptz) FROM due
    ON CONFLICT (tenant_id, patient) DO UPDATE SET asked_at = excluded.asked_at
""")  # noqa: S608

_ONE = journalled(
    pg.insert(LEDGER_ENTRY)
    .values({c.name: sa.bindparam(c.name, type_=c.type) for c in LEDGER_ENTRY.c})
    .on_conflict_do_nothing()
    .returning(LEDGER_ENTRY.c.version),
    JOURNAL,
)
_ONE_QUIETLY = journalled(
    pg.insert(LEDGER_ENTRY)
    .values({c.name: sa.bindparam(c.name, type_=c.type) for c in LEDGER_ENTRY.c})
    .on_conflict_do_nothing()
    .returning(LEDGER_ENTRY.c.version),
    JOURNAL,
    publish=False,
)

_IN_FORCE = (
    "NOT EXISTS (SELECT 1 FROM ledger_entry AS n"
    " WHERE n.tenant_id = e.tenant_id AND n.aggregate = e.aggregate AND n.version > e.version)"
)
_EARLIER = (
    "CASE WHEN e.kind = 'time-entry' AND e.version > 1 THEN ARRAY(SELECT p.data FROM ledger_entry AS p"
    " WHERE p.tenant_id = e.tenant_id AND p.aggregate = e.aggregate AND p.version < e.version ORDER BY p.version DESC) END"
)
_TOUCHES = "({0}.from_at < :month_end AND coalesce({0}.until_at, {0}.from_at) > :month_start)"
# All versions: `known_of` takes those in force, cheaper than an index probe for each row here; and in no order, since the rows
# are wide and a sort of a chunk spills. Of time entries only those of which a version touches the month.
_KNOWN = f"""
    SELECT e.patient, e.aggregate, e.version, e.kind, e.recorded_at, e.digest, e.data, {_EARLIER} AS earlier
      FROM ledger_entry AS e
     WHERE e.tenant_id = :tenant_id AND {{}}
       AND (e.kind <> 'time-entry' OR {_TOUCHES.format("e")} OR (e.version > 1 AND EXISTS (
            SELECT 1 FROM ledger_entry AS p WHERE p.tenant_id = e.tenant_id AND p.aggregate = e.aggregate
               AND p.version < e.version AND {_TOUCHES.format("p")})))
"""  # noqa: S608
_OF_RANGE = _KNOWN.format("e.patient BETWEEN :first AND :last")
_OF_THESE = _KNOWN.format("e.patient = ANY(CAST(:patients AS text[]))")
_OF_PRACTICE = sa.text(f"""
    SELECT e.patient, e.aggregate, e.version, e.kind, e.recorded_at, e.digest, e.data
      FROM ledger_entry AS e
     WHERE e.tenant_id = :tenant_id AND e.patient IS NULL AND (e.kind = 'tenant' OR {_IN_FORCE})
     ORDER BY e.aggregate, e.version
""")  # noqa: S608
_STAFF_SECONDS = sa.text(f"""
    SELECT e.performer, CAST(e.from_at AT TIME ZONE :zone AS date) AS day, sum(e.seconds) AS seconds
      FROM ledger_entry AS e
     WHERE e.tenant_id = :tenant_id AND e.performer IS NOT NULL AND e.from_at >= :month_start AND e.from_at < :month_end
       AND {_IN_FORCE}
     GROUP BY 1, 2
""")  # noqa: S608
_THEN = "WITH ledger_entry AS NOT MATERIALIZED (SELECT * FROM ledger_entry WHERE recorded_at <= :as_of) "
"""Before a query: what had been recorded by an instant stands for the whole ledger."""
_BILLED = sa.select(CHARGE.c.id, CHARGE.c.patient, CHARGE.c.code, CHARGE.c.units, CHARGE.c.date_of_service, CHARGE.c.practitioner,
                    CHARGE.c.version, CHARGE.c.updated_at)  # fmt: skip


class LedgerRepository:
    """The ledger of one tenant in an open transaction; fills `usecases.ports.LedgerStore`."""

    def __init__(self, connection: AsyncConnection, tenant_id: UUID, tenant: str) -> None:
        self._connection = connection
        self._tenant_id = tenant_id
        self._tenant = tenant

    async def latest(self, aggregate: str) -> LedgerEntry | None:
        """Return the version in force."""
        query = (
            sa.select(LEDGER_ENTRY)
            .where(LEDGER_ENTRY.c.tenant_id == self._tenant_id, LEDGER_ENTRY.c.aggregate == aggregate)
            .order_by(LEDGER_ENTRY.c.version.desc())
            .limit(1)
        )
        row = (await self._connection.execute(query)).one_or_none()
        return _entry_of(row) if row else None

    async def latest_of_kinds(self, patient: str, kinds: Iterable[str]) -> dict[str, LedgerEntry]:
        """Return the versions in force of the patient's aggregates of `kinds`."""
        query = (
            sa.select(LEDGER_ENTRY)
            .where(
                LEDGER_ENTRY.c.tenant_id == self._tenant_id,
                LEDGER_ENTRY.c.patient == patient,
                LEDGER_ENTRY.c.kind.in_(list(kinds)),
            )
            .order_by(LEDGER_ENTRY.c.aggregate, LEDGER_ENTRY.c.version)
        )
        return {row.aggregate: _entry_of(row) for row in await self._connection.execute(query)}

    async def record(self, entry: LedgerEntry, author: Author, *, action: str, event: Telling | None = None) -> bool:
        """Append one fact of our own and its journal row in one statement; undone by the caller if this returns False."""
        record = event_record(entry.recorded_at, author, action, _patients(entry), event, entry.aggregate, entry.version)
        values = {"tenant_id": self._tenant_id, **_values(entry), **record_values(self._tenant_id, self._tenant, record)}
        statement = _ONE if event is not None else _ONE_QUIETLY
        return (await self._connection.execute(statement, values)).scalar_one() == 1

    async def append(self, entries: Sequence[LedgerEntry], author: Author, *, action: str) -> int:
        """Append what is not there yet, with one journal row if anything was new."""
        new = 0
        for entry in entries:
            record = plain_record(entry.recorded_at, author, action, _patients(entry), entry.aggregate, entry.version)
            values = {"tenant_id": self._tenant_id, **_values(entry), **record_values(self._tenant_id, self._tenant, record)}
            new += (await self._connection.execute(_ONE_QUIETLY, values)).scalar_one()
        return new

    async def zone(self) -> ZoneInfo:
        """Return the zone of the newest settings."""
        query = (
            sa.select(LEDGER_ENTRY.c.data)
            .where(LEDGER_ENTRY.c.tenant_id == self._tenant_id, LEDGER_ENTRY.c.patient.is_(None), LEDGER_ENTRY.c.kind == "tenant")
            .order_by(LEDGER_ENTRY.c.version.desc())
            .limit(1)
        )
        data = (await self._connection.execute(query)).scalar()
        if data is None:
            raise NotFound("the practice's settings have not come yet")
        return tenant_fact(data, "", "")[0].zone

    async def practice(self, month: CalendarMonth) -> Practice:
        """Return the practice's settings, roster and statements, without what the month's time shows."""
        return (await self._shared(month, None)).practice

    async def month_facts(self, month: CalendarMonth, *, as_of: datetime | None = None) -> MonthFacts:
        """Return what the month's patients share."""
        facts = await self._shared(month, as_of)
        zone = facts.practice.tenant_in(month).zone
        start, end = month.start(zone), month.end(zone)
        bounds = {"tenant_id": self._tenant_id, "month_start": start, "month_end": end, "zone": zone.key}
        days = await self._execute(_STAFF_SECONDS, bounds, as_of)
        seconds: dict[tuple[str, date], int] = {(row.performer, row.day): int(row.seconds) for row in days}
        overlapping = await self._execute(OVERLAPPING, {k: v for k, v in bounds.items() if k != "zone"}, as_of)
        busy = busy_by_patient(overlapping.all())
        return replace(facts, practice=replace(facts.practice, staff_seconds=seconds), busy=busy, as_of=as_of)

    async def _shared(self, month: CalendarMonth, as_of: datetime | None) -> MonthFacts:
        rows = [Row(*row) for row in await self._execute(_OF_PRACTICE, {"tenant_id": self._tenant_id}, as_of)]
        facts = practice_of(rows, month)
        if facts is None:
            raise NotFound("the practice's settings have not come yet")
        return facts

    async def _execute(self, query: "sa.TextClause", values: dict[str, Any], as_of: datetime | None) -> Any:
        """Run a query over the ledger, or over what of it had been recorded by `as_of`."""
        if as_of is None:
            return await self._connection.execute(query, values)
        return await self._connection.execute(sa.text(_THEN + query.text), values | {"as_of": as_of})

    async def candidates(self, after: str | None, limit: int) -> list[str]:
        """Return the next patients of the ledger."""
        query = (
            sa.select(LEDGER_ENTRY.c.patient)
            .distinct()
            .where(LEDGER_ENTRY.c.tenant_id == self._tenant_id, LEDGER_ENTRY.c.patient > (after or ""))
            .order_by(LEDGER_ENTRY.c.patient)
            .limit(limit)
        )
        return list((await self._connection.execute(query)).scalars())

    async def of_patients(self, first: str, last: str, facts: MonthFacts) -> list[Known]:
        """Return what is known of a range of patients."""
        range_ = {"first": first, "last": last}
        return await self._known(_OF_RANGE, range_, facts, lambda column: column.between(first, last))

    async def notes_of(self, month: CalendarMonth, zone: ZoneInfo) -> list[Note]:
        """Return the notes of an earlier month."""
        return await notes_of(self._connection, self._tenant_id, month, zone)

    async def signals_of(self, month: CalendarMonth) -> dict[str, tuple[int, str]]:
        """Return the patterns recorded of a month."""
        return await signals_of(self._connection, self._tenant_id, month)

    async def of_these(self, patients: Sequence[str], facts: MonthFacts) -> list[Known]:
        """Return what is known of some patients, in order."""
        which = sa.any_(sa.bindparam("who", list(patients), pg.ARRAY(sa.Text)))
        return await self._known(_OF_THESE, {"patients": list(patients)}, facts, lambda column: column == which)

    async def _known(
        self,
        query: str,
        whose: dict[str, Any],
        facts: MonthFacts,
        among: Callable[["sa.Column[str]"], "sa.ColumnElement[bool]"],
    ) -> list[Known]:
        month, zone = facts.month, facts.practice.tenant_in(facts.month).zone
        day = timedelta(days=1)
        values = {
            "tenant_id": self._tenant_id,
            "month_start": month.start(zone) - day,
            "month_end": month.end(zone) + day,
        }
        billed = await self._billed(among(CHARGE.c.patient), month, facts.as_of)
        earlier = await self._earlier_months(among(ASSEMBLY.c.patient), month, facts.as_of)
        text, known = (query, {}) if facts.as_of is None else (_THEN + query, {"as_of": facts.as_of})
        found = await DriverStatement(sa.text(text)).rows(self._connection, values | whose | known)
        return list(known_of(starmap(Row, found), facts, billed=billed, earlier=earlier))

    async def note_ehr_read(self, patient: str, began_at: datetime) -> None:
        """Note a whole reading; what was asked for after it began stays due."""
        insert = pg.insert(EHR_READ).values(tenant_id=self._tenant_id, patient=patient, began_at=began_at)
        later = insert.on_conflict_do_update(
            index_elements=[EHR_READ.c.tenant_id, EHR_READ.c.patient],
            set_={"began_at": sa.func.greatest(EHR_READ.c.began_at, insert.excluded.began_at)},
        )
        await self._connection.execute(later)

    async def ehr_reads(self, patients: Sequence[str]) -> dict[str, datetime]:
        """Return when each chart's last whole reading began."""
        query = sa.select(EHR_READ.c.patient, EHR_READ.c.began_at).where(
            EHR_READ.c.tenant_id == self._tenant_id,
            EHR_READ.c.patient == sa.any_(sa.bindparam("who", list(patients), pg.ARRAY(sa.Text))),
        )
        return {row.patient: row.began_at for row in await self._connection.execute(query)}

    async def medical_record_number(self, patient: str) -> Identifier | None:
        """Return the patient's number at the practice, as the chart last said it."""
        entry = await self.latest(f"ehr/Patient/{patient}")
        return medical_record_number(msgspec.json.decode(entry.data)) if entry else None

    async def holds_role(self, practitioner: str, role: str, day: date) -> bool:
        """Tell whether the roster gives somebody a role on a day."""
        entry = await self.latest(f"staff-member/{practitioner}")
        return entry is not None and holds_role(entry.data, role, day)

    async def credential_of(self, practitioner: str, day: date) -> str | None:
        """Return the credential held on a day."""
        entry = await self.latest(f"staff-member/{practitioner}")
        return credential_of(entry.data, day) if entry else None

    async def _billed(
        self, among: "sa.ColumnElement[bool]", month: CalendarMonth, as_of: datetime | None
    ) -> dict[str, tuple[BilledCharge, ...]]:
        query = (
            (_BILLED if as_of is None else _billed_by(as_of))
            .where(
                CHARGE.c.tenant_id == self._tenant_id,
                CHARGE.c.month == month.first_day,
                among,
                (CHARGE if as_of is None else CHARGE_VERSION).c.status.in_(("billable", "billed")),
                CHARGE.c.code_id.in_(LANE_LINES),
            )
            .order_by(CHARGE.c.patient, CHARGE.c.code)
        )
        found: dict[str, tuple[BilledCharge, ...]] = {}
        for row in await self._connection.execute(query):
            charge = BilledCharge(
                source=f"charge/{row.id}@{row.version}",
                recorded_at=row.updated_at,
                charge_id=str(row.id),
                code=row.code,
                units=row.units,
                date_of_service=row.date_of_service,
                practitioner=row.practitioner,
            )
            found[row.patient] = (*found.get(row.patient, ()), charge)
        return found

    async def _earlier_months(
        self, among: "sa.ColumnElement[bool]", month: CalendarMonth, as_of: datetime | None
    ) -> dict[str, tuple[EarlierMonth, ...]]:
        months = [month.previous, month.previous.previous]
        columns = (ASSEMBLY.c.patient, ASSEMBLY.c.month, ASSEMBLY.c.version, ASSEMBLY.c.recorded_at, ASSEMBLY.c.lane,
                   ASSEMBLY.c.staff_seconds, ASSEMBLY.c.complexity_attested)  # fmt: skip
        query = (
            sa.select(*columns)
            .ext(pg.distinct_on(ASSEMBLY.c.month, ASSEMBLY.c.patient))
            .where(
                ASSEMBLY.c.tenant_id == self._tenant_id,
                ASSEMBLY.c.month.in_([each.first_day for each in months]),
                among,
                *(() if as_of is None else (ASSEMBLY.c.recorded_at <= as_of,)),
            )
            .order_by(ASSEMBLY.c.month, ASSEMBLY.c.patient, ASSEMBLY.c.version.desc())
        )
        found: dict[str, tuple[EarlierMonth, ...]] = {}
        for row in await self._connection.execute(query):
            earlier = EarlierMonth(
                source=f"assembly/{row.month:%Y-%m}/{row.patient}@{row.version}",
                recorded_at=row.recorded_at,
                month=CalendarMonth(row.month.year, row.month.month),
                lane=row.lane or "",
                staff_seconds=row.staff_seconds,
                complexity_attested=row.complexity_attested,
            )
            found[row.patient] = (*found.get(row.patient, ()), earlier)
        return found


def _billed_by(as_of: datetime) -> "sa.Select[Any]":
    """Return the charges as their last version by an instant says."""
    newer = CHARGE_VERSION.alias("newer")
    last = ~sa.exists().where(
        newer.c.tenant_id == CHARGE_VERSION.c.tenant_id,
        newer.c.id == CHARGE_VERSION.c.id,
        newer.c.version > CHARGE_VERSION.c.version,
        newer.c.recorded_at <= as_of,
    )
    theirs = (CHARGE.c.tenant_id == CHARGE_VERSION.c.tenant_id) & (CHARGE.c.id == CHARGE_VERSION.c.id)
    return (
        sa.select(CHARGE.c.id, CHARGE.c.patient, CHARGE.c.code, CHARGE.c.units, CHARGE.c.date_of_service, CHARGE.c.practitioner,
                  CHARGE_VERSION.c.version, CHARGE_VERSION.c.recorded_at.label("updated_at"))
        .join_from(CHARGE, CHARGE_VERSION, theirs)
        .where(CHARGE_VERSION.c.recorded_at <= as_of, last)
    )  # fmt: skip


class EvidenceRepository:
    """The inbox, over the worker's transaction; fills `usecases.ports.EvidenceStore`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def append(self, entries: Sequence[tuple[UUID, LedgerEntry]]) -> None:
        """Append what is not there yet and put the charts to be read on the list, in one statement."""
        if not entries:
            return
        # In one order, so that two consumers with the same events wait for each other and never both.
        ordered = sorted(entries, key=lambda pair: (pair[0], pair[1].aggregate, pair[1].version))
        rows = [{"tenant_id": tenant_id, **_values(entry)} for tenant_id, entry in ordered]
        columns = {name: [row[name] for row in rows] for name in _COLUMNS}
        await self._connection.execute(_RECEIVE, {**columns, "asked_at": datetime.now(UTC)})


def _values(entry: LedgerEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in _COLUMNS if name != "tenant_id"}


def _patients(entry: LedgerEntry) -> tuple[str, ...]:
    return (entry.patient,) if entry.patient else ()


def _entry_of(row: Any) -> LedgerEntry:
    return LedgerEntry(**{name: getattr(row, name) for name in _COLUMNS if name not in ("tenant_id", "digest")})
