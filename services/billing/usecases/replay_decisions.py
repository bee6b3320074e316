"""Compute a month's stored decisions again from the ledger as it was known then, byte for byte, or by another rule book."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import msgspec

from services.billing.domain.findings import Assembly
from services.billing.domain.rule_book import RuleBook
from services.billing.usecases.assemble_month import CHUNK, encoded, hash_of, result_of
from services.billing.usecases.ports import AssemblyRow, Begin, UnitOfWork
from shared.kernel.calendar_month import CalendarMonth


@dataclass
class Replayed:
    """What a replay found: decisions computed, those equal to the byte, and a line for each difference."""

    decisions: int = 0
    equal: int = 0
    lines: list[str] = field(default_factory=list)

    @property
    def repeats(self) -> bool:
        """Tell whether every decision repeated itself."""
        return self.equal == self.decisions

    @property
    def summary(self) -> str:
        """What it comes to, in a line."""
        return f"{self.decisions} decisions, {self.equal} the same to the byte, {len(self.lines)} differences"


async def replay_decisions(*, month: CalendarMonth, begin: Begin, rule_book: RuleBook, by_another: bool) -> Replayed:
    """Decide each patient's stored result again, as known when it was decided; nothing is stored.

    `by_another`: `rule_book` is not the one in force, and what differs is told by patient and code.
    """
    done = Replayed()
    after: str | None = None
    while True:
        async with begin() as uow:
            rows = await uow.months.page(month, after, CHUNK)
            if not rows:
                return done
            for _, together in groupby(sorted(rows, key=lambda row: (row.recorded_at, row.patient)), lambda row: row.recorded_at):
                await _replay(uow, list(together), month, rule_book, by_another, done)
        after = rows[-1].patient


async def _replay(
    uow: UnitOfWork, rows: Sequence[AssemblyRow], month: CalendarMonth, rule_book: RuleBook, by_another: bool, done: Replayed
) -> None:
    """Replay the results of one instant."""
    at = rows[0].recorded_at
    facts = await uow.ledger.month_facts(month, as_of=at)
    book = rule_book.with_profiles(facts.payers)
    known = {k.ledger.patient.id: k for k in await uow.ledger.of_these([row.patient for row in rows], facts)}
    for row in rows:
        done.decisions += 1
        if row.patient not in known:
            done.lines.append(f"{row.patient}: nothing was recorded of the patient by {at.isoformat()}")
            continue
        assembly = result_of(known[row.patient], month, book, at)
        if encoded(assembly) == row.data:
            done.equal += 1
        elif by_another:
            done.lines += _by_code(row.patient, msgspec.json.decode(row.data), assembly)
        else:
            same_facts = hash_of(known[row.patient], month, book, at) == row.decision
            done.lines.append(f"{row.patient}: {_why(row, book, same_facts)}")


def _why(row: AssemblyRow, book: RuleBook, same_facts: bool) -> str:
    said = msgspec.json.decode(row.data)
    if said["rule_book"] != book.content_hash:
        return f"decided by another edition of the rule book ({said['rule_book'][:12]}): replay it with the release of then"
    if same_facts:
        return "the same facts and rules give other bytes"
    return "the facts of then differ from those that were decided on (late, or recorded at the same instant)"


def _by_code(patient: str, was: dict[str, Any], now: Assembly) -> Iterator[str]:
    """Yield a line for each code whose earned units differ.

    Earned are the lines that are planned or would be: that a draft's months are held (L4) is no difference of its rules.
    """
    before = {line["code"]: line["units"] for line in was["charges"] or was["would_be"]}
    after = {line.code: line.units for line in now.charges or now.would_be}
    for code in sorted({*before, *after}):
        if before.get(code, 0) != after.get(code, 0):
            yield f"{patient}: {code} {before.get(code, 0)} → {after.get(code, 0)}"
