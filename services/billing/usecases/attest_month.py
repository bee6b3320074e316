"""The billing practitioner signs: planned charges become billable, differences of released months become replacements or voids.

What is signed is what was seen: each patient is decided once more in the transaction that releases, and only a decision of the
same hash leaves. Another one is stored for a second look.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from services.billing.domain.assembly import assemble
from services.billing.domain.charge import RELEASED, ChargeItem, CoverageLine, Identifier
from services.billing.domain.charge_item import ChargeStatus
from services.billing.domain.findings import Assembly, PlannedCharge
from services.billing.domain.ledger import Coverage, Ledger
from services.billing.domain.rule_book import RuleBook
from services.billing.usecases.assemble_month import (
    Decision,
    charge_id,
    decide,
    is_lane_line,
    next_attempt,
    store,
)
from services.billing.usecases.charge_events import telling_of
from services.billing.usecases.enrolment import before_release
from services.billing.usecases.ports import Begin, CurrentCharge, MonthFacts, UnitOfWork
from services.billing.usecases.records import Author
from services.billing.usecases.roster import require_role
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.clock import Clock
from shared.kernel.vocabulary import Program, StaffRole

REPLACEMENT, VOID = "7", "8"
"""Claim frequencies: replacement of a prior claim, void of a prior claim."""


@dataclass(frozen=True)
class AttestedAssembly:
    """A decision that the billing practitioner `by` signed at `at`, unchanged since it was seen."""

    decision: Decision
    by: str
    at: datetime


@dataclass
class MonthAttested:
    """Patients by what became of them: released, changed since they were assembled, or waiting for a hold or a review."""

    released: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    charges: int = 0


async def attest_month(
    *,
    month: CalendarMonth,
    by: str,
    patients: Sequence[str] | None,
    differences: bool,
    tenant_id: UUID,
    begin: Begin,
    rule_book: RuleBook,
    author: Author,
    clock: Clock,
) -> MonthAttested:
    """Release, in the name of `by`, that practitioner's planned charges of the month, of `patients` or of all.

    With `differences`, what is signed are the open differences instead: the released charges of the patient-month end and the
    new set becomes billable, in one transaction. A patient a transaction. LacksRole unless `by` is a billing practitioner on the
    day.
    """
    async with begin() as uow:
        facts = await uow.ledger.month_facts(month)
        day = clock.now().astimezone(await uow.ledger.zone()).date()
        await require_role(uow.ledger, by, (StaffRole.BILLING_PRACTITIONER,), day)
        wanted = await _waiting(uow, month, by, patients, differences)
    book = rule_book.with_profiles(facts.payers)
    done = MonthAttested()
    for patient in wanted:
        async with begin() as uow:
            await uow.months.lock(month)
            await _attest_patient(uow, patient, by, differences, facts, tenant_id, book, author, clock.now(), done)
    return done


async def _waiting(
    uow: UnitOfWork, month: CalendarMonth, by: str, patients: Sequence[str] | None, differences: bool
) -> list[str]:
    if differences:
        return [row.patient for row in await uow.months.differences(month, patients)]
    return await uow.charges.planned_patients(month, by, patients)


async def _attest_patient(
    uow: UnitOfWork,
    patient: str,
    by: str,
    differences: bool,
    facts: MonthFacts,
    tenant_id: UUID,
    rule_book: RuleBook,
    author: Author,
    at: datetime,
    done: MonthAttested,
) -> None:
    decisions = await decide(uow, patient, patient, facts, rule_book, at)
    if not decisions:
        return
    if decisions[0].is_news:
        await store(uow, decisions, facts.month, tenant_id, author, at)
        done.changed.append(patient)
        return
    signed = AttestedAssembly(decisions[0], by, at)
    held = await uow.charges.current(facts.month, [patient])
    release = _Release(uow, facts.month, tenant_id, author, signed, held)
    count = await (release.difference(rule_book) if differences else release.planned())
    if count:
        done.released.append(patient)
        done.charges += count
    else:
        done.waiting.append(patient)


@dataclass
class _Release:
    """One signed patient-month on its way out."""

    uow: UnitOfWork
    month: CalendarMonth
    tenant_id: UUID
    author: Author
    signed: AttestedAssembly
    held: list[CurrentCharge]

    async def planned(self) -> int:
        """Release what is planned; return how many charges, none while a hold or a review keeps them."""
        assembly = self.signed.decision.assembly
        if assembly.blocks_release or assembly.practitioner != self.signed.by:
            return 0
        planned = {charge.code for charge in self.held if charge.status is ChargeStatus.PLANNED}
        return await self._publish(assembly, [line for line in assembly.charges if line.code in planned], None)

    async def difference(self, rule_book: RuleBook) -> int:
        """End the lane's released charges and publish the new set; return how many changed, none while something keeps it.

        A charge that was billed ends as entered-in-error, one that was not yet as aborted. The new set is what the facts earn as
        if nothing had been billed.
        """
        decision = self.signed.decision
        if decision.assembly.difference is None or decision.assembly.practitioner != self.signed.by:
            return 0
        afresh = assemble(self.month, replace(decision.ledger, billed=()), rule_book, at=self.signed.at)
        afresh = before_release(afresh, decision.known, rule_book)
        if afresh.charges and (afresh.blocks_release or afresh.practitioner != self.signed.by):
            return 0
        lines = [line for line in afresh.charges if is_lane_line(line.code_id)]
        old = [charge for charge in self.held if charge.status in RELEASED and is_lane_line(charge.code_id)]
        ended = await self._end(old, VOID if not lines else None)
        was_billed = any(charge.status is ChargeStatus.BILLED for charge in old)
        published = await self._publish(afresh, lines, REPLACEMENT if was_billed else None, replaced=ended)
        await self.uow.months.replace_differences(self.month, [decision.ledger.patient.id], [])
        return len(ended) + published

    async def _end(self, old: Sequence[CurrentCharge], frequency: str | None) -> list[ChargeItem]:
        charges = await self.uow.charges.read([charge.id for charge in old], lock=True)
        ended = []
        for charge in charges.values():
            billed = charge.status is ChargeStatus.BILLED
            last = replace(
                charge,
                version=charge.version + 1,
                status=ChargeStatus.ENTERED_IN_ERROR if billed else ChargeStatus.ABORTED,
                claim_frequency=frequency if billed else None,
                updated_at=self.signed.at,
            )
            ended.append(last)
        await self.uow.charges.release([(last, telling_of(last)) for last in ended], self.author)
        return ended

    async def _publish(
        self, assembly: Assembly, lines: Sequence[PlannedCharge], frequency: str | None, *, replaced: Sequence[ChargeItem] = ()
    ) -> int:
        ledger = self.signed.decision.ledger
        number = await self.uow.ledger.medical_record_number(ledger.patient.id)
        base: UUID | None = None
        charges: list[ChargeItem] = []
        for line in sorted(lines, key=lambda each: not each.base):
            charge = self._charge(ledger, assembly, line, base, number, frequency, replaced)
            base = charge.id if line.base else base
            charges.append(charge)
        await self.uow.charges.release([(charge, telling_of(charge)) for charge in charges], self.author)
        return len(charges)

    def _charge(
        self,
        ledger: Ledger,
        assembly: Assembly,
        line: PlannedCharge,
        base: UUID | None,
        number: Identifier | None,
        frequency: str | None,
        replaced: Sequence[ChargeItem],
    ) -> ChargeItem:
        tenant = ledger.practice.tenant_in(self.month)
        staff = ledger.practice.staff.get(line.practitioner)
        attempt = next_attempt(self.held, line)
        return ChargeItem(
            id=charge_id(self.tenant_id, assembly.patient, line, self.month, attempt),
            version=1,
            status=ChargeStatus.BILLABLE,
            attempt=attempt,
            patient=assembly.patient,
            month=str(self.month),
            first_day=self.month.first_day,
            last_day=self.month.last_day,
            lane=assembly.lane if line.base else None,
            line=line,
            decision=self.signed.decision.hash,
            rule_book=assembly.rule_book,
            assembly_version=self.signed.decision.version,
            updated_at=self.signed.at,
            mrn=number,
            practitioner_name=staff.name if staff else None,
            organization_npi=tenant.npi,
            organization_tin=tenant.tin,
            coverages=_coverages(ledger, line),
            part_of=base if is_lane_line(line.code_id) else None,
            context=_episode(ledger, self.month),
            entered_by=self.signed.by,
            entered_at=self.signed.at,
            replaces=_replaced_by(line, replaced, self.held),
            claim_frequency=frequency,
        )


def _coverages(ledger: Ledger, line: PlannedCharge) -> tuple[CoverageLine, ...]:
    """Return who pays on the date of service, at most two, by rank: first the coverage that the engine decided on."""
    day = line.date_of_service
    covering = [c for c in ledger.coverages if c.active and (c.start or day) <= day <= (c.end or day)]
    covering.sort(key=lambda c: (c.rank, c.source != line.coverage, c.coverage_id))
    return tuple(_coverage_line(coverage, rank) for rank, coverage in enumerate(covering[:2], start=1))


def _coverage_line(coverage: Coverage, rank: int) -> CoverageLine:
    return CoverageLine(
        coverage=coverage.coverage_id,
        rank=rank,
        payer=coverage.payer,
        payer_name=coverage.payer_name,
        member_id=coverage.member_id,
    )


def _episode(ledger: Ledger, month: CalendarMonth) -> str | None:
    """Return the enrolment in the EHR that the month belongs to."""
    running = [
        episode
        for episode in ledger.enrollments
        if episode.program == Program.CCM and (episode.end is None or episode.end >= month.first_day)
    ]
    return f"EpisodeOfCare/{min(episode.episode_id for episode in running)}" if running else None


def _replaced_by(line: PlannedCharge, replaced: Sequence[ChargeItem], held: Sequence[CurrentCharge]) -> UUID | None:
    """Return the charge that a line takes the place of: of its code, else the base that ended, else its last attempt."""
    same = [charge.id for charge in replaced if charge.line.code == line.code]
    bases = [charge.id for charge in replaced if charge.line.base]
    before = [charge for charge in held if charge.code == line.code and charge.version > 0 and charge.status not in RELEASED]
    last = [max(before, key=lambda charge: charge.attempt).id] if before else []
    return next(iter((*same, *bases, *last)), None)
