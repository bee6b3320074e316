"""The patient view: whose chart it is, how far the month has come, other services, the enrolment record, every entry."""

from typing import Any

from fastapi import Request, Response

from services.billing.domain.findings import Finding, Severity
from services.billing.domain.minutes import EntryMinutes
from services.billing.domain.progress import LaneProgress, complexity_is_signed, lane_progress, progress_of
from services.billing.entrypoints.fragments.bars import month_bar, threshold_words
from services.billing.entrypoints.fragments.common import (
    LANES,
    ChartReader,
    Desk,
    Row,
    answer,
    desk_of,
    face_row,
    finding_row,
    fragment_router,
    moment_of,
    performer_words,
    person_of,
    profile_words,
    weekday_of,
    worst,
)
from services.billing.entrypoints.fragments.record import PARTICIPATION, record_rows
from services.billing.usecases.close_month import MonthStatus
from services.billing.usecases.look_at_month import PatientMonth, await_seen, look_at_month
from services.billing.usecases.note_participation import Participation, Standing, participation_of
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.errors import Malformed
from shared.kernel.vocabulary import Lane, Program, StaffRole
from shared.web.pages import clock_words, days_left, duration_words
from shared.web.words import activity_words, program_words

router = fragment_router()

_MENDED_BY = {"L1": "lane", "R22": "lane", "X1": "practitioner", "A4": "claim-diagnoses", "T20": "facility-payment"}
_OF_TIME = ("1", "2", "18")
"""Findings that the bar says already."""


@router.get("/identity")
async def identity(request: Request, principal: ChartReader) -> Response:
    """Show whose chart this is."""
    desk = await desk_of(request, principal)
    await _wait(request, desk)
    month = await read_month(request, desk)
    async with desk.call.read() as uow:
        standing = await participation_of(uow.ledger, desk.patient)
    away = standing is not None and standing.participation is not Participation.ACTIVE
    coverage = month.judgement.payer.coverage
    practitioner = month.judgement.case.practitioner
    return answer(
        "identity.html",
        patient=face_row(month.face, desk.patient, desk.today),
        practitioner=person_of(month.practice, practitioner) if practitioner else "",
        payer=(coverage.payer_name or profile_words(month.assembly.profile)) if coverage else "not known",
        away=PARTICIPATION[standing.participation] if standing is not None and away else "",
        consent=month.judgement.consent.in_force and not month.judgement.consent.incomplete_only,
        user=month.practice.staff[desk.person].name if desk.person in month.practice.staff else "",
    )


@router.get("/month")
async def month_panel(request: Request, principal: ChartReader) -> Response:
    """Show how far the month has come, what stands beside it, and the enrolment record."""
    desk = await desk_of(request, principal)
    arrived = await _wait(request, desk)
    month = await read_month(request, desk)
    async with desk.call.read() as uow:
        standing = await participation_of(uow.ledger, desk.patient)
    return answer("month.html", **_month_values(desk, month, standing, arrived=arrived))


@router.get("/entries")
async def entries(request: Request, principal: ChartReader) -> Response:
    """Show every entry of the month: counted or not, and why."""
    desk = await desk_of(request, principal)
    arrived = await _wait(request, desk)
    month = await read_month(request, desk)
    return answer("entries.html", **_entries_values(desk, month, arrived=arrived))


async def read_month(request: Request, desk: Desk) -> PatientMonth:
    """Look at the month that the address names, or at the one that runs."""
    return await look_at_month(
        patient=desk.patient,
        month=month_named(request.query_params.get("month", "")),
        look=desk.call.read,
        rule_book=desk.call.world.rule_book,
        at=desk.at,
    )


def month_named(text: str) -> CalendarMonth | None:
    """Return the month that an address names; Malformed if it names none."""
    try:
        return CalendarMonth.parse(text) if text else None
    except ValueError as error:
        raise Malformed(str(error), expression="month") from None


