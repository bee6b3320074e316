"""What the practice's EHR sends: consents and time entries as FHIR R4 resources, built from the month's script in field terms."""

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
Action = dict[str, Any]

CANONICAL = "https://careledger.example/fhir"
EXTENSION = f"{CANONICAL}/StructureDefinition/"
PROGRAM = f"{CANONICAL}/CodeSystem/program"
CONSENT_IDS = "https://millbrook.example/consent"
TIME_ENTRY_IDS = "https://millbrook.example/time-entry"
STATEMENT_IDS = "https://millbrook.example/statement"
CLAIM_IDS = "https://billing.millbrook.example/claim"
UCUM = "http://unitsofmeasure.org"

_HL7 = "http://terminology.hl7.org/CodeSystem/"


def consent(action: Action) -> Json:
    """Return the Consent of a `consent.grant` or `consent.decline`."""
    agreed = action["do"] == "consent.grant"
    patient, script = reference("Patient", action["patient"]), action["script"]
    built: Json = {
        "resourceType": "Consent",
        "extension": list(_consent_extensions(action)),
        "identifier": [{"system": CONSENT_IDS, "value": action["consent"]}],
        "status": "active" if agreed else "rejected",
        "scope": _concept(_HL7 + "consentscope", "treatment"),
        "category": [_concept("http://loinc.org", "59284-0"), _concept(PROGRAM, action["program"])],
        "patient": patient,
        "dateTime": action["given_at"],
        "performer": [patient],
        "policy": [{"uri": f"{script['uri']}|{script['version']}"}],
        "provision": {
            "type": "permit" if agreed else "deny",
            "actor": [
                {
                    "role": _concept(_HL7 + "v3-ParticipationType", "PPRF"),
                    "reference": reference("Practitioner", action["practitioner"]),
                }
            ],
        },
    }
    if agreed:
        built["provision"]["period"] = {"start": action["given_at"]}
    if action["method"] == "verbal":
        built["verification"] = [{"verified": True, "verifiedWith": patient, "verificationDate": action["given_at"]}]
    if action["method"] == "written":
        built["sourceAttachment"] = _form(action)
    return built


def revoked(resource: Json, action: Action) -> Json:
    """Return the Consent that was read, revoked by a `consent.revoke`."""
    stop = _extension(
        "revocation",
        ("received-at", {"valueDateTime": action["received_at"]}),
        ("channel", {"valueString": action["channel"]}),
        ("recorded-by", {"valueReference": reference("Practitioner", action["recorded_by"])}),
    )
    return {**resource, "status": "inactive", "extension": [*resource["extension"], stop]}


def time_entry(action: Action) -> Json:
    """Return the Task of a `time.log`: what somebody states, with start and end, or with its day and seconds only."""
    built: Json = {
        "resourceType": "Task",
        "extension": [
            {"url": EXTENSION + "program", "valueCode": action["program"]},
            {"url": EXTENSION + "time-basis", "valueCode": "asserted"},
            {"url": EXTENSION + "asserted-reason", "valueString": action["asserted_reason"]},
        ],
        "identifier": [{"system": TIME_ENTRY_IDS, "value": action["entry"]}],
        "status": "completed",
        "intent": "order",
        "code": _concept(f"{CANONICAL}/CodeSystem/activity", action["activity"]),
        "for": reference("Patient", action["patient"]),
        "executionPeriod": {"start": action.get("start", action.get("day")), "end": action.get("end", action.get("day"))},
        "requester": reference("Practitioner", action["directed_by"]),
        "performerType": [_concept(f"{CANONICAL}/CodeSystem/performer-role", action["role"])],
        "owner": reference("Practitioner", action["performer"]),
        "note": [{"text": action["note"]}],
    }
    outputs = list(_outputs(action))
    if outputs:
        built["output"] = outputs
    if "problem" in action:
        built["reasonReference"] = reference("Condition", action["problem"])
    return built


def seconds_of(task: Json) -> int:
    """Return the seconds that a Task says."""
    return next(int(output["valueDuration"]["value"]) for output in task["output"] if "valueDuration" in output)


def extension_of(resource: Json, name: str) -> Json:
    """Return our extension `name` of a resource; KeyError if it has none."""
    for found in resource.get("extension", []):
        if found["url"] == EXTENSION + name:
            extension: Json = found
            return extension
    raise KeyError(f"{resource['resourceType']} {resource.get('id')} has no extension {name}")


def reference(kind: str, key: str) -> Json:
    """Return a reference into the practice's EHR."""
    return {"reference": f"{kind}/{key}"}


def _consent_extensions(action: Action) -> Iterator[Json]:
    yield {"url": EXTENSION + "consent-method", "valueCode": action["method"]}
    who = action["obtained_by"]
    yield _extension(
        "obtained-by",
        ("who", {"valueReference": reference("Practitioner", who["practitioner"])}),
        ("credential", {"valueCode": who["credential"]}),
        ("name", {"valueString": who["name"]}),
    )
    for code, given in action["disclosures"].items():
        yield _extension("disclosure", ("code", {"valueCode": code}), ("given", {"valueBoolean": given}))
    script = action["script"]
    interpreter = [("interpreter", {"valueString": script["interpreter"]})] if "interpreter" in script else []
    yield _extension("communication", ("language", {"valueCode": script["language"]}), *interpreter)
    yield _extension("other-practice", ("answer", {"valueCode": action["other_practice"]}))
    if "decline_reason" in action:
        yield _extension("decline-reason", ("text", {"valueString": action["decline_reason"]}))


def _extension(name: str, *parts: tuple[str, Json]) -> Json:
    return {"url": EXTENSION + name, "extension": [{"url": part, **value} for part, value in parts]}


def _form(action: Action) -> Json:
    """Return the signed form, which stays in the EHR: its kind, size and hash."""
    words = f"Consent {action['consent']}: {action['script']['uri']}, {action['given_at']}".encode()
    digest = base64.b64encode(hashlib.sha1(words, usedforsecurity=False).digest()).decode()
    return {
        "contentType": "text/plain",
        "title": "Signed consent form",
        "size": len(words),
        "hash": digest,
        "creation": action["given_at"],
    }


def _outputs(action: Action) -> Iterator[Json]:
    kinds = f"{CANONICAL}/CodeSystem/time-output"
    if "seconds" in action:
        duration = {"value": action["seconds"], "unit": "s", "system": UCUM, "code": "s"}
        yield {"type": _concept(kinds, "seconds"), "valueDuration": duration}
    for name in ("action_taken", "clinical_relevance"):
        if name in action:
            yield {"type": _concept(kinds, name.replace("_", "-")), "valueString": action[name]}


def _concept(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code}]}
