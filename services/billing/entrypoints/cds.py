"""CDS Hooks 2.0.1: what an EHR should show in a chart, from billing's own lists (integration.md 1, standards.md 4).

Discovery is the same for every practice's name, so it is public; a call is signed by a CDS client of the practice. Nothing of
`fhirAuthorization` or `prefetch` is read. A store that does not answer in time is a 503, never an answer without cards.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from services.billing.domain.cards import topic_of
from services.billing.entrypoints import cds_bodies
from services.billing.entrypoints.cds_cards import cards_of
from services.billing.entrypoints.dependencies import call_of
from services.billing.usecases.cds_ports import Feedback
from services.billing.usecases.keep_feedback import keep_feedback
from services.billing.usecases.read_care_line import read_care_line
from shared.db.asked import ASKED, discloses
from shared.kernel.errors import Invalid, NotFound, Unavailable
from shared.smart.registry import Registry
from shared.web.access_control import CdsNeeds, Open, Principal
from shared.web.fhir_route import RetryingRoute

SERVICE = "care-management"
_SECONDS = 0.45
"""How long a call may take the store (standards.md 4.4): an EHR does not wait much longer."""
_HOOKS: dict[cds_bodies.Hook, str] = {
    "patient-view": "Consent that is missing, declined or ending, time to the next code, other programs in the way.",
    "appointment-book": "Consent that is missing, declined or ending, and other programs in the way, before a visit.",
    "encounter-start": "Consent that is missing, declined or ending, and other programs in the way, at a visit.",
}
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Max-Age": "600",
}
_OPEN = [Depends(Open("public by its nature, without patient data, and the same for every tenant's name"))]

Caller = Annotated[Principal, Depends(CdsNeeds())]


class WrongServer(Invalid):
    """The call is about a patient of another FHIR server than the practice's EHR."""

    rule = "cds-fhir-server"


class ForeignCard(Invalid):
    """The feedback is about a card that is none of ours."""

    rule = "cds-card"


async def cross_origin(tenant: str, request: Request) -> None:
    """Let pages of the origins that the practice's settings name read the answer, errors included: for sandboxes."""
    origin = request.headers.get("origin")
    if origin is None:
        return
    registry: Registry = request.app.state.registry
    state = await registry.tenant(tenant)
    if state is not None and any(origin in client.origins for client in state.document.cds_clients):
        allowed = [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"Origin")]
        request.state.further_headers = allowed


router = APIRouter(
    prefix="/t/{tenant}/cds-services", route_class=RetryingRoute, tags=["cds-hooks"], dependencies=[Depends(cross_origin)]
)


@router.options("", dependencies=_OPEN, include_in_schema=False)
@router.options("/{service_id}", dependencies=_OPEN, include_in_schema=False)
@router.options("/{service_id}/feedback", dependencies=_OPEN, include_in_schema=False)
async def preflight(request: Request) -> Response:
    """Answer a browser that asks whether a page may call."""
    allowed = hasattr(request.state, "further_headers")
    return Response(status_code=204, headers=_PREFLIGHT if allowed else None)


@router.get("", dependencies=_OPEN, summary="Which services there are", response_model=cds_bodies.ServicesAnswer)
async def discover() -> cds_bodies.ServicesAnswer:
    """Return one service for each hook, with one id: cards of a later hook take the place of earlier ones."""
    return cds_bodies.ServicesAnswer(
        services=[
            cds_bodies.ServiceEntry(
                hook=hook,
                id=SERVICE,
                title="Careledger: chronic care management",
                description=description,
                usage_requirements="Calls are signed by a CDS client that the practice's settings name. No prefetch is needed.",
                version="STU2",
                hook_version="1.0",
            )
            for hook, description in _HOOKS.items()
        ]
    )


@router.post(
    "/{service_id}",
    summary="Ask for the cards of a chart",
    response_model=cds_bodies.CardsAnswer,
    response_model_exclude_none=True,
)
async def call_service(
    service_id: str, body: cds_bodies.HookRequest, request: Request, principal: Caller
) -> cds_bodies.CardsAnswer:
    """Return what there is to say of the patient now: consent, time to the next code (patient-view only), other programs."""
    _check_service(service_id)
    call = await call_of(request, principal)
    await _check_server(body.fhir_server, request)
    _note_user(body.context)
    at = call.world.clock.now()
    async with _in_time():
        line = await read_care_line(patient=body.context.patient, at=at, zone=call.bases.zone, begin=call.read)
    if line is None:
        return cds_bodies.CardsAnswer(cards=[])
    launch_url = f"{request.app.state.public_url}/launch"
    cards = cards_of(line, hook=body.hook, at=at, zone=call.bases.zone, book=call.world.rule_book, launch_url=launch_url)
    return cds_bodies.CardsAnswer(cards=cards)


@router.post("/{service_id}/feedback", summary="Tell what users did with cards", response_class=Response)
async def give_feedback(service_id: str, body: cds_bodies.FeedbackBody, request: Request, principal: Caller) -> Response:
    """Keep each feedback once, however often it comes. It records no consent: that is done in the app, with the patient."""
    _check_service(service_id)
    call = await call_of(request, principal)
    feedback = [_feedback(at, one) for at, one in enumerate(body.feedback)]
    await keep_feedback(feedback=feedback, begin=call.read, author=call.author, clock=call.world.clock)
    return Response(status_code=200)


def _check_service(service_id: str) -> None:
    if service_id != SERVICE:
        raise NotFound("there is no such service")


async def _check_server(server: str | None, request: Request) -> None:
    """Refuse another server's patients: an id there may be another person's here. WrongServer says what to set."""
    registry: Registry = request.app.state.registry
    tenant = await registry.tenant(request.path_params["tenant"])
    if server is None or tenant is None:
        return
    ehr = tenant.document.ehr
    if server.rstrip("/") not in {base.rstrip("/") for base in (ehr.fhir_base, *ehr.launch_issuers)}:
        raise WrongServer("fhirServer is none of this practice's EHR: its settings name the fhir_base and issuers")


def _note_user(context: cds_bodies.HookContext) -> None:
    """Name for the journal whose chart is looked at and, as the CDS client says, by whom."""
    discloses(context.patient)
    asked = ASKED.get()
    if asked is not None:
        asked.actor = context.user_id


def _feedback(at: int, told: cds_bodies.CardFeedback) -> Feedback:
    topic = topic_of(told.card)
    if topic is None:
        raise ForeignCard("this is no card of ours", expression=f"feedback.{at}.card")
    reason = told.override.reason if told.override is not None else None
    return Feedback(
        card=told.card,
        topic=topic,
        outcome=told.outcome,
        at=told.at,
        suggestions=tuple(one.id for one in told.accepted or ()),
        reason=(reason.system, reason.code) if reason is not None else None,
        comment=told.override.user_comment if told.override is not None else None,
    )


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(_SECONDS):
            yield
    except TimeoutError as error:
        raise Unavailable("the store does not answer in time; there is no advice now") from error
