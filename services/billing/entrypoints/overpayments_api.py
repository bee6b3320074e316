"""Overpayment cases for whoever reports and returns (P6): what is open by the day until which to report, and how one ended."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Request
from pydantic import AwareDatetime, BaseModel, Field

from services.billing.entrypoints.rest_api import Attester, practice_call
from services.billing.entrypoints.schemas import Body, EhrId, MonthText, Words
from services.billing.usecases.overpayment_ports import Overpayment
from services.billing.usecases.overpayments import settle_overpayment
from shared.web.fhir_route import RetryingRoute

router = APIRouter(prefix="/t/{tenant}/billing/overpayments", route_class=RetryingRoute, tags=["billing"])


class LineAnswer(BaseModel):
    """A code with its units."""

    code: str
    units: int


class OverpaymentAnswer(BaseModel):
    """A claim that was billed for more than the facts give."""

    id: UUID
    month: MonthText
    patient: str
    found_at: AwareDatetime = Field(description="When it was identified: the days are counted from here")
    report_by: date = Field(description="Last day to report and return")
    investigate_by: date = Field(description="Last day of a good-faith investigation that suspends it")
    billed: list[LineAnswer]
    now: list[LineAnswer]
    outcome: str | None = Field(description="How it ended; absent while it is open")
    reference: str | None
    settled_at: AwareDatetime | None
    by: str | None


class OverpaymentsAnswer(BaseModel):
    """The open cases, the one to be reported first on top."""

    cases: list[OverpaymentAnswer]


class SettleBody(Body):
    """How a case ended."""

    outcome: Literal["returned", "offset", "not-owed"] = Field(
        description="Returned, taken back by the payer from other payments, or nothing owed after all"
    )
    reference: Words = Field(description="The refund's number, the payer's letter", examples=["refund 2026-118"])
    by: EhrId = Field(description="EHR Practitioner id of who says so: biller, program lead or billing practitioner")


@router.get("", summary="Overpayments to report and return")
async def open_overpayments(request: Request, principal: Attester) -> OverpaymentsAnswer:
    """Return the cases that have not ended, whatever their month."""
    call = await practice_call(request, principal)
    async with call.begin() as uow:
        return OverpaymentsAnswer(cases=[_answer(case) for case in await uow.overpayments.open_cases()])


@router.post("/{case_id}/settle", summary="Settle an overpayment")
async def settle(
    case_id: Annotated[UUID, Path(description="Id of the case")], body: SettleBody, request: Request, principal: Attester
) -> OverpaymentAnswer:
    """Record how a case ended; the same again gives the same answer, anything else a 409."""
    call = await practice_call(request, principal)
    case = await settle_overpayment(
        case_id=case_id,
        outcome=body.outcome,
        reference=body.reference,
        by=body.by,
        begin=call.begin,
        author=call.author,
        clock=call.world.clock,
    )
    return _answer(case)


def _answer(case: Overpayment) -> OverpaymentAnswer:
    return OverpaymentAnswer(
        id=case.id,
        month=str(case.month),
        patient=case.patient,
        found_at=case.found_at,
        report_by=case.report_by,
        investigate_by=case.investigate_by,
        billed=[LineAnswer(code=code, units=units) for code, units in case.billed],
        now=[LineAnswer(code=code, units=units) for code, units in case.now],
        outcome=case.outcome,
        reference=case.reference,
        settled_at=case.settled_at,
        by=case.by,
    )
