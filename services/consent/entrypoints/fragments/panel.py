"""The state of consent in the chart's view: the state, the reason, the next step."""

from fastapi import APIRouter, Request, Response

from services.consent.domain.consent import Consent
from services.consent.domain.renewal import Trigger, missing_disclosures, renewal
from services.consent.domain.standing import InForce, Reason, in_force
from services.consent.entrypoints.fragments.common import (
    METHODS,
    TOPICS,
    Desk,
    Reader,
    Row,
    answer,
    desk_of,
    program_with,
    told_words,
)
from services.consent.entrypoints.fragments.filing import filing_row
from shared.kernel.vocabulary import Program
from shared.web.fhir_route import RetryingRoute
from shared.web.words import person_words

router = APIRouter(prefix="/t/{tenant}/app/consent", route_class=RetryingRoute, include_in_schema=False)

_NEXT = {
    Trigger.NONE_YET: "Time counts from the moment the patient agrees, so ask first.",
    Trigger.PRACTITIONER: "A new billing practitioner needs a new consent before care starts (C5).",
    Trigger.PROGRAM: "A consent to another program does not cover this one (C5).",
    Trigger.AFTER_STOP: "If the patient wants the service again, take a new consent (C7).",
    Trigger.DISCLOSURE: "Tell what was not told and record the consent anew, or correct the record if it was told (C1).",
    Trigger.AUTHORITY: "The representative’s authority ended, so ask again whoever decides now (C5).",
}


@router.get("/panel")
async def panel(request: Request, principal: Reader) -> Response:
    """Show the state of consent for each program of the practice that matters here."""
    desk = await desk_of(request, principal)
    async with desk.call.read(desk.call.practice) as uow:
        histories = {program: await uow.consents.history(desk.patient, Program(program)) for program in desk.programs}
        found = {program: _standing(desk, history) for program, history in histories.items()}
        filings = {
            program: await filing_row(desk, uow.filings, one.deciding.consent) for program, one in found.items() if one.deciding
        }
    active = {program for program, one in found.items() if one.in_force}
    shown = [program for index, program in enumerate(desk.programs) if index == 0 or histories[program]]
    return answer(
        "cons_panel.html",
        billing=desk.billing,
        writes=desk.writes,
        states=[
            _state(desk, program, found[program], other=bool(active - {program})) | {"filing": filings.get(program)}
            for program in shown
        ],
    )


_NOTHING = "Nothing to do. A new consent is needed only if the billing practitioner changes, or where a payer asks for one."


def _standing(desk: Desk, history: list[Consent]) -> InForce:
    return in_force(history, at=desk.now, known_at=desk.now, zone=desk.zone)


def _state(desk: Desk, program: str, found: InForce, *, other: bool) -> Row:
    trigger = renewal(found, practitioners=frozenset(desk.practitioners), other_program=other)
    head, level, since = _head(desk, found, trigger)
    deciding = found.deciding
    row: Row = {
        "program": program,
        "level": level,
        "head": head,
        "since": since,
        "facts": "",
        "ask": trigger is not None or found.reason is Reason.DECLINED,
        "next": _NEXT[trigger] if trigger else _NOTHING,
        "record": bool(found.evidence),
        "change": found.in_force,
    }
    if found.reason is Reason.DECLINED:
        row["next"] = "Nothing to do. Ask again only if the patient wants to talk about it."
    if deciding is None:
        row["facts"] = f"Nothing is recorded for {Program(program).value.upper()}."
        return row
    said = deciding.consent.statement
    by = person_words(desk.name_of(said.obtained_by), said.obtained_by.credential)
    whom = program_with(program, desk.name_of(said.practitioner))
    row["facts"] = f"For {whom}. {METHODS[said.method]}, taken by {by}. {told_words(deciding.consent)}"
    if found.reason is Reason.DECLINED:
        row["facts"] = f"For {whom}. {METHODS[said.method]}, to {by}. Reason: {said.decline_reason}."
    return row


def _head(desk: Desk, found: InForce, trigger: Trigger | None) -> tuple[str, str, str]:
    """Return the state's word, its level, and since when or until when."""
    deciding = found.deciding
    if deciding is None:
        return "No consent", "hold", ""
    said, consent = deciding.consent.statement, deciding.consent
    if found.reason is Reason.STOPPING:
        last = f"{consent.in_force_until:%b} {consent.in_force_until.day}" if consent.in_force_until else "the end of the month"
        return "Stopped", "review", f"by the patient. Billable to {last}; start no new work"
    if found.in_force and trigger is Trigger.DISCLOSURE:
        missing = ", ".join(TOPICS[code].lower() for code in missing_disclosures(found))
        return "Does not count yet", "hold", f"since {desk.day(said.starts_at)}: not told: {missing}"
    if found.in_force and trigger is Trigger.PRACTITIONER:
        return "Practitioner changed", "hold", f"since: {desk.name_of(said.practitioner)} bills here no longer"
    if found.in_force:
        return "In force", "ok", f"since {desk.day(said.starts_at)}"
    if found.reason is Reason.DECLINED:
        return "Declined", "none", f"on {desk.day(said.given_at)}"
    ends = deciding.ends_at
    return "Not in force", "hold", f"since {desk.day(ends)}" if ends else ""
