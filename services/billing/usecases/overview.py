"""From the engine's judgement to a line of a list: pure, the same facts give the same line."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from services.billing.domain.case import Case
from services.billing.domain.consent_window import current_versions
from services.billing.domain.countable_time import sort_entries
from services.billing.domain.eligibility import chronic_codes
from services.billing.domain.exclusions import check_exclusions
from services.billing.domain.findings import Assembly, Concerns, Finding, Outcome, Severity
from services.billing.domain.judgement import Judgement
from services.billing.domain.lanes import units_of
from services.billing.domain.ledger import ConsentFact, EncounterKind, TimeEntryFact
from services.billing.domain.pieces import Effect, raw_total
from services.billing.domain.progress import progress_of
from services.billing.domain.renewal import SOON, renewal_due
from services.billing.domain.rule_book import RuleBook
from services.billing.usecases.enrolment import has_result, is_enrolled
from services.billing.usecases.overview_ports import OverviewRow, State
from services.billing.usecases.view_ports import Face

_RANK = {Severity.INFO: 0, Severity.REVIEW: 1, Severity.HOLD: 2, Severity.DENY: 3}
_KINDS = (
    ("consent", ("C",)),
    ("documentation", ("DOC",)),
    ("time", ("T", "R", "UNION", "DUP")),
    ("programs", ("X", "L2", "L3")),
    ("payer", ("PAYER", "P", "A")),
    ("eligibility", ("E", "WHO")),
)
_TO_IMPROVE = ("improve", "fail")


def overview_of(
    judgement: Judgement, assembly: Assembly, face: Face, book: RuleBook, at: datetime, *, suitable: bool
) -> OverviewRow | None:
    """Return the line of a patient-month; None for somebody who is neither in the month nor eligible."""
    case = judgement.case
    ledger, grid = case.ledger, case.grid
    in_month = has_result(ledger, grid.month)
    day = min(grid.last_day, max(grid.first_day, grid.day_of(at)))
    chronic = chronic_codes(case, day)
    enrolled = is_enrolled(ledger, grid.first_day, grid.last_day, grid.end)
    eligible = not enrolled and suitable and len(chronic) >= case.rules.conditions_min
    if not in_month and not eligible:
        return None
    state = state_of(judgement, assembly) if in_month else State.OUTSIDE
    lines = _lines(judgement, assembly)
    amount, unknown = expected(book, lines, case.tenant.place_of_service, judgement.day or grid.last_day)
    main, others = _main(assembly, state)
    progress = progress_of(judgement)
    consent, why, until = consent_standing(case, at)
    last = max(_mine(case), key=_began, default=None)
    visits = [v.start_day for v in ledger.encounters if v.kind is EncounterKind.VISIT and v.start_day <= day]
    coverage = judgement.payer.coverage
    agreed = current_versions(ledger.consents)
    return OverviewRow(
        patient=ledger.patient.id,
        looked_at=at,
        name=face.name or f"Patient {ledger.patient.id}",
        birth_date=face.birth_date or ledger.patient.birth,
        mrn=face.mrn,
        practitioner=case.practitioner,
        practitioner_name=_name(case),
        payer=(coverage.payer_name or coverage.payer or coverage.kind) if coverage is not None else "",
        profile=case.rules.profile,
        plan=_plan(assembly),
        enrolled=enrolled,
        enrolled_first=is_enrolled(ledger, grid.first_day, grid.first_day, grid.starts[1]),
        approached=bool(agreed),
        consented=any(consent.status != "rejected" for consent in agreed),
        eligible=eligible,
        conditions=len(chronic),
        last_visit=max(visits, default=None),
        consent=consent,
        consent_why=why,
        consent_until=until,
        without_consent=_without_consent(judgement),
        lane=progress.lane.value,
        counted=progress.seconds,
        asserted=progress.asserted,
        next_code=progress.next.code if progress.next else None,
        missing=progress.missing if progress.next else None,
        state=state.value,
        only_reviews=state is State.HOLD and all(f.severity is Severity.REVIEW for f in blocking(assembly)),
        severity=main.severity.value if main is not None else None,
        kind=kind_of(main.rule) if main is not None else "",
        rule=main.rule if main is not None else "",
        finding=_said(main, others),
        beside=json.dumps(_beside(judgement, assembly, day)),
        who=main.who_can_fix if main is not None else "",
        lines=json.dumps(lines),
        amount=amount,
        unknown_amounts=unknown,
        place_of_service=case.tenant.place_of_service,
        notes_due=sum(e.assessment is not None and e.assessment.outcome in _TO_IMPROVE for e in _mine(case)),
        copied=len(
            {e.entry_id for e in _mine(case) if e.assessment is not None and e.assessment.flags}
            | {signal.entry for signal in ledger.signals if signal.entry is not None}
        ),
        last_work_at=_began(last) if last is not None else None,
        last_work=last.activity if last is not None else None,
        last_worker=last.performer if last is not None else None,
        last_worker_name=last.performer_name if last is not None else None,
    )


def state_of(judgement: Judgement, assembly: Assembly) -> State:
    """Return what the desk does with the month."""
    if assembly.outcome is Outcome.BILLED:
        return State.HOLD if assembly.difference is not None else State.RELEASED
    if assembly.outcome is Outcome.PLANNED and not assembly.blocks_release:
        return State.ATTEST
    if any(f.severity is Severity.DENY and f.concerns is not Concerns.TIME for f in assembly.findings):
        return State.NONE
    if any(f.decided is not None and f.decided.decision == "do-not-bill" for f in assembly.findings):
        return State.NONE
    waits = judgement.possible_seconds > judgement.seconds
    return State.HOLD if assembly.would_be or assembly.charges or waits or blocking(assembly) else State.NONE


def blocking(assembly: Assembly) -> list[Finding]:
    """Return the findings that keep the charge; where there are none, those that keep time which may reach it."""
    found = [f for f in assembly.findings if f.blocks_release and f.severity is not Severity.DENY]
    if found or assembly.charges:
        return found
    return [f for f in assembly.findings if f.concerns is Concerns.TIME and f.severity in (Severity.HOLD, Severity.REVIEW)]


def kind_of(rule: str) -> str:
    """Return the sort of thing that a rule is about, by which the desk filters."""
    return next((kind for kind, heads in _KINDS if rule.startswith(heads)), "other")


def expected(book: RuleBook, lines: Iterable[tuple[str, int]], place: str, day: date) -> tuple[Decimal, int]:
    """Return the national amount of codes and units, and for how many of the codes it is not known."""
    amount, unknown = Decimal(0), 0
    for code, units in lines:
        each = book.expected_amount(code, place, day)
        if each is None:
            unknown += 1
        else:
            amount += each * units
    return amount, unknown


def consent_standing(case: Case, at: datetime) -> tuple[str, str, date | None]:
    """Return whether consent is in force at `at` (or when the month ended), why not, in words, and its last day if it has one."""
    when = min(at, case.grid.end - timedelta(seconds=1))
    known = current_versions(case.ledger.consents, case.rules.program)
    consents = [c for c in known if c.practitioner == case.practitioner] or known
    if not consents:
        return "missing", "Nobody has asked yet", None
    latest = consents[-1]
    standing, why = _standing(case, latest, when)
    return standing, why, latest.in_force_until if latest.status != "rejected" else None


def _standing(case: Case, latest: ConsentFact, when: datetime) -> tuple[str, str]:
    grid = case.grid
    day = grid.day_of(when)
    given = _spoken(grid.day_of(latest.given_at))
    if latest.status == "rejected":
        return "declined", f"Declined {given}"
    if latest.in_force_until is not None and latest.in_force_until < day:
        revoked = f"Revoked {_spoken(grid.day_of(latest.revoked_at))}; " if latest.revoked_at else ""
        return "ended", f"{revoked}ended {_spoken(latest.in_force_until)}"
    if latest.in_force_from > when:
        return "missing", f"Given only on {given}"
    missing = sorted(case.rules.disclosures - latest.disclosed)
    if missing:
        return "incomplete", f"Recorded {given}, but not told: {', '.join(code.replace('-', ' ') for code in missing)}"
    if latest.practitioner != case.practitioner:
        return "other-practitioner", f"Given {given} to {latest.practitioner_name or latest.practitioner}"
    return "in-force", _change_ahead(case, latest, day)


def _change_ahead(case: Case, latest: ConsentFact, day: date) -> str:
    """Say why a consent in force will not stay so: the patient has stopped it, or the payer asks for it anew."""
    if latest.in_force_until is not None:
        stopped = f"Revoked {_spoken(case.grid.day_of(latest.revoked_at))}; its" if latest.revoked_at else "Its"
        return f"{stopped} last day is {_spoken(latest.in_force_until)}"
    due, months = renewal_due(case, latest), case.rules.consent_renewal_months
    if due is None or day <= due - SOON:
        return ""
    given = _spoken(case.grid.day_of(latest.given_at))
    since = "was due" if due < day else "is due by"
    return f"Given {given}; this payer asks again after {months} months: a new one {since} {_spoken(due)}"


def _lines(judgement: Judgement, assembly: Assembly) -> list[tuple[str, int]]:
    """Return codes and units: billed, planned, or what the month would come to if all that waits came."""
    if judgement.case.ledger.billed:
        return [(charge.code, charge.units) for charge in judgement.case.ledger.billed]
    planned = [(line.code, line.units) for line in (*assembly.charges, *assembly.would_be)]
    if assembly.charges and not assembly.blocks_release:
        return planned
    lane = judgement.case.rules.lanes[judgement.choice.lane]
    possible = list(units_of(lane, judgement.possible_seconds).lines(lane))
    return possible if sum(units for _, units in possible) > sum(units for _, units in planned) else planned


def _main(assembly: Assembly, state: State) -> tuple[Finding | None, int]:
    """Return the finding to show and how many more of its weight there are."""
    if state is State.HOLD:
        found = blocking(assembly) or [f for f in assembly.findings if f.rule in ("P5", "P6", "BILLED")]
    elif state is State.NONE:
        found = [f for f in assembly.findings if f.severity is Severity.DENY or f.situation == "2"]
    else:
        found = [f for f in assembly.findings if f.severity is not Severity.INFO]
    if not found:
        return None, 0
    first = max(found, key=lambda finding: (_RANK[finding.severity], finding.rule == "EHR"))
    return first, len(found) - 1 if state is State.HOLD else 0


def _said(finding: Finding | None, others: int) -> str:
    if finding is None:
        return ""
    text = finding.text[:1].upper() + finding.text[1:]
    return f"{text}, and {others} more" if others else text


def _beside(judgement: Judgement, assembly: Assembly, day: date) -> list[dict[str, str]]:
    """Return the findings on other programs and practitioners that a person should see, the gravest first.

    While no code is reached the decision does not turn on them, so they are asked for here: nobody should log time in vain.
    """
    findings: Iterable[Finding] = assembly.findings
    if not judgement.units.base:
        case = replace(judgement.case, findings=[])
        check_exclusions(case, day, sort_entries(case)[1])
        findings = case.findings
    open_ = (f for f in findings if f.severity is not Severity.INFO and f.decided is None)
    found = sorted((f for f in open_ if kind_of(f.rule) == "programs"), key=lambda finding: -_RANK[finding.severity])
    return [{"rule": f.rule, "severity": f.severity.value, "text": f.text, "would": f.would_make_billable} for f in found]


def _plan(assembly: Assembly) -> str | None:
    """Return the plan whose unset switches keep the release, if that is so."""
    for finding in assembly.findings:
        if finding.rule == "PAYER" and finding.concerns is Concerns.RELEASE:
            return finding.key.split(":", 2)[2].removeprefix("plan/")
    return None


def _without_consent(judgement: Judgement) -> int:
    pieces = [p for p in judgement.pieces if p.effect is not Effect.COUNT and any(c.rule.startswith("C") for c in p.causes)]
    return raw_total(pieces)


def _mine(case: Case) -> list[TimeEntryFact]:
    """Return the month's live entries of the program."""
    grid = case.grid
    return [
        entry
        for entry in case.ledger.entries
        if entry.status == "completed"
        and entry.program == "ccm"
        and (
            (entry.start is not None and grid.start <= entry.start < grid.end)
            or (entry.day is not None and grid.first_day <= entry.day <= grid.last_day)
        )
    ]


def _began(entry: TimeEntryFact) -> datetime:
    return entry.start or entry.first_written_at


def _name(case: Case) -> str:
    staff = case.practice.staff.get(case.practitioner)
    return staff.name if staff is not None else case.practitioner


def _spoken(day: date) -> str:
    return f"{day:%b} {day.day}, {day.year}"
