"""Beside FHIR: attestations, reviews, and the month's way from assembly to close (integration.md 5, 10)."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from services.billing.domain.charge import Identifier
from services.billing.entrypoints import schemas
from services.billing.entrypoints.dependencies import Call, call_of
from services.billing.entrypoints.month_answers import manifest_answer, month_answer, standing_answer
from services.billing.usecases.assemble_month import assemble_month
from services.billing.usecases.attest_month import attest_month
from services.billing.usecases.close_month import MonthStatus, set_month_status
from services.billing.usecases.decide_review import Answer, decide_review
from services.billing.usecases.record_attestation import Statement, record_attestation
from services.billing.usecases.refresh_evidence import refresh_evidence
from services.billing.usecases.show_month import show_month
from shared.db.asked import discloses
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.errors import Forbidden
from shared.web.access_control import Principal, needs
from shared.web.fhir_route import RetryingRoute

router = APIRouter(prefix="/t/{tenant}/billing", route_class=RetryingRoute, tags=["billing"])

Attester = Annotated[Principal, Depends(needs("careledger/attest"))]
Biller = Annotated[Principal, Depends(needs("system/ChargeItem.r", "system/ChargeItem.s"))]
_NOT_NOW: dict[int | str, dict[str, Any]] = {
    409: {"description": "The month is not over, or somebody else has just closed or opened it"}
}
Month = Annotated[
    str, Path(pattern=r"^2[01][0-9]{2}-(0[1-9]|1[0-2])$", description="Calendar month, YYYY-MM", examples=["2026-10"])
]


async def practice_call(request: Request, principal: Principal) -> Call:
    """Return the call; what concerns a whole practice is not for a principal bound to one patient."""
    if principal.patient is not None:
        raise Forbidden("this concerns the whole practice, not one patient")
    return await call_of(request, principal)


@router.post(
    "/attestations",
    status_code=201,
    summary="Attest what the EHR cannot say",
    responses={
        200: {"model": schemas.AttestationAnswer, "description": "Recorded before"},
        409: {"description": "The identifier stands for another statement"},
    },
)
async def attest_fact(
    body: schemas.AttestationBody, request: Request, response: Response, principal: Attester
) -> schemas.AttestationAnswer:
    """Record a statement in the name of a person of the roster; its identifier makes it repeatable."""
    call = await practice_call(request, principal)
    recorded = await record_attestation(
        statement=Statement(
            identifier=Identifier(system=body.identifier.system, value=body.identifier.value),
            kind=body.kind,
            patient=body.patient,
            value=body.value,
            by=body.by,
            role=body.role,
            signed_at=body.signed_at,
            effective=body.effective,
            until=body.until,
            month=CalendarMonth.parse(body.month) if body.month else None,
        ),
        tenant_id=principal.tenant_id,
        begin=call.begin,
        author=call.author,
        clock=call.world.clock,
    )
    response.status_code = 201 if recorded.created else 200
    return schemas.AttestationAnswer(id=recorded.id, created=recorded.created, recorded_at=recorded.recorded_at)


@router.post(
    "/reviews/{review_id}",
    summary="Decide a review",
    operation_id="decide_review",
    responses={409: {"description": "Somebody else has just answered it"}},
)
async def decide(review_id: UUID, body: schemas.ReviewBody, request: Request, principal: Attester) -> schemas.ReviewAnswer:
    """Record a named person's decision with its reason."""
    call = await practice_call(request, principal)
    version = await decide_review(
        review_id=review_id,
        answer=Answer(decision=body.decision, reason=body.reason, by=body.by, modifier=body.modifier),
        tenant_id=principal.tenant_id,
        begin=call.begin,
        author=call.author,
        clock=call.world.clock,
    )
    return schemas.ReviewAnswer(review=review_id, version=version)


