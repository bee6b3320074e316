"""How a Task is answered: with its version, with warnings instead, or with nothing but its Location."""

from collections.abc import Sequence
from typing import Any

from fastapi import Response

from services.timetrack.entrypoints.dependencies import Here
from services.timetrack.fhir_mapping.outbound import Version, task_of
from services.timetrack.usecases.ports import EntryVersion, StoredVersion
from shared.db.asked import discloses
from shared.fhir.json_text import parse
from shared.fhir.outcome import operation_outcome
from shared.fhir.profile import extension
from shared.fhir.provenance import provenance, provenance_id, recorder
from shared.kernel.errors import Issue
from shared.web.fhir_route import resource_response


def task_from(at: Here, stored: StoredVersion) -> dict[str, Any]:
    """Return a stored version as a Task."""
    return task_of(parse(stored.body.encode()), _version(stored), ehr_base=at.ehr.base)


def task_answer(
    at: Here,
    found: EntryVersion | StoredVersion,
    body: dict[str, Any],
    *,
    status: int = 200,
    located: bool = False,
    minimal: bool = False,
    instead: Sequence[Issue] | None = None,
) -> Response:
    """Answer with the Task of a version; with Location if it was written (201) or `located`.

    `instead` of the Task, an OperationOutcome with these warnings, or that there are none; `minimal`: no body.
    """
    version = _version(found)
    location = f"{at.base}/Task/{version.id}/_history/{version.version}"
    if instead is not None:
        severity = "warning" if instead else "information"
        issues = instead or [Issue("stored", "stored")]
        content: dict[str, Any] | None = operation_outcome(issues, code="informational", severity=severity)
    else:
        content = None if minimal else task_of(body, version, ehr_base=at.ehr.base)
    return resource_response(
        content,
        version=version.version,
        updated=version.written_at,
        status=status,
        location=location if located or isinstance(found, EntryVersion) else None,
    )


async def entry_warnings(at: Here, version: EntryVersion) -> list[Issue]:
    """Return what a person should know of an entry that was stored: late, no consent that we were told of, a thin note."""
    entry, issues = version.entry, []
    if version.late:
        text = "the month is closed: the entry is stored, marked late and not counted until a person decides"
        issues.append(Issue("month-closed", text, "Task.executionPeriod"))
    async with at.uow as uow:
        consent = await uow.consent_in_force(entry.patient, entry.program)
    if consent is not True:
        text = f"no active consent of the patient for {entry.program} is known here yet"
        issues.append(Issue("consent-not-known", text, "Task.for"))
    return issues


def provenance_of(stored: StoredVersion) -> dict[str, Any]:
    """Return who entered a version, when and, if it changed or voided the entry, why."""
    operation = {"logged": "CREATE", "amended": "UPDATE", "voided": "NULLIFY"}[stored.change]
    body = parse(stored.body.encode())
    discloses(body["for"]["reference"].rpartition("/")[2])
    reason = body.get("statusReason", {}).get("text")
    if stored.change == "amended":
        reason = (extension(body, "change-reason", expression="Task") or {}).get("valueString")
    return provenance(
        provenance_id("t", stored.id, stored.version),
        f"Task/{stored.id}/_history/{stored.version}",
        stored.written_at,
        [recorder(stored.author)],
        operation=operation,
        reason_text=reason,
    )


def _version(found: EntryVersion | StoredVersion) -> Version:
    seconds = found.entry.seconds if isinstance(found, EntryVersion) else found.seconds
    return Version(str(found.id), found.version, seconds, found.authored_on, found.written_at)
