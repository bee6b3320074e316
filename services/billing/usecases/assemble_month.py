"""Assemble a month: a result for every enrolled patient, planned charges or not billable, always with findings.

Assembling again supersedes, it never adds: a decision of the same hash changes nothing, another one takes back what was planned.
What was released is not touched; where its facts now say something else, that is a difference (integration.md 6).
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid5

import msgspec

from services.billing.domain.assembly import assemble
from services.billing.domain.attestations import AttestationKind
from services.billing.domain.charge import BASE_LINES, LANE_LINES, RELEASED
from services.billing.domain.charge_item import ChargeStatus
from services.billing.domain.decision import decision_hash, full_days, looked_at
from services.billing.domain.findings import Assembly, PlannedCharge, Severity
from services.billing.domain.ledger import Ledger
from services.billing.domain.payers import MEDICARE
from services.billing.domain.rule_book import RuleBook
from services.billing.domain.rules import rules_for
from services.billing.usecases.enrolment import before_release, has_result
from services.billing.usecases.note_patterns import MonthSeen, Shown, note_copies, note_uniform_totals
from services.billing.usecases.overpayments import note_overpayments
from services.billing.usecases.ports import (
    AssemblyRow,
    Begin,
    CurrentCharge,
    DifferenceRow,
    Known,
    MonthFacts,
    ReviewRow,
    UnitOfWork,
)
from services.billing.usecases.records import Author
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.clock import Clock
from shared.kernel.vocabulary import Lane

CHUNK = 500
"""Patients in a transaction: small enough to stay far from its 30 s."""
_ALL = 2**31 - 1

_ENCODER = msgspec.json.Encoder(order="sorted")


@dataclass
class MonthAssembled:
    """What an assembly did: results in all, of which new or changed, and how many there are by outcome."""

    _outcome: dict[str, str] = field(default_factory=dict)
    _news: set[str] = field(default_factory=set)

    @property
    def results(self) -> int:
        """How many patients have a result."""
        return len(self._outcome)

    @property
    def changed(self) -> int:
        """How many results are news."""
        return len(self._news)

    @property
    def outcomes(self) -> Counter[str]:
        """How many results there are by outcome."""
        return Counter(self._outcome.values())

    def take(self, decision: "Decision") -> None:
        """Count a decision; a later one of the same patient stands in place of it."""
        patient = decision.assembly.patient
        self._outcome[patient] = decision.assembly.outcome.value
        if decision.is_news:
            self._news.add(patient)

    def add(self, other: "MonthAssembled") -> None:
        """Count what another worker did with patients of its own."""
        self._outcome |= other._outcome
        self._news |= other._news


@dataclass(frozen=True)
class Stretch:
    """Patients in the order of their ids: those behind `after` (None: from the first on) up to `last` (None: to the end)."""

    after: str | None = None
    last: str | None = None

    def cut(self, patients: Sequence[str]) -> Sequence[str]:
        """Return those of a run of patients that are not behind its end."""
        return patients if self.last is None else [patient for patient in patients if patient <= self.last]


Stretches = Callable[[Sequence[Stretch]], Awaitable[Sequence[tuple[Shown, MonthAssembled]]]]
"""Decides stretches at once, each by `decide_stretch` in a process of its own, and hands back what they return."""


@dataclass(frozen=True)
class Decision:
    """A patient's decision of now beside the one that is stored."""

    known: Known
    assembly: Assembly
    hash: str
    before: AssemblyRow | None

    @property
    def ledger(self) -> Ledger:
        """The facts that it stands on."""
        return self.known.ledger

    @property
    def is_news(self) -> bool:
        """Tell whether it differs from what is stored."""
        return self.before is None or self.before.decision != self.hash

    @property
    def version(self) -> int:
        """The version under which it is stored."""
        return 1 if self.before is None else self.before.version + self.is_news


async def assemble_month(
    *,
    month: CalendarMonth,
    tenant_id: UUID,
    begin: Begin,
    rule_book: RuleBook,
    author: Author,
    clock: Clock,
    workers: int = 1,
    elsewhere: Stretches | None = None,
) -> MonthAssembled:
    """Decide the month for every enrolled patient, a chunk of patients a transaction; return what changed.

    With `elsewhere` the patients are cut into as many stretches as there are `workers`. Patterns over the whole month (row 17)
    are recorded as facts afterwards, and those whom they concern are decided once more. NotFound if the practice's settings have
    not come yet. Two assemblies of one month at a time take turns patient by patient.
    """
    work = await _begun(month, tenant_id, begin, rule_book, author, clock)
    seen, done = work.seen, work.done
    if elsewhere is None:
        await work.through(Stretch())
    else:
        async with begin() as uow:
            patients = await uow.ledger.candidates(None, _ALL)
        for shown, assembled in await elsewhere(stretches_of(patients, workers)):
            seen.add(shown)
            done.add(assembled)
    for note in (note_copies, note_uniform_totals):  # a copy's time does not count before somebody has looked: totals come after
        async with begin() as uow:
            await uow.months.lock(month)
            concerned = await note(uow, seen, author, clock.now())
        for patient in concerned:
            async with begin() as uow:
                await work.chunk(uow, [patient])
    return done


