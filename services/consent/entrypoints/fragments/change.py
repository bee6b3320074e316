"""Revoke or correct: always a new version. The end of a revocation is shown before it is recorded."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.consent.domain.consent import Answer, Consent, Status, Stop
from services.consent.entrypoints.fragments.common import (
    AUTHORITIES,
    CHANNELS,
    TOPICS,
    Desk,
    Row,
    Writer,
    answer,
    desk_of,
    errors_by_field,
    program_with,
    read_back,
)
from services.consent.fhir_mapping.compose import Correction, corrected, stopped, voided
from services.consent.fhir_mapping.outbound import write_consent
from services.consent.usecases.change_consent import change_consent
from services.consent.usecases.ports import Recorded
from shared.fhir.json_text import parse
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.errors import CareledgerError, Forbidden, NotFound, PreconditionFailed
from shared.kernel.vocabulary import DisclosureCode, Program
from shared.web.fhir_route import RetryingRoute
from shared.web.pages import date_words
from shared.web.typed import FieldError, day_of, form_of, instant_at, picked, time_of_day

router = APIRouter(prefix="/t/{tenant}/app/consent", route_class=RetryingRoute, include_in_schema=False)


@router.get("/change")
async def change_page(request: Request, principal: Writer) -> Response:
    """Open what can be done to a consent; the newest that stands where none is named."""
    desk = await desk_of(request, principal)
    query = request.query_params
    candidates = await _changeable(desk)
    wanted = query.get("id", "")
    chosen = next((one for one in candidates if str(one.consent.id) == wanted), candidates[0] if candidates else None)
    return _show(desk, candidates, chosen, {})


@router.post("/{consent_id}/revoke")
async def revoke(request: Request, consent_id: UUID, principal: Writer) -> Response:
    """Record the patient's stop."""
    desk, form = await desk_of(request, principal), await form_of(request)
    found = await _find(desk, consent_id)
    errors = []
    if form.get("channel") not in CHANNELS:
        errors.append(FieldError("cons-channel", "Choose how the patient said it"))
    received_at = _instant(desk, form, "received", default=desk.now.replace(microsecond=0))
    if received_at is None or received_at > desk.now:
        errors.append(FieldError("cons-received-day", "Give a day and a time that have passed"))
    if errors or received_at is None:
        return _show(desk, await _changeable(desk), found, form, errors)
    stop = Stop(received_at, form["channel"], desk.person)
    return await _write(desk, found, stopped(_outward(desk, found), stop, zone=desk.zone), form)


@router.post("/{consent_id}/correct")
async def correct(request: Request, consent_id: UUID, principal: Writer) -> Response:
    """Record what the record should have said."""
    desk, form = await desk_of(request, principal), await form_of(request)
    found = await _find(desk, consent_id)
    said = found.consent.statement
    given_at = _instant(desk, form, "given", default=said.given_at)
    errors = []
    if given_at is None or given_at > desk.now:
        errors.append(FieldError("cons-given-day", "Give a day and a time that have passed"))
    until = day_of(form.get("until", ""))
    if form.get("until") and until is None:
        errors.append(FieldError("cons-until", "Give a day"))
    represented = form.get("who") == "representative"
    name, authority = form.get("rep_name", ""), form.get("authority", "")
    if represented and not (name and authority in AUTHORITIES):
        errors.append(FieldError("cons-fix-rep", "Give the representative’s name and authority"))
    if not form.get("reason"):
        errors.append(FieldError("cons-fix-reason", "Say what was wrong"))
    if errors or given_at is None:
        return _show(desk, await _changeable(desk), found, form, errors)
    correction = Correction(
        given_at=given_at,
        disclosures={code: form[f"told-{code.value}"] == "yes" for code in DisclosureCode if form.get(f"told-{code.value}")},
        other_practice=picked(Answer, form, "other"),
        other_practice_name=form.get("other_name") or None,
        representative=(name, authority) if represented else None,
        until=until or (None if "until" in form else found.consent.in_force_until),
    )
    resource = corrected(_outward(desk, found), said, correction, reason=form["reason"], zone=desk.zone)
    return await _write(desk, found, resource, form)


@router.post("/{consent_id}/void")
async def void(request: Request, consent_id: UUID, principal: Writer) -> Response:
    """Say that it was entered in error."""
    desk, form = await desk_of(request, principal), await form_of(request)
    found = await _find(desk, consent_id)
    if not form.get("void_reason"):
        errors = [FieldError("cons-void-reason", "Say how it came about")]
        return _show(desk, await _changeable(desk), found, form, errors)
    return await _write(desk, found, voided(_outward(desk, found), reason=form["void_reason"]), form)


