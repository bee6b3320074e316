"""Consent history: was it in force on a day, as known on another; every event; every field of a record; print."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.consent.domain.consent import Consent
from services.consent.domain.standing import InForce, Reason, in_force
from services.consent.entrypoints.fragments.common import (
    Desk,
    Reader,
    Row,
    all_consents,
    answer,
    desk_of,
    program_with,
    told_words,
)
from services.consent.entrypoints.fragments.filing import filing_row
from services.consent.entrypoints.fragments.record import document_of, event_row, record_rows, script_address
from services.consent.usecases.ports import Recorded
from shared.kernel.calendar_month import day_start
from shared.kernel.errors import NotFound
from shared.kernel.vocabulary import Program
from shared.web.fhir_route import RetryingRoute
from shared.web.pages import date_words
from shared.web.typed import day_of

router = APIRouter(prefix="/t/{tenant}/app/consent", route_class=RetryingRoute, include_in_schema=False)

_RULES = {
    Reason.STOPPING: "Rule C6: the patient’s stop takes effect at the end of its calendar month.",
    Reason.REVOKED: "Rule C6: the patient’s stop takes effect at the end of its calendar month.",
    Reason.SUPERSEDED: "Rule C5: a new billing practitioner needs a new consent before care starts.",
    Reason.BEFORE_START: "Rule C3: time before the consent never counts.",
    Reason.NO_CONSENT: "Rule C3: time before the consent never counts.",
    Reason.DECLINED: "Rule C1: without the patient’s consent no time counts.",
    Reason.ENDED: "Rule C3: time outside the consent never counts.",
    Reason.ENTERED_IN_ERROR: "What was entered in error never held.",
}


@router.get("/history")
async def history(request: Request, principal: Reader) -> Response:
    """Show the history, the answer for a day, and one record."""
    desk = await desk_of(request, principal)
    versions = await all_consents(desk)
    values = _values(desk, versions, request.query_params)
    if shown := values["record"]:
        async with desk.call.read(desk.call.practice) as uow:
            shown["filing"] = await filing_row(desk, uow.filings, shown["consent"])
    return answer("cons_history.html", **values)


@router.get("/documents/{document_id}")
async def document(request: Request, document_id: UUID, principal: Reader) -> Response:
    """Return a signature or a scan of this patient's, as it came."""
    desk = await desk_of(request, principal)
    async with desk.call.read(desk.call.practice) as uow:
        found = await uow.documents.find(document_id, patient=desk.patient)
    if found is None:
        raise NotFound("there is no such document")
    return Response(found.content, media_type=found.content_type, headers={"Content-Disposition": "attachment"})


def _values(desk: Desk, versions: Sequence[Recorded], query: Mapping[str, str]) -> dict[str, Any]:
    newest_first = sorted(versions, key=lambda one: (one.consent.recorded_at, one.consent.version), reverse=True)
    by_version = {(one.consent.id, one.consent.version): one for one in versions}
    events = [event_row(desk, one, by_version.get((one.consent.id, one.consent.version - 1))) for one in newest_first]
    subjects = _subjects(desk, versions)
    subject = query.get("for", "") if query.get("for", "") in subjects else next(iter(subjects), "")
    at, known = day_of(query.get("at", "")), day_of(query.get("known", ""))
    return {
        "base": desk.base,
        "writes": desk.writes,
        "events": events,
        "at": (at or desk.today).isoformat(),
        "known": (known or desk.today).isoformat(),
        "subjects": [{"value": key, "words": words, "chosen": key == subject} for key, words in subjects.items()],
        "lookup": _lookup(desk, [one.consent for one in versions], subject, at or desk.today, known or desk.today)
        if subject
        else None,
        "record": _record(desk, newest_first, query),
    }


def _subjects(desk: Desk, versions: Sequence[Recorded]) -> dict[str, str]:
    """Return for what consent may be asked, the newest first: programs with practitioners."""
    found: dict[str, str] = {}
    for one in sorted(versions, key=lambda one: one.consent.statement.given_at, reverse=True):
        said = one.consent.statement
        found.setdefault(f"{said.program}/{said.practitioner.id}", program_with(said.program, desk.name_of(said.practitioner)))
    return found


