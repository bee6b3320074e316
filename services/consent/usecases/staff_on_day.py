"""Who somebody at the practice is on a day, as the roster says: roles, credential, supervisors."""

from collections.abc import Iterable
from datetime import date

from shared.contracts.base import Dated
from shared.contracts.staff_member import StaffMemberState
from shared.kernel.vocabulary import StaffRole

_OBTAINING = (StaffRole.CLINICAL_STAFF, StaffRole.BILLING_PRACTITIONER)


def holds(dated: Dated, day: date) -> bool:
    """Tell whether something holds on `day`."""
    return dated.since <= day and (dated.until is None or day <= dated.until)


def may_obtain(member: StaffMemberState, day: date) -> bool:
    """Tell whether the person may obtain a consent on `day`: the billing practitioner or auxiliary staff (C4)."""
    return any(held.role in _OBTAINING and holds(held, day) for held in member.roles)


def credential_on(member: StaffMemberState, day: date) -> str | None:
    """Return the credential in which the person works on `day`: the one that holds, else the latest that did."""
    begun = [credential for credential in member.credentials if credential.since <= day]
    best = max(begun, key=lambda credential: (holds(credential, day), credential.since), default=None)
    return best.credential if best else None


def billing_practitioners(staff: Iterable[StaffMemberState], day: date) -> dict[str, StaffMemberState]:
    """Return who bills for the practice on `day`, by Practitioner id."""
    return {
        member.practitioner: member
        for member in staff
        if any(held.role == StaffRole.BILLING_PRACTITIONER and holds(held, day) for held in member.roles)
    }


def likely_practitioner(member: StaffMemberState, practitioners: Iterable[str], day: date, *, current: str | None) -> str | None:
    """Return for whom a consent is most likely meant: whom the last one named, else the person, else their one supervisor."""
    known = set(practitioners)
    supervisors = {held.practitioner for held in member.supervision if holds(held, day)} & known
    for candidate in (current, member.practitioner):
        if candidate in known:
            return candidate
    if len(supervisors) == 1:
        return supervisors.pop()
    return next(iter(known)) if len(known) == 1 else None
