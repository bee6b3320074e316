"""One patient-month at the desk: findings with their remedy, how the minutes add up, what would add a code, the charge itself."""

from collections import Counter
from typing import Any

from fastapi import Request, Response

from services.billing.domain.charge import ChargeItem
from services.billing.domain.findings import Concerns, Finding, Severity
from services.billing.domain.lanes import units_of
from services.billing.domain.progress import progress_of
from services.billing.domain.rule_book import Rule
from services.billing.entrypoints.fragments.bars import month_bar, threshold_words
from services.billing.entrypoints.fragments.common import (
    LANES,
    Desk,
    Row,
    answer,
    counted,
    day_of,
    face_row,
    finding_row,
    fragment_router,
    person_of,
    place_words,
    profile_words,
    sentence,
    worst,
)
from services.billing.entrypoints.fragments.lines import plan_words, sum_words
from services.billing.entrypoints.fragments.patient import day_and_time, entry_row
from services.billing.entrypoints.fragments.practice import ACTING, Everybody, month_title, practice_desk
from services.billing.entrypoints.fragments.rules import CERTAINTY
from services.billing.usecases.assemble_month import review_id
from services.billing.usecases.list_ports import Decided, HoldNote
from services.billing.usecases.look_at_month import PatientMonth, look_at_month
from services.billing.usecases.overview import expected
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.errors import NotFound
from shared.kernel.vocabulary import StaffRole

router = fragment_router("/months")

_TIME_ANSWERS = (("add", "Count this time"), ("leave-out", "Leave it out"))
_PLAIN = ("bill", "do not bill")
"""Outcomes that say no more than the answers themselves."""
_CHARGE_ANSWERS = (("bill", "Bill it"), ("do-not-bill", "Do not bill it"))


@router.get("/{month}/patients/{patient}")
async def charge_page(request: Request, month: str, patient: str, principal: Everybody) -> Response:
    """Show a patient-month."""
    desk = await practice_desk(request, principal)
    return await show_charge(desk, read_month_name(month), patient)


def read_month_name(text: str) -> CalendarMonth:
    """Return the month of an address; NotFound for anything else."""
    try:
        return CalendarMonth.parse(text)
    except ValueError:
        raise NotFound("no such month") from None


async def show_charge(
    desk: Desk, month: CalendarMonth, patient: str, *, status: int = 200, errors: tuple[Any, ...] = (), typed: Row | None = None
) -> Response:
    """Render the page as everything stands now; a refusal keeps what was typed."""
    shown = await look_at_month(
        patient=patient, month=month, look=desk.call.read, rule_book=desk.call.world.rule_book, at=desk.at
    )
    return answer("charge.html", status=status, errors=list(errors), typed=typed or {}, **await month_values(desk, shown))


async def month_values(desk: Desk, shown: PatientMonth) -> Row:
    """Return all that is known of a patient-month, as the page and the paper show it."""
    month, patient = shown.month, shown.assembly.patient
    async with desk.call.read() as uow:
        published = await uow.charges.read([charge.id for charge in shown.charges if charge.version > 0])
        history = await uow.lists.decisions(month, patient)
        notes = await uow.lists.hold_history(month, patient)
    return {
        "base": desk.base,
        "back": _back(desk, month),
        "month": str(month),
        "title": month_title(month),
        "patient": patient,
        "face": face_row(shown.face, patient, desk.today),
        "head": _head(shown),
        "practitioner": person_of(shown.practice, shown.judgement.case.practitioner),
        "payer": _payer(shown),
        "consent": shown.judgement.consent.in_force,
        "tally": _tally(shown),
        "findings": [_finding(desk, shown, finding) for finding in worst(shown.assembly.findings)],
        "lane": LANES[progress_of(shown.judgement).lane],
        "lines": [entry_row(desk, shown, line) for line in reversed(shown.lines)],
        "logged": sum(line.entry.seconds for line in shown.lines if line.entry.status == "completed"),
        "counted": shown.judgement.seconds,
        "units": _units(shown),
        "rules": _rules(desk, shown),
        "book": shown.assembly.rule_book[:8],
        "profile": profile_words(shown.assembly.profile),
        "adds": _adds(desk, shown),
        "facts": _facts(desk, shown),
        "charges": [_charge(shown, charge) for charge in published.values()],
        "history": _history(shown, history, list(published.values())),
        "notes": [_note(shown, note) for note in notes],
        "staff": sorted((member.name, member.practitioner) for member in shown.practice.staff.values()),
        "acts": desk.has(*ACTING) and bool(desk.person),
        "signs": desk.has(StaffRole.BILLING_PRACTITIONER) and desk.person == shown.judgement.case.practitioner,
        "can_attest": bool(shown.assembly.charges) and not shown.assembly.blocks_release,
        "difference": _difference(shown),
    }


