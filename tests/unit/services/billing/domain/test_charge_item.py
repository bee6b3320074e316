"""The charge's life: every pair of status and event is either a known step or refused."""

import itertools

import pytest

from services.billing.domain.charge_item import ChargeChangeRefused, ChargeEvent, ChargeStatus, next_status

STEPS = {
    ("planned", "release"): "billable",
    ("planned", "deny"): "not-billable",
    ("planned", "supersede"): "aborted",
    ("billable", "billed"): "billed",
    ("billable", "withdraw"): "aborted",
    ("billable", "rejected"): "aborted",
    ("billed", "returned"): "billable",
    ("billed", "voided"): "entered-in-error",
    ("billed", "replace"): "entered-in-error",
}


@pytest.mark.parametrize(("status", "event"), list(itertools.product(ChargeStatus, ChargeEvent)))
def test_step(status: ChargeStatus, event: ChargeEvent) -> None:
    """A step of the table is taken; any other is a Conflict that names both."""
    wanted = STEPS.get((status.value, event.value))
    if wanted is not None:
        assert next_status(status, event) == wanted
        return
    with pytest.raises(ChargeChangeRefused, match=f"{status}.*{event}"):
        next_status(status, event)
