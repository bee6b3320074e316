"""The profile `careledger-time-entry`: which elements a Task may hold here, and where the domain's fields are in it."""

from typing import Any

from shared.fhir.profile import ANY, extension_place, extension_url, system_url
from shared.kernel.errors import CareledgerError, Issue
from shared.kernel.vocabulary import CANONICAL

PROFILE = f"{CANONICAL}/StructureDefinition/careledger-time-entry"
IDENTIFIER_SYSTEM = f"{CANONICAL}/sid/time-entry"

ACTIVITY = system_url("activity")
PERFORMER_ROLE = system_url("performer-role")
PROGRAM = system_url("program")
OUTPUT = system_url("time-output")
TASK_STATUS = "http://hl7.org/fhir/task-status"
UCUM = "http://unitsofmeasure.org"

SECONDS = "seconds"
ACTION_TAKEN = "action-taken"
CLINICAL_RELEVANCE = "clinical-relevance"

_REFERENCE = {"reference": ANY, "type": ANY, "identifier": ANY, "display": ANY}

ALLOWED = {
    "id": ANY,
    "meta": ANY,
    "language": ANY,
    "text": ANY,
    "extension": {
        extension_url(name)
        for name in ("program", "time-basis", "gap-seconds", "asserted-reason", "additional-problem", "change-reason")
    },
    "identifier": ANY,
    "groupIdentifier": ANY,
    "basedOn": _REFERENCE,
    "status": ANY,
    "statusReason": ANY,
    "intent": ANY,
    "code": ANY,
    "for": _REFERENCE,
    "focus": _REFERENCE,
    "encounter": _REFERENCE,
    "executionPeriod": {"start": ANY, "end": ANY},
    "authoredOn": ANY,
    "lastModified": ANY,
    "requester": _REFERENCE,
    "performerType": ANY,
    "owner": _REFERENCE,
    "reasonCode": ANY,
    "reasonReference": _REFERENCE,
    "note": {"authorReference": _REFERENCE, "authorString": ANY, "time": ANY, "text": ANY},
    "output": {"type": ANY, "valueDuration": ANY, "valueString": ANY},
}
"""Kept and returned; everything else is refused, never dropped."""

_PLACES = {
    "status": "Task.status",
    "patient": "Task.for",
    "performer": "Task.owner",
    "identifier": "Task.identifier",
    "start": "Task.executionPeriod.start",
    "end": "Task.executionPeriod.end",
    "stretch": "Task.executionPeriod",
    "seconds": "Task.output.valueDuration.value",
    "reason": extension_place("Task", "change-reason", "valueString"),
    "basis": extension_place("Task", "time-basis", "valueCode"),
    "asserted_reason": extension_place("Task", "asserted-reason", "valueString"),
    "gap_seconds": extension_place("Task", "gap-seconds", "valueDuration"),
}


def at_task(error: CareledgerError) -> CareledgerError:
    """Return `error` with the domain's field names turned into places in a Task."""
    error.issues = tuple(
        Issue(issue.rule, issue.text, _PLACES.get(issue.expression or "", issue.expression)) for issue in error.issues
    )
    return error


def same_task(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Tell whether two bodies say the same, apart from what is ours to set."""
    ours = ("id", "meta", "authoredOn", "lastModified")
    return {k: v for k, v in one.items() if k not in ours} == {k: v for k, v in other.items() if k not in ours}