def _back(desk: Desk, month: CalendarMonth) -> Row:
    if desk.has(*ACTING, StaffRole.AUDITOR):
        return {"path": f"{desk.base}/desk?month={month}", "words": f"Desk, {month_title(month)}"}
    return {"path": f"{desk.base}/worklist", "words": "Worklist"}


def _head(shown: PatientMonth) -> Row:
    """Return the heading: what is charged, or would be, and what that depends on."""
    assembly = shown.assembly
    lines = assembly.charges or assembly.would_be
    codes = " + ".join(line.code if line.units == 1 else f"{line.code} ×{line.units}" for line in lines)
    billed = " + ".join(charge.code for charge in shown.judgement.case.ledger.billed)
    if billed:
        return {"level": "ok", "words": "Released", "text": billed}
    if assembly.charges and not assembly.blocks_release:
        return {"level": "ok", "words": "To attest", "text": codes}
    severity = assembly.severity or Severity.INFO
    if severity is Severity.DENY:
        return {"level": "deny", "words": "Not billable", "text": codes or "Nothing"}
    if severity in (Severity.HOLD, Severity.REVIEW):
        words = "On hold" if severity is Severity.HOLD else "Review"
        return {"level": severity.value, "words": words, "text": codes or "Nothing yet"}
    return {"level": "none", "words": "Nothing to bill", "text": codes or "Nothing"}


def _tally(shown: PatientMonth) -> str:
    """Say how many findings of each weight stand open: `1 hold, 2 remarks`."""
    names = ((Severity.DENY, "denial"), (Severity.HOLD, "hold"), (Severity.REVIEW, "review"), (Severity.INFO, "remark"))
    found = Counter(finding.severity for finding in shown.assembly.findings if finding.decided is None)
    said = ", ".join(counted(found[severity], word) for severity, word in names if found[severity])
    return f"{said}." if said else ""


def _payer(shown: PatientMonth) -> str:
    coverage = shown.judgement.payer.coverage
    return (coverage.payer_name or profile_words(shown.assembly.profile)) if coverage else "not known"


def _finding(desk: Desk, shown: PatientMonth, finding: Finding) -> Row:
    row = finding_row(finding)
    rule = desk.call.world.rule_book.rules.get(finding.rule)
    answers = _TIME_ANSWERS if finding.concerns is Concerns.TIME else _CHARGE_ANSWERS
    tenant_id = desk.call.principal.tenant_id
    open_review = finding.severity is Severity.REVIEW and finding.decided is None and finding.touches == "ccm"
    hospice = sorted(shown.judgement.case.rules.hospice_modifiers) if finding.rule == "X24" else []
    return row | {
        "id": str(review_id(tenant_id, shown.month, shown.assembly.patient, finding.key)),
        "source": _source(desk, rule),
        "text": plan_words(row["text"]),
        "outcomes": [sentence(outcome) for outcome in finding.outcomes if outcome not in _PLAIN] if open_review else [],
        "answers": answers if open_review else (),
        "modifiers": hospice if open_review else [],
        "decided": _decided(shown, finding),
    }


def _source(desk: Desk, rule: Rule | None) -> str:
    if rule is None:
        return ""
    references = desk.call.world.rule_book.references
    titles = [references[ref].title for ref in rule.references if ref in references]
    return f"{CERTAINTY[rule.certainty]}. {'; '.join(titles)}" if titles else CERTAINTY[rule.certainty]


def _decided(shown: PatientMonth, finding: Finding) -> str:
    said = finding.decided
    if said is None:
        return ""
    words = dict((*_TIME_ANSWERS, *_CHARGE_ANSWERS))[said.decision]
    return f"{words}: {said.reason} ({person_of(shown.practice, said.by)}, {day_and_time(said.recorded_at, shown)})"


def _units(shown: PatientMonth) -> str:
    judgement = shown.judgement
    lines = judgement.units.lines(judgement.case.rules.lanes[judgement.choice.lane])
    return " + ".join(f"{code} ×{units}" for code, units in lines) or "no unit"


def _rules(desk: Desk, shown: PatientMonth) -> list[Row]:
    """Return each rule that the decision went through or a finding names."""
    book = desk.call.world.rule_book
    named = [rule for rule, _, _ in shown.assembly.trace] + [finding.rule for finding in shown.assembly.findings]
    rows = []
    for rule_id in dict.fromkeys(named):
        rule = book.rules.get(rule_id)
        if rule is not None:
            titles = [book.references[ref].title for ref in rule.references if ref in book.references]
            rows.append(
                {"id": rule.id, "says": sentence(rule.says), "source": "; ".join(titles), "certainty": CERTAINTY[rule.certainty]}
            )
    return rows


