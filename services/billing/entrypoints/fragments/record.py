"""The enrolment record as the chart shows it: what CCM asks for (E1-E14), then payer, other practices, services, taking part."""

from datetime import date

from services.billing.domain.enrolment_record import Element, enrolment_record
from services.billing.domain.findings import Finding, Severity
from services.billing.domain.minutes import EntryMinutes
from services.billing.entrypoints.fragments.common import Desk, Row, age_of, day_of, finding_row, person_of, profile_words
from services.billing.usecases.look_at_month import PatientMonth
from services.billing.usecases.note_participation import Participation, Standing
from shared.kernel.vocabulary import StaffRole
from shared.web.pages import duration_words

PARTICIPATION = {
    Participation.ACTIVE: "Takes part",
    Participation.PAUSED: "Paused",
    Participation.MOVED: "Moved away",
    Participation.LEFT: "Left the program",
}
_WORDS = {"ok": "In place", "none": "Optional", "info": "Look at it", "review": "Look at it"}
_RANK = {Severity.INFO: 0, Severity.REVIEW: 1, Severity.HOLD: 2, Severity.DENY: 3}
_BY_NURSE = ("E5", "E6")


def record_rows(desk: Desk, month: PatientMonth, standing: Standing | None) -> list[Row]:
    """Return every element, in order, as the panel shows it."""
    rows = [_element(desk, month, element) for element in enrolment_record(month.judgement)]
    return [*rows, _payer(month), _other_practice(desk, month), _services(desk, month), _taking_part(desk, month, standing)]


def _element(desk: Desk, month: PatientMonth, element: Element) -> Row:
    finding = element.finding
    level = "none" if element.rule == "E14" else finding.severity.value if finding is not None else "ok"
    nurse = desk.has(StaffRole.CLINICAL_STAFF) and element.rule in _BY_NURSE
    attests = element.attest is not None and (desk.has(StaffRole.BILLING_PRACTITIONER) or nurse)
    return _row(
        element.rule,
        element.name,
        level,
        said=_said(month, element),
        finding=finding,
        on=day_of(element.on),
        age=age_of(element.on, desk.today),
        by=person_of(month.practice, element.by) if element.by else "",
        attest=element.attest.value if element.attest is not None and attests else "",
    )


def _said(month: PatientMonth, element: Element) -> str:
    if element.rule == "E1" and element.by:
        return f"{element.said}, expected to last 12 months or until death"
    if element.rule == "E3" and not element.said and element.finding is None and month.judgement.consent.first is not None:
        return "Not needed: seen by the practitioner within the year before"
    if element.rule == "E5" and element.on is not None and element.said == "In the EHR":
        plan = next(one for one in month.judgement.case.ledger.care_plans if one.active and one.dated == element.on)
        signer = plan.signed_by or plan.author
        signed = f", signed by {person_of(month.practice, signer)}" if signer else ", signer not named in the EHR"
        return f"In the EHR, version {plan.source.rpartition('@')[2]}{signed}"
    return element.said


def _payer(month: PatientMonth) -> Row:
    payer = month.judgement.payer
    finding = _worst(month, ("PAYER", "P1", "P2", "P3"))
    level = finding.severity.value if finding is not None else "ok"
    if payer.coverage is None:
        return _row("PAYER", "Payer", level, finding=finding)
    coverage = payer.coverage
    name = coverage.payer_name or coverage.payer or profile_words(coverage.kind)
    share = "QMB or Medicaid: never bill the patient" if payer.protected else "no QMB"
    until = f", ends {day_of(coverage.end)}" if coverage.end else ""
    return _row("P4", "Payer and QMB", level, said=f"{name}, judged as {profile_words(month.assembly.profile)}; {share}{until}",
                finding=finding)  # fmt: skip


