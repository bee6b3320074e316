"""`assemble`: the whole decision for a patient and a month, in the order of ccm-rules 11. Pure: same facts, same answer."""

from collections.abc import Iterator
from dataclasses import fields
from datetime import date, datetime
from operator import attrgetter
from typing import Any

from services.billing.domain.attestations import AttestationKind
from services.billing.domain.case import Case, Grid, grid_of, index_attestations
from services.billing.domain.consent_window import current_versions
from services.billing.domain.findings import Assembly, Concerns
from services.billing.domain.judgement import Judgement, judge
from services.billing.domain.ledger import ConsentFact, Enrollment, Ledger, Practice, TenantFact, TimeEntryFact
from services.billing.domain.outcome import conclude
from services.billing.domain.payers import PayerOfMonth, payers_of
from services.billing.domain.rule_book import RuleBook
from services.billing.domain.rules import Rules, rules_for
from services.billing.domain.stated_facts import with_stated_facts
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.vocabulary import Program

__all__ = ["Assembly", "assemble", "judge_month"]

_SOURCE = attrgetter("source")
_FIELDS = tuple(each.name for each in fields(Ledger))
_VALUES = attrgetter(*_FIELDS)  # a third of what `dataclasses.replace` takes
_ORDERED = ("conditions", "coverages", "encounters", "care_plans", "attestations", "other_services", "busy", "signals")
_TO_ORDER = attrgetter(*_ORDERED)
_CCM, _PCM = Program.CCM.value, Program.PCM.value


def assemble(month: CalendarMonth, ledger: Ledger, rule_book: RuleBook, *, at: datetime) -> Assembly:
    """Decide what one patient's month comes to, as known at `at` (aware): planned charges or none, always with findings.

    Each practitioner with a consent of the program is judged apart, and each payer of the month; one lane at most leaves,
    whatever the practitioner (X1, R18). Raises Invalid only for a rule book or a payer profile that does not resolve.
    """
    return conclude(judge_month(month, ledger, rule_book, at=at), rule_book)


def judge_month(month: CalendarMonth, ledger: Ledger, rule_book: RuleBook, *, at: datetime) -> Judgement:
    """Return the judgement from which `assemble` draws its conclusion: every piece of time with what keeps it from counting."""
    tenant = ledger.practice.tenant_in(month)
    ledger = _in_order(with_stated_facts(ledger, tenant.zone))
    grid = grid_of(month, tenant.zone)
    program = program_of(ledger, grid)
    consents = current_versions(ledger.consents, program)
    payers = payers_of(grid, ledger.patient, ledger.coverages, tenant, rule_book.profiles)
    judgements = [
        _best_payer(grid, tenant, ledger, rule_book, program, consents, practitioner, payers, at)
        for practitioner in _candidates(ledger, month, program, consents)
    ]
    return judgements[0] if len(judgements) == 1 else _one_practitioner(judgements)


def program_of(ledger: Ledger, grid: Grid) -> str:
    """Return the program whose month this is: principal care management where it alone has consent, enrolment or time (X5).

    Where both have, it is CCM's month, and what is known of the other is a conflict.
    """
    if _PCM not in [consent.program for consent in ledger.consents]:
        return _CCM
    named = {Program(each.program) for each in _signs(ledger, grid) if each.program in (Program.CCM, Program.PCM)}
    return _PCM if named == {Program.PCM} else _CCM


def _signs(ledger: Ledger, grid: Grid) -> Iterator[ConsentFact | Enrollment | TimeEntryFact]:
    """Yield what in the month speaks for a program: consents not declined, enrolments, completed time."""
    first, last = grid.first_day, grid.last_day
    for program in (Program.CCM, Program.PCM):
        for consent in current_versions(ledger.consents, program):
            lasts = consent.in_force_until is None or consent.in_force_until >= first
            if consent.status != "rejected" and consent.in_force_from < grid.end and lasts:
                yield consent
    for episode in ledger.enrollments:
        if (episode.start or first) <= last and (episode.end or last) >= first:
            yield episode
    for entry in ledger.entries:
        day = entry.day or (grid.day_of(entry.start) if entry.start is not None else None)
        if entry.status == "completed" and day is not None and first <= day <= last:
            yield entry


