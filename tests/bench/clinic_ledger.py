"""A large practice's month in billing's ledger: 23 rows a patient, ten of them time entries, written by the server itself."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import psycopg

from services.billing.usecases.record_evidence import record_evidence
from services.billing.usecases.records import LedgerEntry
from shared.contracts.event import Event
from tests.bench.place import TENANT
from tests.fakes.world import tenant_id
from tests.integration.billing import world as small

ENTRIES = 10
_SHARE = 40
"""Patients of one nurse: ten minutes apart, so that nobody works twice at once."""
_START = small.at(1, 13)
_END = _START + timedelta(minutes=10)
_LOAD = """
    INSERT INTO ledger_entry (tenant_id, aggregate, version, patient, kind, recorded_at, source, digest, data,
                              performer, from_at, until_at, seconds)
    SELECT %(tenant)s, replace(%(aggregate)s, 'PATIENT', p), 1, p, %(kind)s, %(recorded_at)s, replace(%(source)s, 'PATIENT', p),
           encode(sha256(convert_to(data, 'UTF8')), 'hex'), data, {stretch}
      FROM (SELECT p, rn, from_at, until_at, seconds, replace(replace(replace(replace(replace(%(data)s,
                   'PATIENT', p), 'NURSE', rn), 'START', to_char(from_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"')),
                   'END', to_char(until_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"')), '"SECONDS"', seconds::text) AS data
              FROM (SELECT 'p' || lpad(n::text, 7, '0') AS p, 'rn-' || n / %(share)s AS rn, from_at, seconds,
                           from_at + make_interval(secs => seconds) AS until_at
                      FROM (SELECT n, %(start)s::timestamptz + make_interval(mins => 10 * (n %% %(share)s)) AS from_at,
                                   120 + 60 * (n %% 6) AS seconds
                              FROM generate_series(0, %(patients)s - 1) AS n) AS slots) AS patients) AS rows
"""


@dataclass
class _Caught:
    """Catches what the inbox would store; fills `usecases.ports.EvidenceStore`."""

    entries: list[LedgerEntry] = field(default_factory=list)

    async def append(self, entries: Sequence[tuple[UUID, LedgerEntry]]) -> None:
        """Keep the entries."""
        self.entries += [entry for _, entry in entries]


def fill_ledger(admin_url: str, patients: int) -> int:
    """Write the practice and `patients` patients, each with a month of twenty to seventy minutes; return the number of rows."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute("TRUNCATE ledger_entry")
        nurses = [f"rn-{number}" for number in range(-(-patients // _SHARE))]
        staff = [small.staff_event(nurse, "registered-nurse", "clinical-staff", tenant=TENANT) for nurse in nurses]
        _append(connection, [*_of_events([*small.practice(TENANT), *staff]), *_practice_statements()])
        for entry in _of_patient():
            timed = entry.from_at is not None
            connection.execute(
                _LOAD.format(stretch="rn, from_at, until_at, seconds" if timed else "NULL, NULL, NULL, NULL"),
                {
                    "tenant": tenant_id(TENANT),
                    "aggregate": entry.aggregate,
                    "kind": entry.kind,
                    "recorded_at": entry.recorded_at,
                    "source": entry.source,
                    "data": entry.data,
                    "start": entry.from_at or _START,
                    "share": _SHARE,
                    "patients": patients,
                },
            )
        connection.execute("VACUUM ANALYZE ledger_entry")
        row = connection.execute("SELECT count(*) FROM ledger_entry").fetchone()
        assert row is not None
        return int(row[0])


def _of_patient() -> list[LedgerEntry]:
    """Return the templates of a patient's rows, with PATIENT, NURSE, START, END and SECONDS where they differ."""
    days = [_START + timedelta(days=2 * number) for number in range(ENTRIES)]
    worked = [small.entry("PATIENT", day, 10, number=number, tenant=TENANT) for number, day in enumerate(days)]
    templates = [_templated(entry) for entry in _of_events([small.consent("PATIENT", tenant=TENANT), *worked])]
    for resource in small.chart("PATIENT"):
        kind, key = resource["resourceType"], f"ehr/{resource['resourceType']}/{resource['id']}"
        templates.append(_entry(key, "PATIENT", kind, json.dumps(resource)))
    templates.append(_entry("ehr-read/PATIENT", "PATIENT", "ehr-read", '{"status":"read"}'))
    return templates + [_statement(body) for body in small.statements("PATIENT")]


def _practice_statements() -> list[LedgerEntry]:
    return [_statement(small.statement(kind, {"given": True})) for kind in small.PRACTICE_STATEMENTS]


def _of_events(events: list[Event]) -> list[LedgerEntry]:
    caught = _Caught()
    asyncio.run(record_evidence(store=caught, events=events))
    return caught.entries


def _templated(entry: LedgerEntry) -> LedgerEntry:
    if entry.from_at is None or entry.until_at is None:
        return entry
    said = json.loads(entry.data)
    said |= {"start": "START", "end": "END", "seconds": "SECONDS", "performer": {**said["performer"], "id": "NURSE"}}
    return _entry(entry.aggregate, entry.patient, entry.kind, json.dumps(said), entry.from_at)


def _statement(body: dict[str, object]) -> LedgerEntry:
    key = f"{body['kind']}-{body['patient']}"
    said = {"id": key, **{name: body[name] for name in ("kind", "value", "by", "role", "signed_at", "effective")}}
    patient = str(body["patient"]) if body["patient"] else None
    return _entry(f"attestation/{key}", patient, "attestation", json.dumps(said))


def _entry(aggregate: str, patient: str | None, kind: str, data: str, from_at: datetime | None = None) -> LedgerEntry:
    return LedgerEntry(
        aggregate=aggregate, version=1, patient=patient, kind=kind, recorded_at=_START, source="bench", data=data, from_at=from_at
    )


def _append(connection: "psycopg.Connection[tuple[object, ...]]", entries: list[LedgerEntry]) -> None:
    columns = ("aggregate", "version", "patient", "kind", "recorded_at", "source", "digest", "data")
    with connection.cursor().copy(f"COPY ledger_entry (tenant_id, {', '.join(columns)}) FROM STDIN") as copy:
        for entry in entries:
            copy.write_row((tenant_id(TENANT), *(getattr(entry, name) for name in columns)))