def _adds(desk: Desk, shown: PatientMonth) -> Row | None:
    """Return what waits as a sum that ends in a code; None where nothing waits and nothing is missing."""
    judgement = shown.judgement
    waiting = [
        finding
        for finding in shown.assembly.findings
        if finding.concerns is Concerns.TIME and finding.severity in (Severity.HOLD, Severity.REVIEW) and finding.decided is None
    ]
    progress = progress_of(judgement)
    if not waiting:
        return None
    lane = judgement.case.rules.lanes[judgement.choice.lane]
    now, then = units_of(lane, judgement.seconds), units_of(lane, judgement.possible_seconds)
    day, place, book = judgement.day or shown.month.last_day, judgement.case.tenant.place_of_service, desk.call.world.rule_book
    before, after = expected(book, now.lines(lane), place, day), expected(book, then.lines(lane), place, day)
    lost = judgement.possible_seconds - judgement.seconds
    return {
        "code": threshold_words(progress.next) if progress.next else "",
        "now": judgement.seconds,
        "waiting": [(sentence(finding.text), finding.seconds) for finding in waiting],
        "then": judgement.possible_seconds,
        "units": " + ".join(f"{code} ×{units}" for code, units in then.lines(lane)) or "no unit",
        "bar": month_bar(progress, lost),
        "said": f"{sum_words(*before)} becomes {sum_words(*after)}." if before != after else "It would change no unit.",
    }


def _facts(desk: Desk, shown: PatientMonth) -> list[tuple[str, str]]:
    judgement, assembly = shown.judgement, shown.assembly
    lines = assembly.charges or assembly.would_be
    day = judgement.day or shown.month.last_day
    amount = expected(desk.call.world.rule_book, [(x.code, x.units) for x in lines], judgement.case.tenant.place_of_service, day)
    latest = judgement.consent.latest
    plans = [plan.dated for plan in judgement.case.ledger.care_plans if plan.active]
    return [
        ("Code", ", ".join(f"{line.code} ×{line.units}" for line in lines) or "none"),
        ("Expected", f"{sum_words(*amount)} national" if lines else "nothing"),
        ("Service date", day_of(assembly.date_of_service) or "none yet"),
        ("Place", place_words(judgement.case.tenant.place_of_service)),
        ("Practitioner", person_of(shown.practice, judgement.case.practitioner)),
        ("Diagnoses", ", ".join(lines[0].diagnoses) if lines else "none yet"),
        ("Payer", _payer(shown)),
        ("Consent", f"given {day_of(latest.given_at.astimezone(shown.zone).date())}, {latest.method}" if latest else "none"),
        ("Care plan", day_of(max(plans)) if plans else "none in the EHR"),
    ]


def _charge(shown: PatientMonth, charge: ChargeItem) -> Row:
    said = charge.acknowledgement
    return {
        "code": f"{charge.line.code} ×{charge.line.units}",
        "status": charge.status.value.replace("-", " ").capitalize(),
        "by": person_of(shown.practice, charge.entered_by) if charge.entered_by else "",
        "at": day_and_time(charge.entered_at, shown) if charge.entered_at else "",
        "said": f"{said.outcome}{': ' + said.reason_text if said.reason_text else ''}" if said else "",
        "id": str(charge.id),
    }


def _history(shown: PatientMonth, decisions: list[Decided], charges: list[ChargeItem]) -> list[Row]:
    """Return who did what, newest first."""
    rows = [
        (
            decided.at,
            "Assembled" if decided.version == 1 else "Assembled anew",
            f"version {decided.version}, {decided.outcome.replace('-', ' ')}",
        )
        for decided in decisions
    ]
    signed = {(charge.entered_at, charge.entered_by or "") for charge in charges if charge.entered_at is not None}
    rows += [(at, f"Attested by {person_of(shown.practice, by)}", "") for at, by in signed]
    for charge in charges:
        said = charge.acknowledgement
        if said is not None:
            rows.append((said.at, f"{charge.line.code} {said.outcome}", said.client))
    return [{"what": what, "text": text, "when": day_and_time(at, shown)} for at, what, text in sorted(rows, reverse=True)]


def _note(shown: PatientMonth, note: HoldNote) -> Row:
    return {
        "owner": person_of(shown.practice, note.owner) if note.owner else "nobody",
        "due": day_of(note.due) or "no day set",
        "comment": note.comment,
        "by": person_of(shown.practice, note.by),
        "when": day_and_time(note.at, shown),
    }


def _difference(shown: PatientMonth) -> Row | None:
    found = shown.assembly.difference
    if found is None:
        return None
    return {
        "kind": found.kind,
        "billed": " + ".join(f"{code} ×{units}" for code, units in found.billed) or "nothing",
        "now": " + ".join(f"{code} ×{units}" for code, units in found.now) or "nothing",
        "by": day_of(found.report_by),
    }
