"""What people said of a patient that the chart cannot say: asked once, shown with its age, taken back by a statement."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from fastapi import Request, Response

from services.billing.domain.attestations import SPECS, AttestationKind, AttestationSpec
from services.billing.domain.charge import Identifier
from services.billing.domain.ledger import Practice
from services.billing.entrypoints.fragments.attestations import BY_STAFF, HEADS, PAGE_SYSTEM
from services.billing.entrypoints.fragments.common import (
    LANES,
    ChartReader,
    ChartWriter,
    Desk,
    Row,
    age_of,
    answer,
    day_of,
    desk_of,
    fragment_router,
    person_of,
)
from services.billing.entrypoints.fragments.record import PARTICIPATION
from services.billing.usecases.note_participation import Participation, Standing, note_participation, participation_of
from services.billing.usecases.record_attestation import Statement, record_attestation
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.errors import Forbidden, Invalid, NotFound
from shared.kernel.vocabulary import StaffRole
from shared.web.pages import clock_words, day_words
from shared.web.typed import FieldError, form_of
from shared.web.typed import day_of as read_day

router = fragment_router("/said")

_ELSEWHERE = (AttestationKind.TIME_ALLOCATION, AttestationKind.WITHDRAWAL)


@router.get("")
async def said(request: Request, principal: ChartReader) -> Response:
    """Show what was said, and what else can be."""
    return await _show(await desk_of(request, principal), {}, [])


@router.post("/participation")
async def take_part(request: Request, principal: ChartWriter) -> Response:
    """Record whether the patient takes part, since when and why."""
    desk, typed = await desk_of(request, principal, writes=True), await form_of(request)
    since, chosen = read_day(typed.get("since", "")), typed.get("participation", "")
    if since is None or chosen not in set(Participation):
        errors = [] if chosen in set(Participation) else [FieldError("bill-participation", "Choose how it stands.")]
        errors += [] if since else [FieldError("bill-since", "Give the day since when.")]
        return await _show(desk, typed, errors)
    try:
        version = await note_participation(
            patient=desk.patient,
            standing=Standing(participation=Participation(chosen), since=since, reason=typed.get("reason", ""), by=desk.person),
            begin=desk.call.begin,
            author=desk.call.author,
            clock=desk.call.world.clock,
        )
    except Invalid as refused:
        fields = {"reason": ("bill-why", "Say why."), "since": ("bill-since", "Give a day that has come.")}
        return await _show(desk, typed, [FieldError(*fields[issue.expression or "reason"]) for issue in refused.issues])
    return await _show(desk, {}, [], seen=f"participation/{desk.patient}@{version}")


@router.post("/{attestation_id}/taken-back")
async def take_back(request: Request, attestation_id: UUID, principal: ChartWriter) -> Response:
    """Record that a statement was a mistake, with the reason: months are decided as if it had not been made."""
    desk, typed = await desk_of(request, principal, writes=True), await form_of(request)
    entry = next((one for one in await _entries(desk) if one["id"] == str(attestation_id)), None)
    if entry is None:
        raise NotFound("no such statement of this patient")
    if entry["by"] != desk.person and not desk.has(StaffRole.BILLING_PRACTITIONER):
        raise Forbidden("only who said it, or a billing practitioner, takes it back")
    if not typed.get("reason"):
        return await _show(desk, typed, [FieldError(f"bill-back-{attestation_id}", "Say why it was a mistake.")])
    recorded = await record_attestation(
        statement=Statement(
            identifier=Identifier(system=PAGE_SYSTEM, value=f"taken-back/{attestation_id}"),
            kind=AttestationKind.WITHDRAWAL,
            patient=desk.patient,
            value={"attestation": str(attestation_id), "reason": typed["reason"]},
            by=desk.person,
            role=StaffRole.BILLING_PRACTITIONER if desk.has(StaffRole.BILLING_PRACTITIONER) else StaffRole.CLINICAL_STAFF,
            signed_at=None,
            effective=None,
            until=None,
            month=None,
        ),
        tenant_id=desk.call.principal.tenant_id,
        begin=desk.call.begin,
        author=desk.call.author,
        clock=desk.call.world.clock,
    )
    return await _show(desk, {}, [], seen=f"attestation/{recorded.id}@1")


async def _entries(desk: Desk) -> list[dict[str, Any]]:
    """Return the statements of the patient that stand, the newest first."""
    async with desk.call.read() as uow:
        rows = await uow.ledger.latest_of_kinds(desk.patient, ("attestation",))
    found = [json.loads(entry.data) for entry in rows.values()]
    gone = {one["value"]["attestation"] for one in found if one["kind"] == AttestationKind.WITHDRAWAL}
    standing = [one for one in found if one["kind"] not in _ELSEWHERE and one["id"] not in gone]
    return sorted(standing, key=lambda one: (one["signed_at"], one["id"]), reverse=True)


async def _show(desk: Desk, typed: Mapping[str, str], errors: list[FieldError], *, seen: str = "") -> Response:
    entries = await _entries(desk)
    async with desk.call.read() as uow:
        practice = await uow.ledger.practice(CalendarMonth.of(desk.at, desk.zone))
        standing = await participation_of(uow.ledger, desk.patient)
    writes = desk.has(StaffRole.CLINICAL_STAFF, StaffRole.BILLING_PRACTITIONER) and bool(desk.person)
    practitioner = desk.has(StaffRole.BILLING_PRACTITIONER)

    def row(one: Mapping[str, Any]) -> Row:
        kind = AttestationKind(one["kind"])
        signed = datetime.fromisoformat(one["signed_at"]).astimezone(desk.zone).date()
        return {
            "id": one["id"],
            "name": HEADS[kind],
            "rule": SPECS[kind].rule,
            "text": value_text(SPECS[kind], one["value"], practice),
            "month": one["month"] or "",
            "by": person_of(practice, one["by"]),
            "on": day_of(signed),
            "age": age_of(signed, desk.today),
            "takes_back": writes and (one["by"] == desk.person or practitioner),
        }

    return answer(
        "said.html",
        status=422 if errors else 200,
        seen=seen,
        base=desk.base,
        rows=[row(one) for one in entries],
        kinds=_kinds(practitioner) if writes else [],
        standing=_standing(standing, person_of(practice, standing.by), desk.today) if standing else None,
        participations=[(one.value, words) for one, words in PARTICIPATION.items()],
        writes=writes,
        typed=dict(typed),
        errors=errors,
        today=desk.today.isoformat(),
        key=str(uuid4()),
    )


def _kinds(practitioner: bool) -> list[tuple[str, str]]:
    """Return what a person may say here: staff what they were told, the billing practitioner everything of a patient."""
    kinds = [
        kind
        for kind, spec in SPECS.items()
        if spec.scope != "practice" and kind not in _ELSEWHERE and (practitioner or kind in BY_STAFF) and kind in HEADS
    ]
    return [(kind.value, HEADS[kind]) for kind in kinds]


def _standing(standing: Standing, by: str, today: date) -> Row:
    return {
        "level": "ok" if standing.participation is Participation.ACTIVE else "review",
        "words": PARTICIPATION[standing.participation],
        "since": day_of(standing.since),
        "age": age_of(standing.since, today),
        "reason": standing.reason,
        "by": by,
    }


def value_text(spec: AttestationSpec, value: Mapping[str, Any], practice: Practice) -> str:
    """Say the value of a statement in words, field by field."""
    parts = []
    for field in spec.fields:
        given = value.get(field.name)
        if given is None:
            continue
        if isinstance(given, bool):
            parts.append(f"{field.meaning.removesuffix(': yes or no')}: {'yes' if given else 'no'}")
        elif isinstance(given, list):
            parts.append(", ".join(str(each) for each in given))
        else:
            words = (
                person_of(practice, str(given)) if field.name == "practitioner" else _words(str(given), practice.tenants[-1].zone)
            )
            parts.append(f"{field.meaning}: {words}")
    text = "; ".join(parts)
    return text[:1].upper() + text[1:]


def _words(text: str, zone: ZoneInfo) -> str:
    lanes = {lane.value: words for lane, words in LANES.items()}
    try:
        if len(text) > len("2026-11-24"):
            at = datetime.fromisoformat(text)
            return f"{day_words(at, zone)}, {clock_words(at, zone)}" if at.tzinfo else text
        return day_of(date.fromisoformat(text))
    except ValueError:
        return lanes.get(text, text)
