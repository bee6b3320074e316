"""For integrators: decide a month without keeping anything, and read the rules by which it is decided."""

from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Request

from services.billing.entrypoints import rules_answers as answers
from services.billing.entrypoints.dependencies import call_of
from services.billing.entrypoints.preview_answers import PreviewAnswer
from services.billing.entrypoints.preview_bodies import PreviewBody
from services.billing.entrypoints.preview_facts import ledger_of
from services.billing.usecases.explain_rule import explain_rule, parameters_on, situation_of
from services.billing.usecases.preview_month import preview_month
from shared.kernel.calendar_month import CalendarMonth
from shared.web.access_control import Principal, needs
from shared.web.fhir_route import RetryingRoute

router = APIRouter(prefix="/t/{tenant}/billing", route_class=RetryingRoute, tags=["rules"])

Previewer = Annotated[Principal, Depends(needs("careledger/preview"))]
Reader = Annotated[Principal, Depends(needs("careledger/rules.read"))]
Edition = Annotated[str, Query(pattern=r"^[0-9]{0,4}$", description="A draft (`2027`); absent: the rule book in force")]
On = Annotated[date | None, Query(description="The day on which the rules are in force; absent: today")]
ProfileName = Annotated[str, Query(max_length=100, description="Payer profile")]


@router.post("/preview", summary="Decide a patient-month without keeping it")
async def preview(body: PreviewBody, request: Request, principal: Previewer) -> PreviewAnswer:
    """Return charges, findings and the trace for facts in field terms, by the function that assembles months."""
    call = await call_of(request, principal)
    at = body.at or call.world.clock.now()
    assembly = preview_month(
        month=CalendarMonth.parse(body.month),
        ledger=ledger_of(body, at),
        payers=body.practice.payers,
        rule_book=call.world.rule_book_of(body.edition),
        at=at,
    )
    return PreviewAnswer.model_validate(assembly)


@router.get("/rules", summary="The rule book in force on a day")
async def rules(
    request: Request, principal: Reader, on: On = None, profile: ProfileName = "medicare_ffs", edition: Edition = ""
) -> answers.RuleBookAnswer:
    """Return every rule, parameter, severity and code as a payer profile sees them on a day, with their sources."""
    call = await call_of(request, principal)
    book, day = call.world.rule_book_of(edition), on or _today(call.world.clock.now(), call.bases.zone)
    parameters = parameters_on(rule_book=book, profile=profile, day=day)
    return answers.RuleBookAnswer(
        name=book.name,
        on=day,
        profile=profile,
        profiles=sorted(book.profiles),
        read=[answers.ReadAnswer.model_validate(validity) for validity in (book.validity, *book.adopted)],
        released=book.is_read_for(CalendarMonth(day.year, day.month)),
        hash=book.content_hash,
        rules=[answers.RuleSummary.model_validate(rule) for rule in book.rules.values()],
        parameters=[answers.parameter_answer(each) for each in parameters],
        situations=[answers.situation_answer(situation_of(book, profile, key)) for key in book.severities],
        codes=[answers.CodeAnswer.model_validate(code) for code in book.codes.values() if code.valid_on(day)],
        references=[answers.ReferenceAnswer.model_validate(reference) for reference in book.references.values()],
    )


@router.get("/rules/{rule_id}", summary="One rule, explained")
async def rule(
    rule_id: str,
    request: Request,
    principal: Reader,
    on: On = None,
    profile: ProfileName = "medicare_ffs",
    edition: Edition = "",
) -> answers.RuleAnswer:
    """Return a rule (`T1`, `X6` …) with its parameters in force, its severities and the texts that it stands on."""
    call = await call_of(request, principal)
    day = on or _today(call.world.clock.now(), call.bases.zone)
    shown = explain_rule(rule_book=call.world.rule_book_of(edition), rule_id=rule_id, profile=profile, day=day)
    return answers.rule_answer(shown, day, profile)


def _today(now: datetime, zone: ZoneInfo) -> date:
    return now.astimezone(zone).date()
