"""From judgement to Assembly: planned or not, the claim lines, and the difference to what was billed (P5, P6, R28)."""

from dataclasses import fields, replace
from datetime import date, timedelta
from operator import attrgetter

from services.billing.domain.attestations import AttestationKind
from services.billing.domain.case import Case, add_months
from services.billing.domain.exclusions import practitioner_npi
from services.billing.domain.findings import Assembly, Concerns, Difference, Outcome, PlannedCharge, Severity
from services.billing.domain.judgement import Judgement
from services.billing.domain.lanes import spoken_units
from services.billing.domain.ledger import Ledger
from services.billing.domain.rule_book import RuleBook

_SOURCE = attrgetter("source")
_GROUPS = attrgetter(*(each.name for each in fields(Ledger) if each.name not in ("patient", "practice")))
_RANK = {Severity.INFO: 0, Severity.REVIEW: 1, Severity.HOLD: 2, Severity.DENY: 3}


def conclude(judgement: Judgement, rule_book: RuleBook) -> Assembly:
    """Return the Assembly that a judgement's findings leave."""
    case = judgement.case
    if not case.rules.verified:
        _note_unverified(case, rule_book)
    entries = tuple(dict.fromkeys([piece.entry.entry_id for piece in judgement.counted]))
    lines = _lines(judgement, entries)
    if lines and case.rules.program == "ccm":
        lines += _initiation(judgement, lines[0], rule_book)
    difference = _difference(judgement) if case.ledger.billed else None
    findings = tuple(case.findings)
    planned = bool(lines) and not case.ledger.billed and not any(finding.stops_planning for finding in findings)
    outcome = Outcome.BILLED if case.ledger.billed else Outcome.PLANNED if planned else Outcome.NOT_BILLABLE
    coverage = judgement.payer.coverage
    return Assembly(
        patient=case.ledger.patient.id,
        practitioner=case.practitioner or None,
        month=case.grid.name,
        program=case.rules.program,
        outcome=outcome,
        severity=max([finding.severity for finding in findings], key=_RANK.__getitem__, default=None),
        lane=str(judgement.choice.lane) if judgement.units.base else None,
        charges=lines if planned else (),
        would_be=() if planned or (difference is None and case.ledger.billed) else lines,
        findings=findings,
        difference=difference,
        date_of_service=judgement.day,
        payer=coverage.payer if coverage is not None else None,
        profile=case.rules.profile,
        seconds=((str(judgement.choice.lane), judgement.seconds),),
        asserted_seconds=judgement.asserted_seconds,
        program_seconds=judgement.program_seconds,
        excluded=judgement.excluded,
        entries=entries,
        consents=judgement.consent.sources,
        trace=_trace(judgement),
        facts_used=facts_used(case.ledger),
        rule_book=rule_book.content_hash,
    )


def facts_used(ledger: Ledger) -> tuple[str, ...]:
    """Return the sources of every fact that the decision stands on, sorted: the patient's own and the practice's."""
    practice = ledger.practice
    people = {entry.performer for entry in ledger.entries} | {consent.practitioner for consent in ledger.consents}
    if "sources" not in practice.memo:
        practice.memo["sources"] = [fact.source for fact in (*practice.tenants, *practice.attestations)]
    facts: list[str] = [ledger.patient.source, *practice.memo["sources"]]
    for group in _GROUPS(ledger):
        if group:
            facts += map(_SOURCE, group)
    facts += [practice.staff[person].source for person in people if person in practice.staff]
    return tuple(sorted(facts))


def _note_unverified(case: Case, rule_book: RuleBook) -> None:
    """L4: a month outside the days for which the payers' text was read, or by a draft, is computed and held."""
    read = "; ".join(str(validity) for validity in (rule_book.validity, *rule_book.adopted))
    text = f"{case.grid.name} lies outside the days for which the payers' text was read ({read})"
    case.note("45", "L4", text, concerns=Concerns.RELEASE, path="rule_book.validity")


