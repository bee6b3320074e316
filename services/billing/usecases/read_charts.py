"""Read patients' charts in the EHR into the ledger: each version of each resource once, nothing overwritten.

An EHR that does not answer refuses nothing: the ledger says so of the patient, and release waits until a reading succeeds.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from services.billing.usecases.ports import Begin, Chart
from services.billing.usecases.records import Author, LedgerEntry
from shared.kernel.clock import Clock
from shared.kernel.errors import Unavailable

KINDS = ("Patient", "Condition", "Coverage", "Encounter", "CarePlan", "EpisodeOfCare")
_AT_ONCE = 8
_ENCODER = msgspec.json.Encoder(decimal_format="number", order="deterministic")


async def read_charts(
    *, patients: Sequence[str], asked_at: datetime, chart: Chart, begin: Begin, author: Author, clock: Clock, wall: Clock
) -> int:
    """Read the charts of `patients` that nobody read whole since `asked_at` (real time); return how many were not answered.

    `clock` tells domain time, by which the ledger records, `wall` real time, by which readings are told apart.
    """
    async with begin() as uow:
        fresh = {patient for patient, at in (await uow.ledger.ehr_reads(patients)).items() if at >= asked_at}
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(patient: str) -> bool:
        async with gate:
            return await _read_chart(patient, chart, begin, author, clock, wall)

    answered = await asyncio.gather(*(one(patient) for patient in patients if patient not in fresh))
    return answered.count(False)


async def _read_chart(patient: str, chart: Chart, begin: Begin, author: Author, clock: Clock, wall: Clock) -> bool:
    began_at = wall.now()
    try:
        resources = await chart.of_patient(patient)
    except Unavailable:
        await _note_silence(patient, begin, author, clock)
        return False
    async with begin() as uow:
        held = await uow.ledger.latest_of_kinds(patient, (*KINDS, "ehr-read"))
        entries = _changes(patient, resources, held, clock.now())
        await uow.ledger.append([*entries, *_reading(patient, "read", held, clock.now())], author, action="chart.read")
        await uow.ledger.note_ehr_read(patient, began_at)
    return True


async def _note_silence(patient: str, begin: Begin, author: Author, clock: Clock) -> None:
    async with begin() as uow:
        held = await uow.ledger.latest_of_kinds(patient, ("ehr-read",))
        await uow.ledger.append(_reading(patient, "unanswered", held, clock.now()), author, action="chart.unanswered")


def _changes(
    patient: str, resources: Sequence[Mapping[str, Any]], held: Mapping[str, LedgerEntry], at: datetime
) -> list[LedgerEntry]:
    """Return what is new: resources that changed, and, of those that the EHR no longer has, that they are gone."""
    seen = {f"ehr/{resource['resourceType']}/{resource['id']}": resource for resource in resources}
    changed = []
    for aggregate, resource in seen.items():
        version = str(resource.get("meta", {}).get("versionId", ""))
        source = f"{resource['resourceType']}/{resource['id']}" + (f"/_history/{version}" if version else "")
        changed.append(_next(aggregate, patient, resource["resourceType"], source, _text(resource), held, at))
    for aggregate, entry in held.items():
        if entry.kind in KINDS and aggregate not in seen:
            gone = _text({"resourceType": entry.kind, "id": aggregate.rsplit("/", 1)[1], "gone": True})
            changed.append(_next(aggregate, patient, entry.kind, aggregate.removeprefix("ehr/"), gone, held, at))
    return [entry for entry in changed if entry is not None]


def _reading(patient: str, status: str, held: Mapping[str, LedgerEntry], at: datetime) -> list[LedgerEntry]:
    """Return that the chart is read or not answered, if that is news."""
    data = _text({"status": status})
    entry = _next(f"ehr-read/{patient}", patient, "ehr-read", "ehr", data, held, at)
    return [entry] if entry else []


def _next(
    aggregate: str, patient: str, kind: str, source: str, data: str, held: Mapping[str, LedgerEntry], at: datetime
) -> LedgerEntry | None:
    before = held.get(aggregate)
    if before is not None and before.data == data:
        return None
    return LedgerEntry(
        aggregate=aggregate,
        version=before.version + 1 if before else 1,
        patient=patient,
        kind=kind,
        recorded_at=at,
        source=source,
        data=data,
    )


def _text(resource: Mapping[str, Any]) -> str:
    return _ENCODER.encode(resource).decode()
