"""When a new consent is asked for: exactly on the triggers of ccm-rules C5, and where none was given yet.

Billing knows the last trigger, a payer that asks for more, and holds the charge for it.
"""

from enum import StrEnum

from services.consent.domain.disclosure import REQUIRED
from services.consent.domain.standing import InForce, Reason
from shared.kernel.vocabulary import DisclosureCode


class Trigger(StrEnum):
    """Why a new consent is needed."""

    NONE_YET = "none-yet"
    PRACTITIONER = "practitioner-changed"
    PROGRAM = "program-changed"
    AFTER_STOP = "after-stop"
    DISCLOSURE = "disclosure-missing"
    AUTHORITY = "authority-ended"


def missing_disclosures(found: InForce) -> tuple[DisclosureCode, ...]:
    """Return the required disclosures that the deciding consent does not record as told."""
    return tuple(code for code in found.deciding.not_told if code in REQUIRED) if found.deciding else ()


def renewal(found: InForce, *, practitioners: frozenset[str], other_program: bool) -> Trigger | None:
    """Return why a new consent is needed, or None: one in force stays so, and who declined is not asked again by us.

    `practitioners` bill for the practice today (none: not known); `other_program`: a consent to another program is in force.
    """
    deciding = found.deciding
    if deciding is None or found.reason in (Reason.NO_CONSENT, Reason.BEFORE_START, Reason.ENTERED_IN_ERROR):
        return Trigger.PROGRAM if other_program else Trigger.NONE_YET
    said = deciding.consent.statement
    if found.reason is Reason.DECLINED:
        return None
    if found.reason in (Reason.STOPPING, Reason.REVOKED):
        return Trigger.AFTER_STOP
    if found.reason is Reason.ENDED:
        return Trigger.AUTHORITY if said.by_representative else Trigger.NONE_YET
    if found.reason is Reason.SUPERSEDED or (practitioners and said.practitioner.id not in practitioners):
        return Trigger.PRACTITIONER
    return Trigger.DISCLOSURE if missing_disclosures(found) else None
