"""Reads for the pages over the ledger of one tenant: by key, never a scan of a practice."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.adapters.ehr_facts import medical_record_number
from services.billing.adapters.tables import LEDGER_ENTRY
from services.billing.usecases.view_ports import EntryText, Face, NoteToImprove
from shared.db.asked import discloses
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.notes import told_once

_WRITTEN = ("time-entry", "consent")
"""Kinds whose fragments name what they wrote by its id alone."""


class PageViews:
    """Fills `usecases.view_ports.Views` in an open transaction."""

    def __init__(self, connection: AsyncConnection, tenant_id: UUID) -> None:
        self._connection = connection
        self._tenant_id = tenant_id

    async def face(self, patient: str) -> Face:
        """Return who a patient is: as the EHR showed it at the last launch, else as the chart was last read."""
        discloses(patient)
        aggregates = [f"ehr-context/{patient}", f"ehr/Patient/{patient}"]
        data = {row.aggregate: row.data for row in await self.newest(aggregates)}
        return face_of(data.get(aggregates[0]), data.get(aggregates[1]))

    async def entry_texts(self, entries: Sequence[str]) -> Mapping[str, EntryText]:
        """Return the words of entries."""
        rows = await self.newest([f"time-entry/{entry}" for entry in entries])
        return {row.aggregate.removeprefix("time-entry/"): _text_of(row.version, row.data) for row in rows}

    async def problem_names(self, patient: str) -> Mapping[str, str]:
        """Return the words of a patient's Conditions."""
        query = (
            sa.select(LEDGER_ENTRY.c.aggregate, LEDGER_ENTRY.c.data)
            .where(
                LEDGER_ENTRY.c.tenant_id == self._tenant_id,
                LEDGER_ENTRY.c.patient == patient,
                LEDGER_ENTRY.c.kind == "Condition",
            )
            .order_by(LEDGER_ENTRY.c.aggregate, LEDGER_ENTRY.c.version)
        )
        rows = await self._connection.execute(query)
        return {row.aggregate.rpartition("/")[2]: condition_name(msgspec.json.decode(row.data)) for row in rows}

    async def notes_to_improve(self, patients: Sequence[str], month: CalendarMonth, zone: ZoneInfo) -> list[NoteToImprove]:
        """Return the entries whose notes lack something."""
        query = (
            sa.select(LEDGER_ENTRY.c.patient, LEDGER_ENTRY.c.aggregate, LEDGER_ENTRY.c.from_at, LEDGER_ENTRY.c.data)
            .ext(pg.distinct_on(LEDGER_ENTRY.c.aggregate))
            .where(
                LEDGER_ENTRY.c.tenant_id == self._tenant_id,
                LEDGER_ENTRY.c.patient == sa.any_(sa.bindparam("who", list(patients), pg.ARRAY(sa.Text))),
                LEDGER_ENTRY.c.kind == "time-entry",
            )
            .order_by(LEDGER_ENTRY.c.aggregate, LEDGER_ENTRY.c.version.desc())
        )
        rows = await self._connection.execute(query)
        found = [_note_of(row, zone) for row in rows if row.from_at and month.start(zone) <= row.from_at < month.end(zone)]
        notes = sorted((note for note in found if note is not None), key=lambda note: (note.day, note.entry))
        discloses(*(note.patient for note in notes))
        return notes

    async def standings(self, patients: Sequence[str]) -> Mapping[str, tuple[str, date, str]]:
        """Return what was last said of whether patients take part."""
        rows = await self.newest([f"participation/{patient}" for patient in patients])
        said = {row.aggregate.removeprefix("participation/"): msgspec.json.decode(row.data) for row in rows}
        return {patient: (one["participation"], date.fromisoformat(one["since"]), one["reason"]) for patient, one in said.items()}

    async def has(self, aggregate: str, version: int) -> bool:
        """Tell whether the ledger holds that version or a later one."""
        names = [aggregate] if "/" in aggregate else [f"{kind}/{aggregate}" for kind in _WRITTEN]
        query = (
            sa.select(LEDGER_ENTRY.c.version)
            .where(
                LEDGER_ENTRY.c.tenant_id == self._tenant_id,
                LEDGER_ENTRY.c.aggregate.in_(names),
                LEDGER_ENTRY.c.version >= version,
            )
            .limit(1)
        )
        return (await self._connection.execute(query)).scalar() is not None

    async def newest(self, aggregates: Sequence[str]) -> Sequence["sa.Row[Any, Any, Any]"]:
        """Return aggregate, version and content in force of each of `aggregates` that the ledger has."""
        query = (
            sa.select(LEDGER_ENTRY.c.aggregate, LEDGER_ENTRY.c.version, LEDGER_ENTRY.c.data)
            .ext(pg.distinct_on(LEDGER_ENTRY.c.aggregate))
            .where(
                LEDGER_ENTRY.c.tenant_id == self._tenant_id,
                LEDGER_ENTRY.c.aggregate == sa.any_(sa.bindparam("which", list(aggregates), pg.ARRAY(sa.Text))),
            )
            .order_by(LEDGER_ENTRY.c.aggregate, LEDGER_ENTRY.c.version.desc())
        )
        return (await self._connection.execute(query)).all()


def face_of(launched: str | None, chart: str | None) -> Face:
    """Return who a patient is from what a launch told and what the chart said, the launch first."""
    if launched is not None:
        said = msgspec.json.decode(launched)
        return Face(name=said.get("name"), birth_date=_day(said.get("birth_date")), mrn=said.get("identifier"))
    resource = msgspec.json.decode(chart) if chart is not None else {}
    number = medical_record_number(resource)
    return Face(name=_name(resource), birth_date=_day(resource.get("birthDate")), mrn=number.value if number else None)


def condition_name(resource: Mapping[str, Any]) -> str:
    """Return what the chart calls a problem."""
    code = resource.get("code", {})
    displays = [str(coding[key]) for coding in code.get("coding", ()) for key in ("display", "code") if coding.get(key)]
    return str(code.get("text") or next(iter(displays), "a problem without a name"))


def _name(resource: Mapping[str, Any]) -> str | None:
    names = resource.get("name", ())
    chosen = next((name for name in names if name.get("use") == "official"), next(iter(names), None))
    if chosen is None:
        return None
    given = " ".join(chosen.get("given", ()))
    return ", ".join(part for part in (chosen.get("family"), given) if part) or chosen.get("text")


def _note_of(row: Any, zone: ZoneInfo) -> NoteToImprove | None:
    said = msgspec.json.decode(row.data)
    assessment = said.get("note_assessment") or {}
    if said["status"] != "completed" or said["program"] != "ccm" or assessment.get("outcome") not in ("improve", "fail"):
        return None
    return NoteToImprove(
        patient=row.patient,
        entry=said["entry_id"],
        day=row.from_at.astimezone(zone).date(),
        activity=said["activity"],
        author=said["author"],
        author_name=said["performer"].get("name") or said["author"],
        text=_text_of(1, row.data).note,
        missing=tuple(assessment.get("missing", ())),
        seconds=said["seconds"],
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text and len(text) == len("2026-01-01") else None


def _text_of(version: int, data: str) -> EntryText:
    said = msgspec.json.decode(data)
    return EntryText(
        note=told_once(said.get("action_taken"), said.get("clinical_relevance"), said.get("note")),
        because=said.get("asserted_reason") or "",
        reason=said.get("reason") or "",
        amended=version - 1,
    )