def _month_values(desk: Desk, month: PatientMonth, standing: Standing | None, *, arrived: bool) -> Row:
    """Return what the month's panel shows."""
    progress = progress_of(month.judgement)
    elements = record_rows(desk, month, standing)
    return {
        "base": desk.base,
        "arrived": arrived,
        "month": str(month.month),
        "title": f"{month.month.first_day:%B %Y}",
        "left": _left(month),
        "running": month.is_running,
        "key": _key(month, progress),
        "lane": LANES[progress.lane],
        "seconds": progress.seconds,
        "measured": progress.seconds - progress.asserted,
        "asserted": progress.asserted,
        "bar": month_bar(progress),
        "lanes": _lanes(month, progress.lane),
        "holds": [finding_row(f) | {"attest": _attest_for(desk, f)} for f in worst(_standing_in_the_way(month))],
        "services": [finding_row(f) | {"attest": _attest_for(desk, f)} for f in worst(_beside(month))],
        "open_elements": [element for element in elements if element["level"] != "ok"],
        "kept_elements": [element for element in elements if element["level"] == "ok"],
        "earlier": str(month.month.previous),
        "later": None if month.is_running else str(month.month.next),
    }


async def _wait(request: Request, desk: Desk) -> bool:
    """Wait for what another fragment has just written, a second at most; tell whether it has come."""
    seen = request.query_params.get("seen", "")
    return not seen or await await_seen(seen=seen, look=desk.call.read)


def _left(month: PatientMonth) -> str:
    if month.standing.status is MonthStatus.CLOSED:
        return "closed"
    if not month.is_running:
        return "over, not closed yet"
    days = days_left(month.at, month.month.end(month.zone))
    return "last day" if days <= 1 else f"{days} days left"


def _key(month: PatientMonth, progress: LaneProgress) -> str:
    following = progress.next
    if following is None:
        return f"{threshold_words(progress.thresholds[-1])} reached, the last of this lane"
    words = f"{duration_words(progress.missing)} to {threshold_words(following)}"
    return words if month.is_running else f"{words} missing when the month ended"


def _lanes(month: PatientMonth, shown: Lane) -> list[tuple[str, str]]:
    """Return the other lanes and the programs kept apart, in words."""
    said: list[tuple[str, str]] = []
    if shown is not Lane.PRACTITIONER:
        said.append(("Practitioner lane", _distance(lane_progress(month.judgement, Lane.PRACTITIONER))))
    if shown is not Lane.COMPLEX:
        if complexity_is_signed(month.judgement):
            said.append(("Complex lane", f"Attested; {_distance(lane_progress(month.judgement, Lane.COMPLEX))}"))
        else:
            by = month.judgement.case.practitioner
            said.append(("Complex lane", f"Not attested by {person_of(month.practice, by) if by else 'a practitioner'}"))
    if shown is not Lane.CLINICAL_STAFF:
        said.append(("Clinical staff lane", _distance(lane_progress(month.judgement, Lane.CLINICAL_STAFF))))
    for program, seconds in month.assembly.program_seconds:
        if program != Program.CCM:
            said.append((program_words(program), f"{duration_words(seconds)}, kept apart"))
    return said


def _distance(progress: LaneProgress) -> str:
    following = progress.next or progress.thresholds[-1]
    return f"{duration_words(progress.seconds)} of {following.seconds // 60} min to {threshold_words(following)}"


def _beside(month: PatientMonth) -> list[Finding]:
    """Return what is said of other services and programs of the month (X rules)."""
    return [finding for finding in month.assembly.findings if finding.rule.startswith("X")]


def _standing_in_the_way(month: PatientMonth) -> list[Finding]:
    """Return what keeps time or the charge, beside what bar, record and services say themselves."""
    return [
        finding
        for finding in month.assembly.findings
        if finding.severity is not Severity.INFO
        and finding.decided is None
        and finding.situation not in _OF_TIME
        and (finding.rule == "EHR" or not finding.rule.startswith(("X", "E")))
    ]


def _attest_for(desk: Desk, finding: Finding) -> str:
    """Return the statement by which the billing practitioner mends a finding, if there is one."""
    return _MENDED_BY.get(finding.rule, "") if desk.has(StaffRole.BILLING_PRACTITIONER) else ""


