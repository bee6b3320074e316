"""The life of a charge (integration guide 6): planned, then released to the biller, then billed, withdrawn or reversed."""

from enum import StrEnum

from shared.kernel.errors import Conflict


class ChargeStatus(StrEnum):
    """Where a charge stands. Outside clients never see planned and not-billable."""

    PLANNED = "planned"
    NOT_BILLABLE = "not-billable"
    BILLABLE = "billable"
    BILLED = "billed"
    ABORTED = "aborted"
    ENTERED_IN_ERROR = "entered-in-error"


class ChargeEvent(StrEnum):
    """What happens to a charge: by us (release … replace) or by the billing system's acknowledgement."""

    RELEASE = "release"
    DENY = "deny"
    SUPERSEDE = "supersede"
    WITHDRAW = "withdraw"
    BILLED = "billed"
    REJECTED = "rejected"
    RETURNED = "returned"
    VOIDED = "voided"
    REPLACE = "replace"


class ChargeChangeRefused(Conflict):
    """The charge is in a state that knows no such change."""

    rule = "charge-status"


_S, _E = ChargeStatus, ChargeEvent
_NEXT = {
    (_S.PLANNED, _E.RELEASE): _S.BILLABLE,
    (_S.PLANNED, _E.DENY): _S.NOT_BILLABLE,
    (_S.PLANNED, _E.SUPERSEDE): _S.ABORTED,
    (_S.BILLABLE, _E.WITHDRAW): _S.ABORTED,
    (_S.BILLABLE, _E.REJECTED): _S.ABORTED,
    (_S.BILLABLE, _E.BILLED): _S.BILLED,
    (_S.BILLED, _E.RETURNED): _S.BILLABLE,
    (_S.BILLED, _E.VOIDED): _S.ENTERED_IN_ERROR,
    (_S.BILLED, _E.REPLACE): _S.ENTERED_IN_ERROR,
}
ACTIVE = frozenset({_S.PLANNED, _S.BILLABLE, _S.BILLED})
"""At most one charge of a patient, month and code is in one of these."""


def next_status(status: ChargeStatus, event: ChargeEvent) -> ChargeStatus:
    """Return the status after an event; ChargeChangeRefused if the status knows none such."""
    try:
        return _NEXT[status, event]
    except KeyError:
        raise ChargeChangeRefused(f"a charge that is {status} cannot be {event}") from None
