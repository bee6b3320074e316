"""Decide the month of some patients anew, right after somebody answered or attested something: the page shows what it came to."""

from collections.abc import Sequence
from uuid import UUID

from services.billing.domain.rule_book import RuleBook
from services.billing.usecases.assemble_month import decide, store
from services.billing.usecases.ports import Begin
from services.billing.usecases.records import Author
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.clock import Clock


async def assemble_patients(
    *,
    month: CalendarMonth,
    patients: Sequence[str],
    tenant_id: UUID,
    begin: Begin,
    rule_book: RuleBook,
    author: Author,
    clock: Clock,
) -> int:
    """Decide the month of `patients`, a transaction each; return how many decisions are news."""
    async with begin() as uow:
        facts = await uow.ledger.month_facts(month)
    book, news = rule_book.with_profiles(facts.payers), 0
    for patient in patients:
        async with begin() as uow:
            await uow.months.lock(month)
            at = clock.now()
            decisions = await decide(uow, patient, patient, facts, book, at)
            await store(uow, decisions, month, tenant_id, author, at)
            news += sum(decision.is_news for decision in decisions)
    return news
