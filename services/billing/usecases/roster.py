"""Who may say what: each call names a person, who must hold the role in the practice's roster on that day."""

from datetime import date

from services.billing.usecases.ports import LedgerStore
from shared.kernel.errors import Forbidden
from shared.kernel.vocabulary import StaffRole


class LacksRole(Forbidden):
    """The person named does not hold the role on that day."""

    rule = "roster-role"


async def require_role(ledger: LedgerStore, person: str, roles: tuple[StaffRole, ...], day: date) -> StaffRole:
    """Return the first of `roles` that the roster gives `person` on `day`; LacksRole if none."""
    for role in roles:
        if await ledger.holds_role(person, role, day):
            return role
    wanted = " or ".join(role.replace("-", " ") for role in roles)
    raise LacksRole(f"the practice's staff list does not have Practitioner/{person} as {wanted} on {day}", expression="by")
