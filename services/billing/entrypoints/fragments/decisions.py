"""What a person does with one patient-month: answer a review, say who cares for a hold, assemble anew."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import Request, Response

from services.billing.entrypoints.fragments.charge import read_month_name, show_charge
from services.billing.entrypoints.fragments.common import Desk, fragment_router
from services.billing.entrypoints.fragments.practice import DeskActor, practice_desk
from services.billing.usecases.assemble_patients import assemble_patients
from services.billing.usecases.decide_review import Answer, decide_review
from services.billing.usecases.refresh_overviews import refresh_overviews
from services.billing.usecases.track_hold import Saying, track_hold
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.errors import Invalid
from shared.web.typed import FieldError, day_of, form_of

router = fragment_router("/months/{month}/patients/{patient}")


@router.post("/reviews/{review_id}")
async def review(request: Request, month: str, patient: str, review_id: UUID, principal: DeskActor) -> Response:
    """Record the answer to a review with its reason, and decide the month anew."""
    desk, typed = await practice_desk(request, principal, writes=True), await form_of(request)
    of_month = read_month_name(month)
    await decide_again(desk, of_month, [patient])  # so that what the page showed is there to be answered
    try:
        await decide_review(
            review_id=review_id,
            answer=Answer(
                decision=typed.get("decision", ""),
                reason=typed.get("reason", ""),
                by=desk.person,
                modifier=typed.get("modifier") or None,
            ),
            tenant_id=desk.call.principal.tenant_id,
            begin=desk.call.begin,
            author=desk.call.author,
            clock=desk.call.world.clock,
        )
    except Invalid as refused:
        words = {"decision": "Choose one of the two.", "reason": "Say why."}
        errors = tuple(FieldError("", words.get(issue.expression or "", issue.text)) for issue in refused.issues)
        return await show_charge(
            desk, of_month, patient, status=422, errors=errors, typed={str(review_id): typed.get("reason", "")}
        )
    await decide_again(desk, of_month, [patient])
    return await show_charge(desk, of_month, patient)


@router.post("/hold")
async def hold(request: Request, month: str, patient: str, principal: DeskActor) -> Response:
    """Record who cares for a hold, until when, and what is going on."""
    desk, typed = await practice_desk(request, principal, writes=True), await form_of(request)
    of_month = read_month_name(month)
    saying = Saying(
        owner=typed.get("owner") or None,
        due=day_of(typed.get("due", "")),
        comment=typed.get("comment", ""),
        by=desk.person,
    )
    try:
        await track_hold(
            month=of_month,
            patient=patient,
            saying=saying,
            begin=desk.call.begin,
            author=desk.call.author,
            clock=desk.call.world.clock,
        )
    except Invalid as refused:
        error = FieldError("bill-comment", f"{str(refused)[:1].upper()}{str(refused)[1:]}.")
        return await show_charge(desk, of_month, patient, status=422, errors=(error,), typed=dict(typed))
    return await show_charge(desk, of_month, patient)


@router.post("/assemble")
async def assemble_one(request: Request, month: str, patient: str, principal: DeskActor) -> Response:
    """Decide the patient's month anew with the facts of now."""
    desk = await practice_desk(request, principal, writes=True)
    of_month = read_month_name(month)
    await decide_again(desk, of_month, [patient])
    return await show_charge(desk, of_month, patient)


async def decide_again(desk: Desk, month: CalendarMonth, patients: Sequence[str]) -> None:
    """Decide the month of some patients anew and bring their lines up to date, so that the answer shows it."""
    call = desk.call
    await assemble_patients(
        month=month,
        patients=patients,
        tenant_id=call.principal.tenant_id,
        begin=call.begin,
        rule_book=call.world.rule_book,
        author=call.author,
        clock=call.world.clock,
    )
    await refresh_overviews(
        month=month, patients=patients, oversee=call.read, rule_book=call.world.rule_book, at=call.world.clock.now()
    )