def _in_order(ledger: Ledger) -> Ledger:
    """Return the ledger with its facts ordered by source, so that the order of arrival leaves no trace in the answer."""
    changed: dict[str, Any] = {}
    for name, rows in zip(_ORDERED, _TO_ORDER(ledger), strict=True):
        if len(rows) > 1:
            sources = list(map(_SOURCE, rows))
            if sources != sorted(sources):
                changed[name] = tuple(sorted(rows, key=_SOURCE))
    return Ledger(**{**dict(zip(_FIELDS, _VALUES(ledger), strict=True)), **changed}) if changed else ledger


def _candidates(ledger: Ledger, month: CalendarMonth, program: str, consents: list[ConsentFact]) -> list[str]:
    """Return who might bill the month: who has billed it, whom the practice names, else each who holds a consent.

    Without any of these somebody stands for whom the missing consent is said: the enrolment's practitioner, one who holds consent
    for another program, or one who directed the work.
    """
    if ledger.billed:
        return sorted({charge.practitioner for charge in ledger.billed})[:1]
    named = [a for a in ledger.attestations if a.kind is AttestationKind.PRACTITIONER and a.month in (None, month)]
    if named:
        return [str(max(named, key=lambda a: (a.signed_at, a.attestation_id)).value["practitioner"])]
    if len(consents) == 1:
        return [consents[0].practitioner]
    granted = sorted({c.practitioner for c in consents if c.status != "rejected"} or {c.practitioner for c in consents})
    if granted:
        return granted
    enrolled = sorted(e.practitioner for e in ledger.enrollments if e.program == program and e.practitioner)
    others = sorted({c.practitioner for c in ledger.consents})
    directing = sorted({e.directed_by for e in ledger.entries if e.directed_by})
    return [next(iter((*enrolled, *others, *directing)), "")]


def _best_payer(
    grid: Grid,
    tenant: TenantFact,
    ledger: Ledger,
    rule_book: RuleBook,
    program: str,
    consents: list[ConsentFact],
    practitioner: str,
    payers: list[PayerOfMonth],
    at: datetime,
) -> Judgement:
    """Judge by the payer of the latest day; one before it only if it alone has the time for a first unit (R27)."""
    attested = index_attestations(ledger.attestations)
    decisions = {decision.key: decision for decision in ledger.decisions}
    tried: list[Judgement] = []
    for payer in payers:
        rules, verdicts = _rules(ledger.practice, rule_book, grid, payer.profile, program, practitioner)
        case = Case(
            ledger=ledger,
            practice=ledger.practice,
            tenant=tenant,
            grid=grid,
            rules=rules,
            at=at,
            practitioner=practitioner,
            attested=attested,
            decisions=decisions,
            verdicts=verdicts,
        )
        judgement = judge(case, payer, consents)
        if judgement.units.base:
            return judgement
        tried.append(judgement)
    return tried[0]


def _rules(
    practice: Practice, rule_book: RuleBook, grid: Grid, profile: str, program: str, practitioner: str
) -> tuple[Rules, dict[Any, Any]]:
    """Return the rules of a month, and what is already known of performers by them and this practitioner."""
    key = (rule_book.content_hash, grid.name, profile, program, practitioner)
    found: tuple[Rules, dict[Any, Any]] | None = practice.memo.get(key)
    if found is None:
        found = practice.memo[key] = (rules_for(rule_book, profile, grid.month, program), {})
    return found


def _one_practitioner(judgements: list[Judgement]) -> Judgement:
    """X1, R18: where two practitioners' months could both be planned, neither is until one is chosen (S31).

    A month that is itself held stands in nobody's way; a consent alone neither (hand-overs).
    """
    earning = [j for j in judgements if j.units.base]
    if not earning:
        return max(judgements, key=lambda j: (j.possible_seconds, *_latest_consent(j)))
    free = [j for j in earning if not any(f.stops_planning and f.concerns is Concerns.CHARGE for f in j.case.findings)]
    first = max(free or earning, key=_latest_consent)
    if len(free) > 1:
        names = " and ".join(sorted(_name(j) for j in free))
        text = f"{names} each have consent and the time for this month; only one practitioner may bill it"
        facts = tuple(source for j in free for source in j.consent.sources)
        would = "the practice names the practitioner who bills the month"
        first.case.note("35.claimed", "X1", text, facts=facts, subject="practitioners", would=would)
    return first


def _latest_consent(judgement: Judgement) -> tuple[date, str]:
    latest = judgement.consent.latest
    day = judgement.case.grid.day_of(latest.given_at) if latest is not None else date.min
    return day, judgement.case.practitioner


def _name(judgement: Judgement) -> str:
    staff = judgement.case.practice.staff.get(judgement.case.practitioner)
    return staff.name if staff is not None else judgement.case.practitioner
