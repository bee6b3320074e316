"""One practitioner and one payer: consent, time, lane, units, evidence, conflicts and claim fields of a month, in this order."""

from dataclasses import dataclass
from datetime import date

from services.billing.domain.attestations import AttestationKind
from services.billing.domain.case import Case
from services.billing.domain.claim_fields import date_of_service, diagnoses
from services.billing.domain.consent_window import ConsentView, view_consents
from services.billing.domain.countable_time import pieces_of, sort_entries
from services.billing.domain.eligibility import check_eligibility, check_initiating_visit, chronic_codes
from services.billing.domain.exclusions import check_exclusions, window_blocks
from services.billing.domain.findings import Excluded
from services.billing.domain.lanes import LaneChoice, Units, choose_lane, counted_of, in_lane, units_of
from services.billing.domain.ledger import ConsentFact, EncounterKind, TimeEntryFact
from services.billing.domain.month_findings import (
    note_asserted,
    note_claim,
    note_consent,
    note_consent_form,
    note_patterns,
    note_payer,
    note_units,
)
from services.billing.domain.payers import PayerOfMonth
from services.billing.domain.pieces import Block, Cause, Effect, Piece, sums
from services.billing.domain.time_findings import note_settled, note_simultaneous, note_waiting
from services.billing.domain.windows import patient_blocks


@dataclass(slots=True)
class Judgement:
    """What one practitioner's month for one payer comes to, before the outcome is drawn from its findings."""

    case: Case
    payer: PayerOfMonth
    consent: ConsentView
    choice: LaneChoice
    units: Units
    pieces: list[Piece]
    counted: list[Piece]
    seconds: int
    possible_seconds: int
    asserted_seconds: int
    program_seconds: tuple[tuple[str, int], ...]
    excluded: tuple[Excluded, ...]
    day: date | None
    diagnoses: tuple[str, ...]


def judge(case: Case, payer: PayerOfMonth, consents: list[ConsentFact]) -> Judgement:
    """Go through the rules in the order of ccm-rules 11 and return the judgement; its findings are in `case`."""
    grid, rules, ledger = case.grid, case.rules, case.ledger
    note_payer(case, payer)
    told = case.attested.get(AttestationKind.DISCLOSURE, ())
    view = view_consents(grid, rules, consents, ledger.consents, case.practitioner, case.practice.closed_at, told)
    note_consent(case, view)
    initiating = _initiating_blocks(case, view)
    entries, others, duplicates = sort_entries(case)
    blocks = [*view.blocks, *payer.uncovered, *initiating, *patient_blocks(case, others)]
    if ledger.other_services:
        blocks += window_blocks(case)
    time = pieces_of(case, entries, blocks, duplicates)
    certain = counted_of(time.pieces)
    choice = choose_lane(case, certain)
    lane = rules.lanes[choice.lane]
    counted = in_lane(certain, choice.lane)
    seconds, lost = sums(counted)
    units = units_of(lane, seconds)
    all_count = len(certain) == len(time.pieces)
    possible = seconds if all_count else note_waiting(case, time, lane)
    excluded = () if all_count and not time.decided and not time.duplicates else note_settled(case, time)
    if lost:
        note_simultaneous(case, counted, lost)
    note_units(case, view, choice, units, seconds, possible, time.attempts_only)
    asserted = note_asserted(case, counted, seconds) if units.base else 0
    if not units.base:
        day = _last_possible_day(case)
    else:
        earned = lane.base_seconds + units.addon * lane.addon_seconds
        day = date_of_service(case, payer, counted, earned)
        note_claim(case, choice, units, day)
        check_exclusions(case, day, others)
    if view.latest is not None:
        note_consent_form(case, view.latest, day)
    chronic = chronic_codes(case, day)
    check_eligibility(case, day, chronic)
    codes = diagnoses(case, chronic) if units.base else ()
    note_patterns(case, choice, seconds)
    return Judgement(
        case=case,
        payer=payer,
        consent=view,
        choice=choice,
        units=units,
        pieces=time.pieces,
        counted=counted,
        seconds=seconds,
        possible_seconds=possible,
        asserted_seconds=asserted,
        program_seconds=_program_seconds(entries, others),
        excluded=excluded,
        day=day if units.base else None,
        diagnoses=codes,
    )


def _initiating_blocks(case: Case, view: ConsentView) -> list[Block]:
    """T4, T18, R9: before the end of a required initiating visit nothing counts; the rest of its day is for a person."""
    first = view.first
    if first is None:
        return []
    needed = check_initiating_visit(case, case.grid.day_of(first.given_at), first.source)
    if needed is None or needed < case.grid.first_day:
        return []
    ends = [
        v.end for v in case.ledger.encounters if v.kind is EncounterKind.VISIT and v.start_day == needed and v.end is not None
    ]
    day_begins, day_ends = case.grid.bounds(needed)
    visit_ends = max(ends, default=day_begins)
    before = Cause(Effect.EXCLUDE, "3.before", "E3", "", first.source, "before the required initiating visit")
    after = Cause(Effect.REVIEW, "21", "T18", f"initiating-visit/{needed}", first.source, "on the day of the initiating visit")
    blocks = [Block(visit_ends, day_ends, after)] if visit_ends < day_ends else []
    return [Block(case.grid.start, visit_ends, before), *blocks] if visit_ends > case.grid.start else blocks


def _last_possible_day(case: Case) -> date:
    """Return the day on which evidence is looked at while nothing is earned: the month's last, not after death or the present."""
    patient, grid = case.ledger.patient, case.grid
    day = min(grid.last_day, max(grid.first_day, grid.day_of(case.at)))
    died = patient.died_on if patient.died_at is None else grid.day_of(patient.died_at)
    return day if died is None else min(day, died)


def _program_seconds(entries: list[TimeEntryFact], others: list[TimeEntryFact]) -> tuple[tuple[str, int], ...]:
    """Return the month's seconds by program as they were logged."""
    programs = {entry.program for entry in entries}
    if not others and len(programs) == 1:
        return ((programs.pop(), sum([entry.seconds for entry in entries])),)
    sums: dict[str, int] = {}
    for entry in (*entries, *others):
        sums[entry.program] = sums.get(entry.program, 0) + entry.seconds
    return tuple(sorted(sums.items()))