def _other_practice(desk: Desk, month: PatientMonth) -> Row:
    """What the patient answered when asked for consent, which billing cannot know otherwise (X1)."""
    finding, consent = _worst(month, ("X1",)), month.judgement.consent.latest
    level = finding.severity.value if finding is not None else "ok" if consent is not None and consent.other_practice else "info"
    if consent is None or consent.other_practice is None:
        return _row("X1", "Other practitioners", level, said="Not asked yet", finding=finding)
    asked = consent.given_at.astimezone(month.zone).date()
    words = {"no": "None, as the patient says", "yes": "Another practice gives the service", "unknown": "Patient is not sure"}
    said = words.get(consent.other_practice, consent.other_practice)
    named = f": {consent.other_practice_name}" if consent.other_practice_name else ""
    attest = "other-practice-ended" if consent.other_practice != "no" and _works(desk) else ""
    return _row("X1", "Other practitioners", level, said=f"{said}{named}", finding=finding, on=day_of(asked),
                age=age_of(asked, desk.today), attest=attest)  # fmt: skip


def _services(desk: Desk, month: PatientMonth) -> Row:
    """Other services of the month, typed by hand until the chart tells."""
    grid = month.judgement.case.grid
    known = [
        one
        for one in month.judgement.case.ledger.other_services
        if grid.first_day <= one.day <= grid.last_day
        or (one.window_start and one.window_end and one.window_start <= grid.last_day and grid.first_day <= one.window_end)
    ]
    said = ", ".join(f"{one.code} on {day_of(one.day)} ({one.status.value})" for one in known) or "None known"
    attest = "other-service" if _works(desk) else ""
    return _row("X0", "Other services this month", "ok" if known else "none", said=said, attest=attest)


def _taking_part(desk: Desk, month: PatientMonth, standing: Standing | None) -> Row:
    patient = month.judgement.case.ledger.patient
    died = patient.died_on or (patient.died_at.astimezone(month.zone).date() if patient.died_at else None)
    if died is not None:
        return _row("T22", "Taking part", "review", said="Died", on=day_of(died), age="")
    if standing is None:
        return _row("", "Taking part", "ok", said="Since enrolment")
    away = standing.participation is not Participation.ACTIVE
    said = f"{PARTICIPATION[standing.participation]}{': ' + standing.reason if standing.reason else ''}"
    since = sum(line.entry.seconds for line in month.lines if _is_after(month, line, standing.since)) if away else 0
    why = f"{duration_words(since)} logged since then; it is kept, and counts as the rules say." if since else ""
    ends = standing.participation in (Participation.MOVED, Participation.LEFT) and month.judgement.consent.in_force
    revoke = month.judgement.case.rules.program if ends and _works(desk) else ""
    return _row("", "Taking part", "review" if away else "ok", said=said, on=day_of(standing.since),
                age=age_of(standing.since, desk.today), by=person_of(month.practice, standing.by), why=why,
                revoke=revoke)  # fmt: skip


def _is_after(month: PatientMonth, line: EntryMinutes, day: date) -> bool:
    """Tell whether a live entry is of the day on which the patient ceased to take part, or later."""
    done = line.entry.start.astimezone(month.zone).date() if line.entry.start else line.entry.day
    return line.entry.status == "completed" and done is not None and done >= day


def _row(rule: str, name: str, level: str, *, said: str = "", finding: Finding | None = None, **more: str) -> Row:
    return {
        "rule": rule,
        "name": name,
        "level": level,
        "words": _WORDS.get(level, "Missing"),
        "said": said,
        "why": finding_row(finding)["text"] if finding is not None else "",
        "on": "",
        "age": "",
        "by": "",
        "attest": "",
        "revoke": "",
    } | more


def _worst(month: PatientMonth, rules: tuple[str, ...]) -> Finding | None:
    found = [f for f in month.assembly.findings if f.rule in rules and f.decided is None]
    return max(found, key=lambda finding: _RANK[finding.severity], default=None)


def _works(desk: Desk) -> bool:
    return desk.has(StaffRole.CLINICAL_STAFF, StaffRole.BILLING_PRACTITIONER)
