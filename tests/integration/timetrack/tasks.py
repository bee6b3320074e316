"""Tasks as an EHR sends them."""

from itertools import count
from typing import Any

from shared.kernel.vocabulary import CANONICAL

SENDER = "https://ehr.example/ids"
_number = count(1)


def extension(name: str, **value: Any) -> dict[str, Any]:
    """Return our extension `name` with its value."""
    return {"url": f"{CANONICAL}/StructureDefinition/{name}", **value}


def output(code: str, **value: Any) -> dict[str, Any]:
    """Return an output of the work."""
    return {"type": {"coding": [{"system": f"{CANONICAL}/CodeSystem/time-output", "code": code}]}, **value}


def seconds(value: float) -> dict[str, Any]:
    """Return the output that states the seconds."""
    return output("seconds", valueDuration={"value": value, "system": "http://unitsofmeasure.org", "code": "s"})


def task(start: str = "2026-10-15T14:00:00Z", end: str = "2026-10-15T14:20:00Z", **changes: Any) -> dict[str, Any]:
    """Return a complete Task with an identifier of its own; `changes` replace elements (None: left out; `for_` is `for`)."""
    body: dict[str, Any] = {
        "resourceType": "Task",
        "identifier": [{"system": SENDER, "value": f"t-{next(_number)}"}],
        "status": "completed",
        "intent": "order",
        "code": {"coding": [{"system": f"{CANONICAL}/CodeSystem/activity", "code": "patient-contact"}]},
        "for": {"reference": "Patient/p1"},
        "executionPeriod": {"start": start, "end": end},
        "performerType": [{"coding": [{"system": f"{CANONICAL}/CodeSystem/performer-role", "code": "registered-nurse"}]}],
        "owner": {"reference": "Practitioner/n1", "display": "Rosa Diaz"},
        "requester": {"reference": "Practitioner/d1"},
        "reasonReference": {"reference": "Condition/c1", "display": "Hypertension"},
        "output": [
            output("action-taken", valueString="Called the pharmacy about the refill"),
            output("clinical-relevance", valueString="Missed three doses; pressure 156/90"),
        ],
        "extension": [
            extension("program", valueCode="ccm"),
            extension("time-basis", valueCode="asserted"),
            extension("asserted-reason", valueString="kept on paper"),
        ],
    }
    for name, value in changes.items():
        key = name.rstrip("_")
        if value is None:
            body.pop(key, None)
        else:
            body[key] = value
    return body


def day_task(day: str, worth: float, **changes: Any) -> dict[str, Any]:
    """Return a Task known by its day and seconds only."""
    body = task(day, day, **changes)
    body["output"].append(seconds(worth))
    return body


def amended(body: dict[str, Any], reason: str = "wrong end") -> dict[str, Any]:
    """Return a read Task with the reason of a change."""
    kept = [found for found in body["extension"] if not found["url"].endswith("/change-reason")]
    return {**body, "extension": [*kept, extension("change-reason", valueString=reason)]}


def moved(body: dict[str, Any], start: str, end: str) -> dict[str, Any]:
    """Return a read Task with another period, its seconds left for the server to set."""
    outputs = [found for found in body["output"] if "valueDuration" not in found]
    return {**body, "executionPeriod": {"start": start, "end": end}, "output": outputs}
