"""Beside FHIR: was a consent in force at an instant, as known at another, and by which evidence?"""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from services.consent.domain.consent import Status
from services.consent.domain.standing import Evidence, InForce, Reason
from services.consent.entrypoints.dependencies import call_of
from services.consent.usecases.tell_in_force import tell_in_force
from shared.db.asked import discloses
from shared.kernel.errors import NotFound
from shared.kernel.vocabulary import DisclosureCode, Program
from shared.web.access_control import Principal, needs
from shared.web.fhir_route import RetryingRoute

_TEXTS = {
    Reason.GRANTED: "The patient had agreed, and nothing had ended it.",
    Reason.STOPPING: "The patient had said stop; the month may still be billed, no new work is started (C6).",
    Reason.BEFORE_START: "This consent had not been given yet (C3).",
    Reason.ENDED: "Its last day had passed.",
    Reason.REVOKED: "The patient had stopped it; it ended with that month (C6).",
    Reason.DECLINED: "The patient had declined.",
    Reason.SUPERSEDED: "A later consent to another practitioner had taken its place (C5).",
    Reason.ENTERED_IN_ERROR: "It was entered in error and never held.",
    Reason.NO_CONSENT: "Nothing was recorded that speaks of this instant.",
}

router = APIRouter(prefix="/t/{tenant}/consent", route_class=RetryingRoute, tags=["in force"])


class ConsentEvidence(BaseModel):
    """One consent, in the version known, and what it says at the instant asked about."""

    consent: str = Field(description="Relative reference to the version", examples=["Consent/0199…/_history/2"])
    practitioner: str = Field(description="The billing practitioner's id in the EHR")
    status: Status = Field(description="Its status in that version")
    reason: Reason = Field(description="What it says at the instant")
    text: str = Field(description="The reason in words")
    in_force: bool = Field(description="Whether time at the instant may be billed under it")
    may_act: bool = Field(description="Whether new work could be started under it")
    given_at: datetime = Field(description="When the patient agreed or declined")
    recorded_at: datetime = Field(description="When this version was written")
    from_: datetime = Field(alias="from", description="When it takes effect")
    until: datetime | None = Field(description="When it ceases to be in force (exclusive); none: open")
    last_day: date | None = Field(description="The last billable day as recorded in that version")
    not_told: tuple[DisclosureCode, ...] = Field(description="Disclosures that it does not record as told")


class InForceAnswer(BaseModel):
    """Whether a consent was in force, and why."""

    patient: str = Field(examples=["p-17"])
    program: Program
    at: datetime = Field(description="The instant asked about")
    known_at: datetime = Field(description="The instant as of whose records the answer is given")
    in_force: bool = Field(description="Whether time at the instant may be billed under a consent")
    may_act: bool = Field(description="Whether new work could be started then; false after a stop, to the month's end")
    reason: Reason
    text: str = Field(description="The reason in words")
    deciding: ConsentEvidence | None = Field(description="The consent that decides")
    evidence: tuple[ConsentEvidence, ...] = Field(description="All consents considered, in the order of their effect")


@router.get("/in-force", summary="Was consent in force?")
async def consent_in_force(
    request: Request,
    principal: Annotated[Principal, Depends(needs("system/Consent.r", "system/Consent.s"))],
    patient: Annotated[str, Query(pattern=r"^(Patient/)?[A-Za-z0-9\-.]{1,64}$", description="The patient's id in the EHR")],
    program: Annotated[Program, Query(description="The care-management program")],
    practitioner: Annotated[
        str | None, Query(pattern=r"^(Practitioner/)?[A-Za-z0-9\-.]{1,64}$", description="Only consents to this practitioner")
    ] = None,
    at: Annotated[AwareDatetime | None, Query(description="The instant asked about; now if absent")] = None,
    known_at: Annotated[
        AwareDatetime | None, Query(alias="known-at", description="Use what was recorded up to then; now if absent")
    ] = None,
) -> InForceAnswer:
    """Answer from the history, with every consent of the patient and program as evidence."""
    call = await call_of(request, principal)
    subject = patient.removeprefix("Patient/")
    if call.principal.patient not in (None, subject):
        raise NotFound("no such patient")
    found = await tell_in_force(
        patient=subject,
        program=program,
        practitioner=practitioner.removeprefix("Practitioner/") if practitioner else None,
        at=at,
        known_at=known_at,
        world=call.world,
        practice=call.practice,
    )
    discloses(subject)
    return _answer(found, subject, program)


@router.get(
    "/documents/{document_id}",
    summary="A signature or a scan",
    response_class=Response,
    responses={200: {"description": "The document", "content": {"application/octet-stream": {"schema": {"type": "string"}}}}},
)
async def consent_document(
    document_id: UUID, request: Request, principal: Annotated[Principal, Depends(needs("system/Consent.r"))]
) -> Response:
    """Return the document to which a Consent's attachment refers, byte for byte."""
    call = await call_of(request, principal)
    async with call.read(call.practice) as uow:
        found = await uow.documents.find(document_id, patient=call.principal.patient)
    if found is None:
        raise NotFound("there is no such document")
    discloses(found.patient, resources=(f"consent/documents/{document_id}",))
    return Response(found.content, media_type=found.content_type, headers={"Content-Disposition": "attachment"})


def _answer(found: InForce, patient: str, program: Program) -> InForceAnswer:
    return InForceAnswer(
        patient=patient,
        program=program,
        at=found.at,
        known_at=found.known_at,
        in_force=found.in_force,
        may_act=found.may_act,
        reason=found.reason,
        text=_TEXTS[found.reason],
        deciding=_evidence(found.deciding) if found.deciding else None,
        evidence=tuple(_evidence(one) for one in found.evidence),
    )


def _evidence(one: Evidence) -> ConsentEvidence:
    consent, said = one.consent, one.consent.statement
    return ConsentEvidence.model_validate(
        {
            "consent": f"Consent/{consent.id}/_history/{consent.version}",
            "practitioner": said.practitioner.id,
            "status": consent.status,
            "reason": one.reason,
            "text": _TEXTS[one.reason],
            "in_force": one.in_force,
            "may_act": one.may_act,
            "given_at": said.given_at,
            "recorded_at": consent.recorded_at,
            "from": said.starts_at,
            "until": one.ends_at,
            "last_day": consent.in_force_until,
            "not_told": one.not_told,
        }
    )