async def decide_stretch(
    stretch: Stretch, *, month: CalendarMonth, tenant_id: UUID, begin: Begin, rule_book: RuleBook, author: Author, clock: Clock
) -> tuple[Shown, MonthAssembled]:
    """Decide the month for the patients of a stretch; return what they show beside the others, and what changed."""
    work = await _begun(month, tenant_id, begin, rule_book, author, clock)
    await work.through(stretch)
    return work.seen.shown, work.done


def stretches_of(patients: Sequence[str], workers: int) -> list[Stretch]:
    """Cut patients, in order, into as many stretches of like length as there are workers; together they hold whoever there is."""
    ends = [patients[len(patients) * n // workers - 1] for n in range(1, workers) if len(patients) >= workers]
    return [Stretch(after, last) for after, last in zip([None, *ends], [*ends, None], strict=True)]


@dataclass(frozen=True)
class _Work:
    """A worker's part in a month."""

    month: CalendarMonth
    tenant_id: UUID
    begin: Begin
    book: RuleBook
    author: Author
    clock: Clock
    facts: MonthFacts
    seen: MonthSeen
    done: MonthAssembled

    async def through(self, stretch: Stretch) -> None:
        """Decide chunk after chunk, a transaction each."""
        after = stretch.after
        while True:
            async with self.begin() as uow:
                patients = stretch.cut(await uow.ledger.candidates(after, CHUNK))
                if not patients:
                    return
                await self.chunk(uow, patients)
            after = patients[-1]

    async def chunk(self, uow: UnitOfWork, patients: Sequence[str]) -> None:
        """Decide and store some neighbours; one who came between them meanwhile is the next assembly's."""
        await uow.months.lock_patients(self.month, patients)
        at, ours = self.clock.now(), set(patients)
        found = await decide(uow, patients[0], patients[-1], self.facts, self.book, at)
        decisions = [decision for decision in found if decision.ledger.patient.id in ours]
        await store(uow, decisions, self.month, self.tenant_id, self.author, at)
        for decision in decisions:
            self.seen.take(decision.ledger, decision.assembly)
            self.done.take(decision)


async def _begun(month: CalendarMonth, tenant_id: UUID, begin: Begin, rule_book: RuleBook, author: Author, clock: Clock) -> _Work:
    """Read what the month's patients share; NotFound if the practice's settings have not come yet."""
    async with begin() as uow:
        facts = await uow.ledger.month_facts(month)
    book = rule_book.with_profiles(facts.payers)
    seen = MonthSeen(month, facts.practice.tenant_in(month).zone, book)
    return _Work(month, tenant_id, begin, book, author, clock, facts, seen, MonthAssembled())


async def decide(uow: UnitOfWork, first: str, last: str, facts: MonthFacts, rule_book: RuleBook, at: datetime) -> list[Decision]:
    """Decide the month of the patients from `first` to `last` who get a result; nothing is stored."""
    known = await uow.ledger.of_patients(first, last, facts)
    before = await uow.months.latest(facts.month, [each.ledger.patient.id for each in known])
    return [
        _decision(each, facts.month, rule_book, at, before.get(each.ledger.patient.id))
        for each in known
        if each.ledger.patient.id in before or has_result(each.ledger, facts.month)
    ]


def _decision(known: Known, month: CalendarMonth, rule_book: RuleBook, at: datetime, before: AssemblyRow | None) -> Decision:
    assembly = result_of(known, month, rule_book, at)
    return Decision(known=known, assembly=assembly, hash=hash_of(known, month, rule_book, at), before=before)


def result_of(known: Known, month: CalendarMonth, rule_book: RuleBook, at: datetime) -> Assembly:
    """Return what a patient's month comes to as known at `at`, held where its chart was not read or its claim lacks data."""
    return before_release(assemble(month, known.ledger, rule_book, at=at), known, rule_book)


def encoded(assembly: Assembly) -> str:
    """Return an Assembly as it is stored: canonical JSON."""
    return _ENCODER.encode(assembly).decode()


def hash_of(known: Known, month: CalendarMonth, rule_book: RuleBook, at: datetime) -> str:
    """Return the hash under which a decision of `at` is stored: facts, rule book, engine, day, and whether the chart was read."""
    day = looked_at(month, known.ledger, at)
    days = full_days(known.ledger, month, rules_for(rule_book, MEDICARE, month).staff_day_seconds)
    return f"{decision_hash(known.ledger, rule_book.content_hash, as_of=day, staff_days=days)}/{known.chart}"


async def store(
    uow: UnitOfWork, decisions: Sequence[Decision], month: CalendarMonth, tenant_id: UUID, author: Author, at: datetime
) -> None:
    """Store decisions that are news, with their reviews, differences and overpayment cases; make the planned charges theirs."""
    news = [decision for decision in decisions if decision.is_news]
    if news:
        patients = [decision.ledger.patient.id for decision in news]
        await uow.months.add(month, [_row(decision, month, at) for decision in news], author, at)
        await uow.months.replace_reviews(patients, month, [r for d in news for r in _reviews(d, month, tenant_id)], at)
        await uow.months.replace_differences(month, patients, [r for d in news for r in _difference(d, at)])
    current: dict[str, list[CurrentCharge]] = {}
    for charge in await uow.charges.current(month, [decision.ledger.patient.id for decision in decisions]):
        current.setdefault(charge.patient, []).append(charge)
    looked = [(d.assembly.patient, d.assembly.difference) for d in news if d.ledger.billed]
    if looked:
        billed = {patient: lines for patient, held in current.items() if (lines := _billed_lines(held))}
        await note_overpayments(
            uow.overpayments, month=month, differences=looked, billed=billed, tenant_id=tenant_id, author=author, at=at
        )
    replanned: list[str] = []
    charges: list[CurrentCharge] = []
    for decision in decisions:
        patient = decision.ledger.patient.id
        held = current.get(patient, [])
        wanted = planned_charges(decision, month, tenant_id, held)
        if set(wanted) != {charge for charge in held if charge.status is ChargeStatus.PLANNED}:
            replanned.append(patient)
            charges += wanted
    if replanned:
        await uow.charges.plan(month, replanned, charges, at)


def _billed_lines(held: Sequence[CurrentCharge]) -> tuple[tuple[str, int], ...]:
    billed = [charge for charge in held if charge.status is ChargeStatus.BILLED and is_lane_line(charge.code_id)]
    return tuple(sorted((charge.code, charge.units) for charge in billed))


def planned_charges(
    decision: Decision, month: CalendarMonth, tenant_id: UUID, held: Sequence[CurrentCharge]
) -> list[CurrentCharge]:
    """Return the planned rows that a decision asks for beside the charges that are there."""
    taken = {charge.code for charge in held if charge.status in RELEASED}
    assembly = decision.assembly
    return [
        CurrentCharge(
            id=charge_id(tenant_id, assembly.patient, line, month, attempt),
            version=0,
            status=ChargeStatus.PLANNED,
            patient=assembly.patient,
            practitioner=line.practitioner,
            code_id=line.code_id,
            code=line.code,
            units=line.units,
            date_of_service=line.date_of_service,
            attempt=attempt,
            assembly_version=decision.version,
            lane=assembly.lane if line.code_id in BASE_LINES else None,
        )
        for line in assembly.charges
        if line.code not in taken
        for attempt in [next_attempt(held, line)]
    ]


def next_attempt(held: Sequence[CurrentCharge], line: PlannedCharge) -> int:
    """Return the number of the next try at a line: one more than were ever published and ended."""
    ended = [
        charge.attempt
        for charge in held
        if charge.code == line.code and charge.practitioner == line.practitioner and charge.status is not ChargeStatus.PLANNED
    ]
    return max(ended, default=0) + 1


def charge_id(tenant_id: UUID, patient: str, line: PlannedCharge, month: CalendarMonth, attempt: int) -> UUID:
    """Return the id of a charge, the same at every retry and without patient data in it."""
    return uuid5(tenant_id, "|".join(("charge", patient, line.practitioner, str(month), line.code, str(attempt))))


def is_lane_line(code_id: str) -> bool:
    """Tell whether a line belongs to a lane (the initiation's planning does not)."""
    return code_id in LANE_LINES


def _row(decision: Decision, month: CalendarMonth, at: datetime) -> AssemblyRow:
    assembly = decision.assembly
    return AssemblyRow(
        patient=assembly.patient,
        version=decision.version,
        recorded_at=at,
        decision=decision.hash,
        outcome=assembly.outcome.value,
        lane=assembly.lane,
        practitioner=assembly.practitioner,
        releasable=bool(assembly.charges) and not assembly.blocks_release,
        staff_seconds=dict(assembly.seconds).get(Lane.CLINICAL_STAFF.value, 0),
        complexity_attested=any(
            said.kind is AttestationKind.COMPLEXITY and said.month == month for said in decision.ledger.attestations
        ),
        data=encoded(assembly),
    )


def _reviews(decision: Decision, month: CalendarMonth, tenant_id: UUID) -> list[ReviewRow]:
    patient = decision.assembly.patient
    return [
        ReviewRow(id=review_id(tenant_id, month, patient, finding.key), month=month, patient=patient, key=finding.key)
        for finding in {f.key: f for f in decision.assembly.findings if f.severity is Severity.REVIEW}.values()
    ]


def review_id(tenant_id: UUID, month: CalendarMonth, patient: str, key: str) -> UUID:
    """Return the id under which a finding of a patient's month is decided."""
    return uuid5(tenant_id, "|".join(("review", str(month), patient, key)))


def _difference(decision: Decision, at: datetime) -> list[DifferenceRow]:
    found = decision.assembly.difference
    if found is None:
        return []
    data = msgspec.json.encode(found).decode()
    return [DifferenceRow(patient=decision.assembly.patient, assembly_version=decision.version, found_at=at, data=data)]