async def _write(desk: Desk, found: Recorded, resource: dict[str, Any], form: Mapping[str, str]) -> Response:
    """Judge the resource as if a client had sent it, and write the next version."""
    call = desk.call
    if desk.me is None:
        raise Forbidden("the staff list has you in no role today in which one records a consent")
    seen = form.get("version", "")
    try:
        inbound, accepted = read_back(desk, resource)
        recorded = await change_consent(
            consent_id=found.consent.id,
            seen_version=int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else found.consent.version,
            submission=inbound.submission,
            accepted=accepted,
            identifiers=set(inbound.identifiers),
            patient=desk.patient,
            world=call.world,
            practice=call.practice,
            author=call.author,
        )
    except PreconditionFailed:
        errors = [FieldError("", "Somebody changed the record meanwhile: look at what it says now")]
        return _show(desk, await _changeable(desk), await _find(desk, found.consent.id), form, errors)
    except CareledgerError as error:
        text = str(error)
        return _show(desk, await _changeable(desk), found, form, [FieldError("", f"{text[:1].upper()}{text[1:]}")])
    consent = recorded.consent
    stop = consent.revocation
    text = "The correction is recorded as a new line; what stood before stays."
    if consent.status is Status.ENTERED_IN_ERROR:
        text = "The record stays and says that it was entered in error."
    elif stop and consent.status is Status.INACTIVE and consent.change.value == "revoked":
        last = date_words(stop.effective)
        text = f"Billable to {last}; start no new work from now on."
    return answer("cons_changed.html", seen=consent, text=text, late=recorded.late)


async def _changeable(desk: Desk) -> list[Recorded]:
    """Return the newest versions that can still change, the latest given first."""
    found: list[Recorded] = []
    async with desk.call.read(desk.call.practice) as uow:
        for program in Program:
            found += await uow.consents.current(desk.patient, program)
    open_ones = [one for one in found if one.consent.status is not Status.ENTERED_IN_ERROR]
    return sorted(open_ones, key=lambda one: (one.consent.status is Status.ACTIVE, one.consent.statement.given_at), reverse=True)


async def _find(desk: Desk, consent_id: UUID) -> Recorded:
    async with desk.call.read(desk.call.practice) as uow:
        found = await uow.consents.get(consent_id, patient=desk.patient)
    if found is None:
        raise NotFound("there is no such consent")
    return found


def _outward(desk: Desk, found: Recorded) -> dict[str, Any]:
    return write_consent(found.consent, parse(found.accepted.kept.encode()), desk.call.bases)


def _instant(desk: Desk, form: Mapping[str, str], name: str, *, default: datetime) -> datetime | None:
    """Return the typed instant; `default` where nothing is typed, or what the form showed was left as it was."""
    day_text, time_text = form.get(f"{name}_day", ""), form.get(f"{name}_time", "")
    zone = desk.zone
    local = default.astimezone(zone)
    if not day_text and not time_text:
        return default
    day, at = day_of(day_text), time_of_day(time_text)
    if day == local.date() and at == local.time().replace(microsecond=0):
        return default
    return instant_at(day, at, zone) if day and at else None


def _show(
    desk: Desk,
    candidates: Sequence[Recorded],
    chosen: Recorded | None,
    form: Mapping[str, str],
    errors: Sequence[FieldError] = (),
) -> Response:
    last = CalendarMonth.of(desk.now, desk.zone).last_day
    consent = chosen.consent if chosen else None
    return answer(
        "cons_change.html",
        status=422 if errors else 200,
        base=desk.base,
        allowed=desk.me is not None,
        consents=[_choice(desk, one.consent, consent) for one in candidates],
        consent=_consent_row(desk, chosen, form) if chosen else None,
        month_end=date_words(last),
        channels=[{"words": one, "chosen": one == form.get("channel")} for one in CHANNELS],
        form={name: form.get(name, "") for name in ("received_day", "received_time", "reason", "void_reason")},
        errors=errors_by_field(errors),
    )


def _choice(desk: Desk, one: Consent, chosen: Consent | None) -> Row:
    whom = program_with(one.statement.program, desk.name_of(one.statement.practitioner))
    words = f"{whom}, {desk.day(one.statement.given_at)}, {one.status.value}"
    return {"value": str(one.id), "words": words, "chosen": chosen is not None and one.id == chosen.id}


def _consent_row(desk: Desk, recorded: Recorded, form: Mapping[str, str]) -> Row:
    consent, said = recorded.consent, recorded.consent.statement
    local = said.given_at.astimezone(desk.zone)
    performer = (parse(recorded.accepted.kept.encode()).get("performer") or [{}])[0]
    now = {
        "given_day": local.date().isoformat(),
        "given_time": f"{local:%H:%M:%S}",
        "who": "representative" if said.by_representative else "patient",
        "rep_name": performer.get("display", "") if said.by_representative else "",
        "authority": said.authority or "",
        "other": said.other_practice.value if said.other_practice else "",
        "other_name": said.other_practice_name or "",
        "until": consent.in_force_until.isoformat() if consent.in_force_until else "",
    }
    values = {name: form.get(name, value) for name, value in now.items()}
    return {
        **values,
        "id": str(consent.id),
        "version": consent.version,
        "whom": program_with(said.program, desk.name_of(said.practitioner)),
        "given": desk.when(said.given_at),
        "active": consent.status is Status.ACTIVE,
        "agreed": said.agreed,
        "ended": consent.status is Status.INACTIVE,
        "authorities": [{"words": one, "chosen": one == values["authority"]} for one in _authorities(said.authority)],
        "points": [
            {"code": code.value, "topic": TOPICS[code], "told": form.get(f"told-{code.value}") or _mark(consent, code)}
            for code in DisclosureCode
        ],
    }


def _authorities(known: str | None) -> list[str]:
    return [*AUTHORITIES, *([known] if known and known not in AUTHORITIES else [])]


def _mark(consent: Consent, code: DisclosureCode) -> str:
    told = consent.statement.disclosures.get(code)
    return "" if told is None else "yes" if told else "no"
