"""Stretches of the month in which nobody's time simply counts: death, stays, visits, absence abroad, another program's time."""

from collections.abc import Iterable
from datetime import datetime

from services.billing.domain.attestations import AttestationKind
from services.billing.domain.case import DAY, Case
from services.billing.domain.ledger import Encounter, EncounterKind, TimeEntryFact
from services.billing.domain.pieces import EFFECT_OF, Block, Cause, Effect
from shared.kernel.calendar_month import day_start

_STAYS = (EncounterKind.INPATIENT, EncounterKind.SNF_PART_A)


def patient_blocks(case: Case, others: list[TimeEntryFact]) -> list[Block]:
    """Return the blocks that come from the patient's own circumstances and from other programs' time."""
    ledger = case.ledger
    blocks: list[Block] = []
    if ledger.patient.died_at is not None or ledger.patient.died_on is not None:
        blocks += _death(case)
    for encounter in ledger.encounters:
        if encounter.kind in _STAYS:
            blocks += _stay(case, encounter)
        elif encounter.kind is EncounterKind.VISIT and encounter.own_practice:
            blocks += _visit(case, encounter)
        elif encounter.kind is EncounterKind.NURSING_FACILITY:
            blocks += _facility(case, encounter)
    for attestation in case.attested.get(AttestationKind.ABROAD, ()):
        start, end = attestation.value["start"], attestation.value.get("end", case.grid.end)
        if isinstance(start, datetime) and isinstance(end, datetime):
            text = "the patient was outside the United States"
            blocks.append(Block(start, end, Cause(Effect.EXCLUDE, "19", "T13", "", attestation.source, text)))
    for entry in others:
        blocks += _other_program(entry)
    for busy in ledger.busy:
        text = "the performer was busy with another patient at the same instants"
        blocks.append(
            Block(busy.start, busy.end, Cause(Effect.REVIEW, "R29", "R29", busy.source, busy.source, text), busy.performer)
        )
    start, end = case.grid.start, case.grid.end
    return [b for b in blocks if b.start < end and b.end > start and b.start < b.end]


def _death(case: Case) -> Iterable[Block]:
    """T22, R11: after death nothing counts; where only the day is known, that day is for a person to decide."""
    patient, grid = case.ledger.patient, case.grid
    after = Cause(Effect.EXCLUDE, "39", "T22", "", patient.death, "after the patient's death")
    if patient.died_at is not None:
        yield Block(patient.died_at, max(grid.end, patient.died_at + DAY), after)
    elif patient.died_on is not None:
        first, following = grid.bounds(patient.died_on)
        text = "on the day of death, whose hour is not known"
        effect = Cause(Effect.REVIEW, "22.unknown", "T22", f"death/{patient.died_on}", patient.death, text)
        yield Block(first, following, effect)
        yield Block(following, max(grid.end, following + DAY), after)


def _stay(case: Case, stay: Encounter) -> Iterable[Block]:
    """T19: by instants; a day whose hour is unknown is set aside for a person."""
    grid = case.grid
    inside = Cause(Effect.EXCLUDE, "22", "T19", "", stay.source, "during an inpatient or Part A stay")
    start, end = stay.start, stay.end
    if start is None:
        start = day_start(stay.start_day + DAY, grid.zone)
        yield Block(*grid.bounds(stay.start_day), _unknown_hour(stay, "admission", str(stay.start_day)))
    if end is None and stay.end_day is not None:
        end = day_start(stay.end_day, grid.zone)
        if stay.end_day != stay.start_day or stay.start is not None:
            yield Block(*grid.bounds(stay.end_day), _unknown_hour(stay, "discharge", str(stay.end_day)))
    if end is None:
        end = max(grid.end, start + DAY)
    if start < end:
        yield Block(start, end, inside)


def _unknown_hour(stay: Encounter, what: str, day: str) -> Cause:
    text = f"on the day of {what}, whose hour is not known"
    return Cause(Effect.REVIEW, "22.unknown", "T19", f"{stay.source}/{day}", stay.source, text)


def _visit(case: Case, visit: Encounter) -> Iterable[Block]:
    """T17, R8: the visit itself never counts; the rest of its day waits for a person."""
    severity = case.rules.situations["21"].severity
    effect = EFFECT_OF[severity] if severity is not None else Effect.EXCLUDE
    last = visit.end_day or visit.start_day
    day = visit.start_day
    while day <= last and day <= case.grid.last_day:
        if day >= case.grid.first_day:
            cause = Cause(effect, "21", "T17", f"visit-day/{day}", visit.source, "on the day of a visit")
            yield Block(*case.grid.bounds(day), cause)
        day += DAY
    if visit.start is not None and visit.end is not None:
        yield Block(visit.start, visit.end, Cause(Effect.EXCLUDE, "21.visit", "T17", "", visit.source, "within a visit"))


def _facility(case: Case, stay: Encounter) -> Iterable[Block]:
    """T20: time counts while the patient lives in a facility that is not itself paid for care management."""
    grid = case.grid
    said = case.standing(AttestationKind.FACILITY_PAYMENT, min(stay.end_day or grid.last_day, grid.last_day))
    if said is not None and said.value.get("paid") is False:
        return
    if said is None:
        text = "while the patient lived in a facility of which it is not stated whether it is paid for care management"
        cause = Cause(Effect.HOLD, "T20", "T20", stay.source, stay.source, text)
    else:
        text = "while the patient lived in a facility that is paid for care management"
        cause = Cause(Effect.EXCLUDE, "T20.paid", "T20", "", said.source, text)
    start = stay.start or day_start(stay.start_day, grid.zone)
    end = stay.end or (day_start(stay.end_day + DAY, grid.zone) if stay.end_day is not None else max(grid.end, start + DAY))
    yield Block(start, end, cause)


def _other_program(entry: TimeEntryFact) -> Iterable[Block]:
    """T6, R3: a second that another program claims too counts for none until it is allocated."""
    if entry.start is not None and entry.end is not None:
        text = f"claimed by {entry.program} too"
        yield Block(entry.start, entry.end, Cause(Effect.HOLD, "31", "T6", entry.source, entry.source, text))