@router.post("/months/{month}/assemble", summary="Assemble a month", operation_id="assemble_month")
async def assemble(month: Month, request: Request, principal: Attester) -> schemas.AssembleAnswer:
    """Read the charts, then decide the month for every enrolled patient. Repeated, it changes only what the facts changed."""
    call = await practice_call(request, principal)
    world, of_month = call.world, CalendarMonth.parse(month)
    refreshed = await refresh_evidence(
        chart=world.chart(principal.tenant), begin=call.begin, author=call.author, clock=world.clock, wall=world.wall
    )
    done = await assemble_month(
        month=of_month,
        tenant_id=principal.tenant_id,
        begin=call.begin,
        rule_book=world.rule_book,
        author=call.author,
        clock=world.clock,
    )
    return schemas.AssembleAnswer(
        month=month,
        results=done.results,
        changed=done.changed,
        outcomes=dict(done.outcomes),
        charts=refreshed.charts,
        charts_unanswered=refreshed.unanswered,
        enrolment_read=refreshed.enrolment_read,
    )


@router.post("/months/{month}/attest", summary="Sign a month's charges", operation_id="attest_month")
async def attest(month: Month, body: schemas.AttestBody, request: Request, principal: Attester) -> schemas.AttestAnswer:
    """Release the practitioner's planned charges to billing, or apply the open differences."""
    call = await practice_call(request, principal)
    done = await attest_month(
        month=CalendarMonth.parse(month),
        by=body.by,
        patients=body.patients,
        differences=body.differences,
        tenant_id=principal.tenant_id,
        begin=call.begin,
        rule_book=call.world.rule_book,
        author=call.author,
        clock=call.world.clock,
    )
    await call.world.publish(principal.tenant_id)
    return schemas.AttestAnswer(released=done.released, changed=done.changed, waiting=done.waiting, charges=done.charges)


@router.post("/months/{month}/close", summary="Close a month", operation_id="close_month", responses=_NOT_NOW)
async def close(month: Month, body: schemas.CloseBody, request: Request, principal: Attester) -> schemas.MonthStandingAnswer:
    """Close the month: what is written afterwards is late and not counted."""
    return await _set_status(month, MonthStatus.CLOSED, body, request, principal)


@router.post("/months/{month}/reopen", summary="Reopen a month", operation_id="reopen_month", responses=_NOT_NOW)
async def reopen(month: Month, body: schemas.CloseBody, request: Request, principal: Attester) -> schemas.MonthStandingAnswer:
    """Open a closed month again."""
    return await _set_status(month, MonthStatus.OPEN, body, request, principal)


async def _set_status(
    month: str, status: MonthStatus, body: schemas.CloseBody, request: Request, principal: Principal
) -> schemas.MonthStandingAnswer:
    call = await practice_call(request, principal)
    standing = await set_month_status(
        month=CalendarMonth.parse(month),
        status=status,
        by=body.by,
        reason=body.reason,
        tenant_id=principal.tenant_id,
        begin=call.begin,
        author=call.author,
        clock=call.world.clock,
    )
    return standing_answer(standing)


@router.get("/months/{month}", summary="A month's results")
async def month_results(
    month: Month,
    request: Request,
    principal: Attester,
    patient: Annotated[schemas.EhrId | None, Query(description="Only this patient")] = None,
    after: Annotated[schemas.EhrId | None, Query(description="Results after this patient")] = None,
    count: Annotated[int, Query(ge=0, le=500, description="How many results; 0: totals only")] = 100,
) -> schemas.MonthAnswer:
    """Return state, totals and results with findings, each explained by rule, source and facts."""
    call = await practice_call(request, principal)
    shown = await show_month(
        month=CalendarMonth.parse(month),
        patient=patient,
        after=after,
        count=count,
        tenant_id=principal.tenant_id,
        begin=call.begin,
    )
    discloses(*(result.row.patient for result in shown.results))
    return month_answer(month, shown)


@router.get(
    "/months/{month}/manifest", summary="What a month's charges come to, for reconciliation", operation_id="month_manifest"
)
async def manifest(month: Month, request: Request, principal: Biller) -> schemas.ManifestAnswer:
    """Return state, counts, units and totals by code of the published charges, and where the feed stood at close."""
    call = await practice_call(request, principal)
    shown = await show_month(
        month=CalendarMonth.parse(month), patient=None, after=None, count=0, tenant_id=principal.tenant_id, begin=call.begin
    )
    return manifest_answer(month, shown)