def _entries_values(desk: Desk, month: PatientMonth, *, arrived: bool) -> Row:
    rows = [entry_row(desk, month, line) for line in month.lines]
    groups = [
        (f"Today, {weekday_of(desk.today)}", [row for row in rows if row["date"] == desk.today]),
        (f"Earlier in {month.month.first_day:%B}", [row for row in rows if row["date"] != desk.today]),
    ]
    return {
        "base": desk.base,
        "time": desk.time,
        "arrived": arrived,
        "month": str(month.month),
        "title": f"{month.month.first_day:%B %Y}",
        "counted": progress_of(month.judgement).seconds,
        "groups": [(name, found) for name, found in groups if found],
        "writes": desk.has(StaffRole.CLINICAL_STAFF, StaffRole.BILLING_PRACTITIONER),
    }


def entry_row(desk: Desk, month: PatientMonth, line: EntryMinutes) -> Row:
    """Return an entry as the tables show it."""
    entry, text = line.entry, month.texts.get(line.entry.entry_id)
    date = entry.start.astimezone(month.zone).date() if entry.start else entry.day
    assert date is not None
    day = weekday_of(date)
    return {
        "id": entry.entry_id,
        "date": date,
        "day": day,
        "times": _times(line, month) or "time of day not known",
        "activity": activity_words(entry.activity),
        "who": performer_words(month.practice, entry.performer, entry.performer_name, entry.role),
        "basis": entry.basis,
        "seconds": entry.seconds,
        "counted": line.counted,
        "note": text.note if text else "",
        "because": text.because if text else "",
        "amended": text.amended if text else 0,
        "void": entry.status != "completed",
        "void_reason": text.reason if text and entry.status != "completed" else "",
        "off": line.counted == 0,
        "reasons": reasons_of(month, line),
        "mine": entry.performer == desk.person and entry.status == "completed",
        "contested": contested_seconds(month, entry.entry_id),
    }


def contested_seconds(month: PatientMonth, entry: str) -> int:
    """Return how many seconds of an entry another program claims too, and nobody has allocated yet (T6)."""
    return sum(
        piece.loose or int((piece.end - piece.start).total_seconds())
        for piece in month.judgement.pieces
        if piece.entry.entry_id == entry and any(cause.row == "31" for cause in piece.causes)
    )


def _times(line: EntryMinutes, month: PatientMonth) -> str:
    start, end = line.entry.start, line.entry.end
    if start is None or end is None:
        return ""
    return f"{clock_words(start, month.zone)} to {clock_words(end, month.zone)}"


def reasons_of(month: PatientMonth, line: EntryMinutes) -> list[Row]:
    """Return why an entry, or part of it, does not count."""
    if line.entry.status != "completed":
        return []
    if line.elsewhere:
        words = program_words(line.elsewhere)
        return [_reason("none", "Apart", f"Logged to {words}, so it is not CCM time.", "")]
    if line.duplicate:
        return [_reason("info", "Twice", "The same entry came twice; it counts once.", "R13")]
    said = [_cause(cause) for cause in line.causes]
    if line.twice and line.same is not None:
        other = line.same
        name = performer_words(month.practice, other.performer, other.performer_name, other.role)
        amount = "" if line.twice == line.entry.seconds else f"{duration_words(line.twice)}: "
        said.append(_reason("info", "Overlap", f"{amount}the same minutes as {name}’s entry. Counted once, there.", "T5"))
    if not said and line.counted < line.entry.seconds - 1:
        said.append(_beyond(month, line))
    return said


def _beyond(month: PatientMonth, line: EntryMinutes) -> Row:
    """Say of an entry without any fault why not all of it is in this sum: it serves another lane, or lies in two months."""
    if month.judgement.choice.lane is Lane.PRACTITIONER and not line.counted:
        return _reason("none", "Other lane", "The practitioner’s own time is charged this month, no other is part of it", "T8")
    return _reason("info", "Two months", f"Only its part in {month.month.first_day:%B} is in this sum.", "T3")


def _cause(cause: Any) -> Row:
    level, words = {1: ("review", "Review"), 2: ("hold", "Waits"), 3: ("none", "Not counted")}[int(cause.effect)]
    return _reason(level, words, cause.text, cause.rule)


def _reason(level: str, words: str, text: str, rule: str) -> Row:
    return {"level": level, "words": words, "text": text[:1].upper() + text[1:].rstrip(".") + ".", "rule": rule}


def day_and_time(at: Any, month: PatientMonth) -> str:
    """Say an instant: `Nov 9, 2026, 3:10 pm`."""
    return f"{moment_of(at, month.zone)}, {clock_words(at, month.zone)}"
