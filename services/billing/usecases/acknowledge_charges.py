"""Take what the billing system says of charges: billed, rejected, returned or voided (integration.md 6)."""

from collections.abc import Sequence
from uuid import UUID

from services.billing.domain.charge import Acknowledgement, Answer, ChargeItem, Item, Result, applied, judge
from services.billing.usecases.charge_events import telling_of
from services.billing.usecases.ports import Begin, UnitOfWork
from services.billing.usecases.records import Author
from shared.kernel.clock import Clock


async def acknowledge_charges(
    *, items: Sequence[Item], patient: str | None, begin: Begin, author: Author, clock: Clock
) -> list[Result]:
    """Apply each item that its charge's state allows, all in one transaction; return a result for each in its place.

    A repeated item is `already`; another claim number, or a version that is no longer the current one, is `conflict`; what the
    state does not allow is `refused`. With `patient`, charges of others do not exist.
    """
    async with begin() as uow:
        charges = await uow.charges.read([item.charge for item in items if item.charge is not None], lock=True)
        if patient is not None:
            charges = {key: charge for key, charge in charges.items() if charge.patient == patient}
        results, changed = [], dict[UUID, ChargeItem]()
        for item in items:
            charge = charges.get(item.charge) if item.charge else None
            if charge is not None and charge.id in changed:  # named twice: each change is a version of its own
                await _store(uow, changed, author)
            result = judge(item, charge)
            if result.answer is Answer.APPLIED and charge is not None:
                said = Acknowledgement(
                    outcome=item.outcome.value,
                    claim=item.claim,
                    reason=item.reason,
                    reason_text=item.reason_text,
                    client=author.client,
                    at=clock.now(),
                )
                charge = applied(charge, item, said)
                charges[charge.id] = changed[charge.id] = charge
                result = Result(answer=Answer.APPLIED, charge=charge)
            results.append(result)
        await _store(uow, changed, author)
    return results


async def _store(uow: UnitOfWork, changed: dict[UUID, ChargeItem], author: Author) -> None:
    await uow.charges.release([(charge, telling_of(charge)) for charge in changed.values()], author)
    changed.clear()