def _lines(judgement: Judgement, entries: tuple[str, ...]) -> tuple[PlannedCharge, ...]:
    """Return the claim's lines: base and add-on share date, place, practitioner and diagnoses (A2)."""
    case, units, day = judgement.case, judgement.units, judgement.day
    if not units.base or day is None:
        return ()
    lane = case.rules.lanes[judgement.choice.lane]
    coverage = judgement.payer.coverage
    chosen = {f.decided.modifier for f in case.findings if f.decided is not None and f.decided.modifier}
    rows = [(lane.base_code, lane.base_id, 1, ("T1", "A1", f"{lane.path}.base.seconds"))]
    if units.addon:
        rows.append((lane.addon_code, lane.addon_id, units.addon, ("T1", "A2", f"{lane.path}.addon.seconds")))
    npi, modifiers = practitioner_npi(case), tuple(sorted(chosen)) if chosen else ()
    return tuple(
        [
            PlannedCharge(
                code=code,
                code_id=code_id,
                base=code == lane.base_code,
                units=count,
                date_of_service=day,
                place_of_service=case.tenant.place_of_service,
                modifiers=modifiers,
                diagnoses=judgement.diagnoses,
                practitioner=case.practitioner,
                practitioner_npi=npi,
                payer=coverage.payer if coverage is not None else None,
                coverage=coverage.source if coverage is not None else None,
                patient_billable=not judgement.payer.protected,
                consents=judgement.consent.sources,
                entries=entries,
                rules=rules,
            )
            for code, code_id, count, rules in rows
        ]
    )


def _initiation(judgement: Judgement, base: PlannedCharge, rule_book: RuleBook) -> tuple[PlannedCharge, ...]:
    """X19: planning at initiation, only on the practitioner's attestation that names the visit, always for review."""
    case = judgement.case
    for said in case.attested.get(AttestationKind.INITIATION_PLANNING, ()):
        day = said.value["visit_day"]
        mine = said.value.get("practitioner") == case.practitioner
        if not mine or not isinstance(day, date) or not case.grid.first_day <= day <= case.grid.last_day:
            continue
        code = rule_book.codes["ccm.initiation"]
        text = f"{code.number} on {day}: planning beyond the initiating visit's usual effort, once ever"
        case.note("G0506", "X19", text, facts=(said.source,), subject=said.source)
        return (
            replace(
                base, code=code.number, code_id=code.id, base=False, units=1, date_of_service=day, entries=(), rules=("X19",)
            ),
        )
    return ()


def _difference(judgement: Judgement) -> Difference | None:
    """P5, P6: compare what the facts now earn with what was billed; say which it is, never edit."""
    case = judgement.case
    was: dict[str, int] = {}
    for charge in case.ledger.billed:
        was[charge.code] = was.get(charge.code, 0) + charge.units
    lane = case.rules.lanes[judgement.choice.lane]
    void = any(f.severity is Severity.DENY or f.situation == "3" for f in case.findings)
    now = {} if void else dict(judgement.units.lines(lane))
    facts = tuple(charge.source for charge in case.ledger.billed)
    if now == was:
        case.note("46.same", "BILLED", "billed already, and the facts agree", facts=facts)
        return None
    lower = any(now.get(code, 0) < units for code, units in was.items())
    lines = tuple(sorted(was.items())), tuple(sorted(now.items()))
    kind = "replacement" if now else "void"
    said = f"billed {_spoken(lines[0])}; the facts now give {_spoken(lines[1])}"
    if not lower:
        outcomes = (f"replace by {spoken_units(lane, judgement.units)}", "leave as billed")
        case.note("46.higher", "P6", said, facts=facts, outcomes=outcomes, subject=_spoken(lines[1]))
        return Difference(kind=kind, billed=lines[0], now=lines[1], lower=False)
    found = case.grid.day_of(case.at)
    report = found + timedelta(days=case.rules.overpayment_report_days)
    investigate = found + timedelta(days=case.rules.overpayment_investigation_days)
    text = f"{said}: {kind} of the claim and an overpayment case, to report by {report}"
    case.note("46.lower", "P6", text, facts=facts, path="claim.overpayment.report_days")
    return Difference(kind=kind, billed=lines[0], now=lines[1], lower=True, report_by=report, investigate_by=investigate)


def _spoken(lines: tuple[tuple[str, int], ...]) -> str:
    return " + ".join(f"{code}×{units}" for code, units in lines) or "nothing"


def _trace(judgement: Judgement) -> tuple[tuple[str, str, str], ...]:
    """Return the steps of the decision: rule, what was looked at, result."""
    case, choice, seconds = judgement.case, judgement.choice, judgement.seconds
    lane = case.rules.lanes[choice.lane]
    return (
        ("P1", case.rules.profile, f"{len(judgement.payer.days)} days covered"),
        ("C3", case.practitioner, "in force" if judgement.consent.in_force else "not in force"),
        ("T5", f"{len(judgement.counted)} pieces", f"{seconds} s"),
        ("L1", str(choice.lane), choice.undecided or "as attested, else by whose time counts"),
        ("T1", f"{seconds} s against {lane.base_seconds} s", spoken_units(lane, judgement.units)),
        ("A1", "date of service", str(judgement.day)),
        ("A8", "file by", str(add_months(judgement.day, case.rules.filing_months)) if judgement.day else "None"),
    )
