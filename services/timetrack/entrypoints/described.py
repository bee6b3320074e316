"""What timetrack's OpenAPI says: for whom it is, and a Task as it is sent and as it is answered."""

from datetime import UTC, datetime
from typing import Any

from shared.fhir.profile import extension_url, system_url
from shared.fhir.provenance import provenance, recorder
from shared.kernel.vocabulary import CANONICAL
from shared.web.openapi import About

Json = dict[str, Any]

_ID = "0199f3c2-71aa-7d03-9b1e-2c4d6e8f0a12"
_EHR = "https://ehr.example/fhir/R4"


def _coded(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code}]}


def _output(code: str, **value: Any) -> Json:
    return {"type": _coded(system_url("time-output"), code), **value}


def _task(reference: Any, *measured: Json) -> Json:
    """Return twenty minutes of a nurse's; `reference` writes a reference by type and id, `measured` are the server's outputs."""
    return {
        "status": "completed",
        "intent": "order",
        "code": _coded(system_url("activity"), "patient-contact"),
        "for": reference("Patient", "p-1"),
        "executionPeriod": {"start": "2026-10-15T10:00:00-04:00", "end": "2026-10-15T10:20:00-04:00"},
        "performerType": [_coded(system_url("performer-role"), "registered-nurse")],
        "owner": reference("Practitioner", "rn-1"),
        "requester": reference("Practitioner", "dr-1"),
        "reasonReference": reference("Condition", "c-1"),
        "output": [
            *measured,
            _output("action-taken", valueString="Called the pharmacy about the refill of lisinopril"),
            _output("clinical-relevance", valueString="Missed three doses; pressure 156/90 at home"),
        ],
        "extension": [
            {"url": extension_url("program"), "valueCode": "ccm"},
            {"url": extension_url("time-basis"), "valueCode": "asserted"},
            {"url": extension_url("asserted-reason"), "valueString": "logged in the EHR's own module"},
        ],
    }


_SENDERS = {"system": "https://ehr.example/time", "value": "20261015-17"}
_SECONDS = _output("seconds", valueDuration={"value": 1200, "unit": "s", "system": "http://unitsofmeasure.org", "code": "s"})
_SENT: Json = {
    "resourceType": "Task",
    "identifier": [_SENDERS],
    **_task(lambda kind, ident: {"reference": f"{kind}/{ident}"}),
}
_ANSWERED: Json = {
    "resourceType": "Task",
    "id": _ID,
    "meta": {
        "versionId": "1",
        "lastUpdated": "2026-10-15T14:21:03Z",
        "profile": [f"{CANONICAL}/StructureDefinition/careledger-time-entry"],
    },
    "identifier": [{"system": f"{CANONICAL}/sid/time-entry", "value": _ID}, _SENDERS],
    **_task(lambda kind, ident: {"reference": f"{_EHR}/{kind}/{ident}", "type": kind}, _SECONDS),
    "authoredOn": "2026-10-15T14:21:03Z",
    "lastModified": "2026-10-15T14:21:03Z",
}
_PROVENANCE = provenance(
    f"t-{_ID}-1", f"Task/{_ID}/_history/1", datetime(2026, 10, 15, 14, 21, 3, tzinfo=UTC), [recorder("ehr")], operation="CREATE"
)

ABOUT = About(
    description=(
        "Time spent on care management: measured by timers on the server's clock, or stated by the sender and marked so. "
        "For EHRs that send time or run timers by buttons of their own, and for whoever keeps the staff roster.\n\n"
        "Begin with `docs/integration.md`; the elements are in `docs/implementation-guide/`."
    ),
    tags={
        "Task": "A time entry, one half-open interval of one performer, as FHIR R4.",
        "Provenance": "Who made a version of a time entry, as FHIR R4.",
        "Timers": "Timers in the name of a person of the roster; when one stops, its stretches become time entries.",
        "Roster": "The staff: roles, credentials, supervision, places of work, exclusion checks, each with its days.",
    },
    examples={"Task": _ANSWERED, "Task sent": _SENT, "Provenance": _PROVENANCE},
    words={
        "id": "The timer's id.",
        "performer": "Practitioner id of whoever works.",
        "patient": "Patient id in the EHR.",
        "directed_by": "Practitioner id of the billing practitioner under whose direction.",
        "started_at": "When it was started.",
        "timers": "The oldest first.",
        "encounter": "Encounter id in the EHR, if there is one.",
        "action_taken": "What was done; missing, it is a finding.",
        "clinical_relevance": "Why it mattered for the patient; missing, it is a finding.",
        "additional_problems": "Further problems that the work addressed.",
        "note": "What else is to be told.",
        "codes": "Codes of the problem, `system|code`.",
        "condition": "Condition id in the EHR.",
        "text": "The problem in words.",
        "reason": "Why, in words.",
        "name": "As it is to be shown.",
        "npi": "National provider identifier, ten digits, if they have one.",
        "roles": "What they may do in Careledger.",
        "credentials": "Licenses and certifications; one of them must cover the day of work.",
        "supervision": "Under which billing practitioners they work.",
        "locations": "Where they work.",
        "members": "By id.",
        "version": "Counts 1, 2, 3 … with each change; the ETag.",
        "recorded_at": "When this version was recorded.",
        "recorded_by": "By which client or person.",
        "since": "The first day.",
        "state": "USPS code of a state or territory.",
        "number": "The license's number.",
        "practitioner": "Practitioner id in the EHR.",
        "Supervision.practitioner": "Practitioner id of the billing practitioner who supervises.",
        "attested_by": "Who says so.",
        "task_id": "Its id.",
        "timer_id": "The timer's id.",
        "provenance_id": "`t-`, the entry's id, `-` and the version.",
        "Task?identifier": "Any of its identifiers.",
        "Task?patient": "For whom the work was done.",
        "Task?status": "completed or entered-in-error.",
        "Task?code": "The activity.",
        "Task?owner": "Who worked.",
        "Task?authored-on": "When this server first had it.",
        "Task?modified": "When the current version was written.",
        "Task?period": "When the work was done.",
        "Task?encounter": "The encounter, if there was one.",
        "Task?program": "The program for which time was spent.",
        "Task?_id": "Its id.",
        "Task?_lastUpdated": "When the current version was written.",
    },
)