def _lookup(desk: Desk, consents: Sequence[Consent], subject: str, at: date, known: date) -> Row:
    """Answer for a whole day, as recorded by the end of the other."""
    program, _, practitioner = subject.partition("/")
    zone = desk.zone
    history = [one for one in consents if one.statement.program == Program(program)]
    known_at = min(day_start(known + timedelta(days=1), zone) - timedelta(microseconds=1), desk.now)

    def standing(instant: datetime) -> InForce:
        return in_force(history, at=instant, known_at=known_at, zone=zone, practitioner=practitioner)

    begins, ends = day_start(at, zone), day_start(at + timedelta(days=1), zone) - timedelta(microseconds=1)
    first, last = standing(begins), standing(ends)
    name = next(
        (desk.name_of(one.statement.practitioner) for one in history if one.statement.practitioner.id == practitioner), ""
    )
    day = date_words(at)
    row: Row = {"on": f"on {day}, for {program_with(program, name)}.", "rule": _RULES.get(last.reason, "")}
    if first.in_force and last.in_force:
        level, head = ("ok", "In force") if last.may_act else ("review", "In force, stopped")
        row["why"] = _why(desk, last)
    elif first.in_force or last.in_force:
        level, head = "review", "For a part of the day"
        row["why"] = _why(desk, last if last.in_force else first) + " Only time within it counts."
    else:
        level, head = "hold", "Not in force"
        row["why"] = _why_not(desk, last, history, practitioner, ends, known_at)
    return {**row, "level": level, "head": head}


def _why(desk: Desk, found: InForce) -> str:
    assert found.deciding is not None  # something is in force
    consent = found.deciding.consent
    words = f"Given {desk.when(consent.statement.given_at)}. {told_words(consent)}"
    if found.deciding.ends_at:
        last = found.deciding.ends_at - timedelta(microseconds=1)
        words += f" It ends with {desk.day(last)}."
    if not found.may_act and consent.revocation:
        words += f" The patient said stop on {desk.when(consent.revocation.received_at)}; no new work from then on."
    return words


def _why_not(
    desk: Desk, found: InForce, history: Sequence[Consent], practitioner: str, ends: datetime, known_at: datetime
) -> str:
    later = [
        one.statement.given_at
        for one in history
        if one.statement.practitioner.id == practitioner and one.statement.agreed and one.statement.given_at > ends
    ]
    words = {
        Reason.DECLINED: "The patient had declined.",
        Reason.REVOKED: "The patient had stopped it.",
        Reason.ENDED: "Its last day had passed.",
        Reason.SUPERSEDED: "A consent to another practitioner had taken its place.",
        Reason.ENTERED_IN_ERROR: "What was recorded was entered in error.",
    }.get(found.reason, "Nothing was recorded that speaks of this day.")
    if later:
        words = f"Consent was given on {desk.when(min(later))}. Time before that does not count."
    if known_at < desk.now:
        words += " This is the answer as it was known then."
    return words


def _record(desk: Desk, newest_first: Sequence[Recorded], query: Mapping[str, str]) -> Row | None:
    wanted = (query.get("record", ""), query.get("version", ""))
    found = next((one for one in newest_first if (str(one.consent.id), str(one.consent.version)) == wanted), None)
    if found is None:
        latest = {one.consent.id: one for one in reversed(newest_first)}
        found = max(latest.values(), key=lambda one: one.consent.statement.given_at, default=None)
    if found is None:
        return None
    consent = found.consent
    now = in_force([consent], at=desk.now, known_at=desk.now, zone=desk.zone)
    newest = max(one.consent.version for one in newest_first if one.consent.id == consent.id)
    level, head = (
        ("ok", "In force") if consent.status.value == "active" and now.in_force else ("none", consent.status.value.capitalize())
    )
    if consent.version != newest:
        level, head = "none", f"Version {consent.version} of {newest}"
    return {
        "consent": consent,
        "paper": f"consent/records/{consent.id}/{consent.version}",
        "name": f"consent-{consent.id}-{consent.version}.pdf",
        "title": f"Record of {desk.day(consent.statement.given_at)}",
        "level": level,
        "head": head,
        "rows": record_rows(desk, found),
        "script": script_address(consent),
        "document": document_of(found),
    }
