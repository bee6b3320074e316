"""From a stored entry to the Task that we answer: what was accepted, what is ours to set, the EHR's addresses of today."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.timetrack.domain.time_entry import Status, TimeEntry
from services.timetrack.fhir_mapping.profile import (
    ACTION_TAKEN,
    ACTIVITY,
    CLINICAL_RELEVANCE,
    IDENTIFIER_SYSTEM,
    OUTPUT,
    PERFORMER_ROLE,
    PROFILE,
    SECONDS,
    UCUM,
)
from shared.fhir.profile import extension_url
from shared.fhir.references import npi, parse_reference
from shared.fhir.times import instant_text

Json = dict[str, Any]

_SINGLE = ("for", "focus", "encounter", "requester", "owner", "reasonReference")


@dataclass(frozen=True, slots=True)
class Version:
    """What the columns say of one version."""

    id: str
    version: int
    seconds: int
    authored_on: datetime
    written_at: datetime


def task_of(body: Mapping[str, Any], version: Version, *, ehr_base: str) -> Json:
    """Return the Task of one version: `body` is what was accepted, or what `compose_task` made."""
    task = {
        **body,
        "id": version.id,
        "meta": {
            **body.get("meta", {}),
            "versionId": str(version.version),
            "lastUpdated": instant_text(version.written_at),
            "profile": _with(body.get("meta", {}).get("profile", ()), PROFILE),
        },
        "identifier": [
            {"system": IDENTIFIER_SYSTEM, "value": version.id},
            *(found for found in body.get("identifier", ()) if found.get("system") != IDENTIFIER_SYSTEM),
        ],
        "authoredOn": instant_text(version.authored_on),
        "lastModified": instant_text(version.written_at),
        "output": [_seconds(version.seconds), *(found for found in body.get("output", ()) if "valueDuration" not in found)],
    }
    for name in _SINGLE:
        if name in task:
            task[name] = _at(ehr_base, task[name])
    if "basedOn" in task:
        task["basedOn"] = [_at(ehr_base, reference) for reference in task["basedOn"]]
    if "note" in task:
        task["note"] = [_inner(note, "authorReference", ehr_base) for note in task["note"]]
    task["extension"] = [_inner(found, "valueReference", ehr_base) for found in task["extension"]]
    return task


def compose_task(entry: TimeEntry) -> Json:
    """Return the Task that describes an entry which no client sent (a timer's), its references relative to the EHR."""
    body: Json = {
        "resourceType": "Task",
        "extension": list(_extensions(entry)),
        "identifier": [_identifier(token) for token in entry.external_ids],
        "status": entry.status.value,
        "intent": "order",
        "code": {"coding": [{"system": ACTIVITY, "code": entry.activity.value}]},
        "for": {"reference": f"Patient/{entry.patient}", **_patient_identifier(entry)},
        "executionPeriod": _period(entry),
        "performerType": [{"coding": [{"system": PERFORMER_ROLE, "code": entry.role.value}]}],
        "owner": _owner(entry),
        "output": list(_outputs(entry)),
    }
    if entry.group:
        body["groupIdentifier"] = _identifier(entry.group)
    if entry.directed_by:
        body["requester"] = {"reference": f"Practitioner/{entry.directed_by}"}
    if entry.encounter:
        body["encounter"] = {"reference": f"Encounter/{entry.encounter}"}
    if entry.note:
        body["note"] = [{"text": entry.note}]
    if entry.status is Status.ENTERED_IN_ERROR:
        body["statusReason"] = {"text": entry.reason}
    problem = entry.problem
    if problem.condition:
        body["reasonReference"] = {"reference": f"Condition/{problem.condition}"}
    if problem.codes or problem.text:
        codings = [_coding(token) for token in problem.codes]
        body["reasonCode"] = {**({"coding": codings} if codings else {}), **({"text": problem.text} if problem.text else {})}
    return body


def _extensions(entry: TimeEntry) -> Iterable[Json]:
    yield {"url": extension_url("program"), "valueCode": entry.program.value}
    yield {"url": extension_url("time-basis"), "valueCode": entry.basis.value}
    if entry.gap_seconds:
        yield {"url": extension_url("gap-seconds"), "valueDuration": _duration(entry.gap_seconds)}
    if entry.asserted_reason:
        yield {"url": extension_url("asserted-reason"), "valueString": entry.asserted_reason}
    for problem in entry.additional_problems:
        reference = {"reference": f"Condition/{problem.condition}"}
        display = {"display": problem.text} if problem.text else {}
        yield {"url": extension_url("additional-problem"), "valueReference": {**reference, **display}}
    if entry.reason and entry.status is Status.COMPLETED:
        yield {"url": extension_url("change-reason"), "valueString": entry.reason}


def _outputs(entry: TimeEntry) -> Iterable[Json]:
    yield _seconds(entry.seconds)
    for code, text in ((ACTION_TAKEN, entry.action_taken), (CLINICAL_RELEVANCE, entry.clinical_relevance)):
        if text:
            yield {"type": {"coding": [{"system": OUTPUT, "code": code}]}, "valueString": text}


def _period(entry: TimeEntry) -> Json:
    interval = entry.interval
    if interval is None:
        assert entry.day is not None
        return {"start": entry.day.isoformat(), "end": entry.day.isoformat()}
    return {"start": instant_text(interval.start), "end": instant_text(interval.end)}


def _owner(entry: TimeEntry) -> Json:
    performer = entry.performer
    owner: Json = {"reference": f"Practitioner/{performer.id}"}
    if performer.npi:
        owner["identifier"] = npi(performer.npi)
    if performer.name:
        owner["display"] = performer.name
    return owner


def _patient_identifier(entry: TimeEntry) -> Json:
    return {"identifier": _identifier(entry.patient_identifier)} if entry.patient_identifier else {}


def _seconds(seconds: int) -> Json:
    return {"type": {"coding": [{"system": OUTPUT, "code": SECONDS}]}, "valueDuration": _duration(seconds)}


def _duration(seconds: int) -> Json:
    return {"value": seconds, "unit": "s", "system": UCUM, "code": "s"}


def _identifier(token: str) -> Json:
    system, _, value = token.partition("|")
    return {"system": system, "value": value} if system else {"value": value}


def _coding(token: str) -> Json:
    system, _, code = token.partition("|")
    return {"system": system, "code": code} if system else {"code": code}


def _with(profiles: Iterable[str], ours: str) -> list[str]:
    return [ours, *(profile for profile in profiles if profile != ours)]


def _inner(element: Json, name: str, base: str) -> Json:
    return {**element, name: _at(base, element[name])} if name in element else element


def _at(base: str, reference: Json) -> Json:
    """Return the reference at the EHR's base of today, whatever it was when the entry was accepted."""
    found = parse_reference(reference["reference"])
    if found is None:
        return reference
    return {**reference, "reference": f"{base.rstrip('/')}/{found.type}/{found.id}", "type": found.type}
