"""How the FHIR door answers: resources with their headers, what `Prefer` asks for, and what is worth a warning."""

from typing import Any
from uuid import UUID

from fastapi import Request, Response

from services.consent.entrypoints.dependencies import Call
from services.consent.fhir_mapping.outbound import write_consent
from services.consent.usecases.ports import Recorded
from shared.fhir.json_text import dump, parse
from shared.fhir.outcome import operation_outcome
from shared.kernel.errors import Issue, NotFound
from shared.web.fhir_route import MEDIA_TYPE, preference, resource_response


def uuid_of(text: str) -> UUID:
    """Return an id of ours; NotFound for any other text."""
    try:
        found = UUID(text)
    except ValueError as error:
        raise NotFound("there is no such consent") from error
    if str(found) != text:
        raise NotFound("there is no such consent")
    return found


def resource_of(call: Call, recorded: Recorded) -> dict[str, Any]:
    """Return the Consent of a stored version."""
    return write_consent(recorded.consent, parse(recorded.accepted.kept.encode()), call.bases)


def read_answer(call: Call, recorded: Recorded) -> Response:
    """Answer a read."""
    consent = recorded.consent
    return resource_response(resource_of(call, recorded), version=consent.version, updated=consent.recorded_at)


def write_answer(call: Call, request: Request, recorded: Recorded, *, status: int) -> Response:
    """Answer a write with what the client prefers to have back: the resource, an OperationOutcome or nothing."""
    consent = recorded.consent
    answer = resource_response(
        resource_of(call, recorded),
        version=consent.version,
        updated=consent.recorded_at,
        status=status,
        location=f"{call.bases.own}/Consent/{consent.id}/_history/{consent.version}",
    )
    wanted = preference(request, "return")
    if wanted not in ("minimal", "OperationOutcome"):
        return answer
    body = b"" if wanted == "minimal" else dump(_outcome(recorded))
    headers = {name: answer.headers[name] for name in ("ETag", "Last-Modified", "Location")}
    return Response(body, status, headers, media_type=MEDIA_TYPE if body else None)


def _outcome(recorded: Recorded) -> dict[str, Any]:
    consent = recorded.consent
    warnings = []
    if recorded.late:
        text = "The month is closed: this is stored and marked late, and counts only if the month is reopened."
        warnings.append(Issue("month-closed", text, "Consent.dateTime"))
    if consent.superseded_by:
        text = f"A later statement of the patient stands: Consent/{consent.superseded_by}."
        warnings.append(Issue("consent-superseded", text, "Consent.status"))
    if consent.statement.agreed and not all(consent.statement.disclosures.values()):
        warnings.append(Issue("disclosure-not-told", "A disclosure was not told: time under this consent is held.", "Consent"))
    if warnings:
        return operation_outcome(warnings, code="business-rule", severity="warning")
    return operation_outcome([Issue("recorded", "The consent is recorded.")], code="informational", severity="information")
