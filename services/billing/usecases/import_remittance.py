"""Take in what payers decided on claim lines. A decision is a fact: it changes no charge (integration.md 6, last line)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from services.billing.domain.charge import ChargeItem
from services.billing.domain.charge_item import ChargeStatus
from services.billing.domain.remittance import RemittanceLine
from services.billing.usecases.records import Author
from services.billing.usecases.remittance_ports import RemitBegin
from shared.kernel.clock import Clock

_SENT = (ChargeStatus.BILLED, ChargeStatus.ENTERED_IN_ERROR)


@dataclass
class RemittanceImported:
    """What came of a file: how many decisions are new or were there before, and which lines belong to no claim of ours."""

    new: int = 0
    already: int = 0
    unmatched: list[tuple[int, str]] = field(default_factory=list)


async def import_remittance(
    *, lines: Sequence[RemittanceLine], source: str, begin: RemitBegin, author: Author, clock: Clock
) -> RemittanceImported:
    """Store the lines that belong to claims of ours, all in one transaction; `source` names the file in the journal.

    The same line again is nothing new. A line of an unknown charge, of another claim number than the one acknowledged, or beside
    another decision of that payer and day, is left out and told.
    """
    done = RemittanceImported()
    async with begin() as uow:
        charges = await uow.charges.read([line.charge for line in lines])
        known = await uow.remittances.known(list(charges))
        new: list[tuple[RemittanceLine, ChargeItem]] = []
        for line in lines:
            charge, before = charges.get(line.charge), known.get(line.key)
            why = _mismatch(line, charge, before)
            if why is not None or charge is None:
                done.unmatched.append((line.number, why or ""))
            elif before is not None:
                done.already += 1
            else:
                new.append((line, charge))
        if new:
            await uow.remittances.add(new, author, clock.now(), source=source)
        done.new = len(new)
    return done


def _mismatch(line: RemittanceLine, charge: ChargeItem | None, before: RemittanceLine | None) -> str | None:
    """Say why a line belongs to no claim of ours."""
    if charge is None:
        return f"there is no charge {line.charge}"
    if charge.status not in _SENT or charge.claim is None:
        return f"charge {line.charge} is {charge.status}: no claim was acknowledged for it"
    if charge.claim.value != line.claim:
        return f"charge {line.charge} was billed under claim {charge.claim.value}, not {line.claim}"
    if before is not None and before.content != line.content:
        return f"charge {line.charge} has another decision of {line.decided_on}"
    return None
