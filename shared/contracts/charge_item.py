"""Owner: billing. `ccm.charge-item.{billable|billed|aborted|voided}.v1`, for whoever mirrors charges inside the house."""

from datetime import date
from typing import Literal

from shared.contracts.base import Instant, Payload

TYPES = tuple(f"ccm.charge-item.{fact}.v1" for fact in ("billable", "billed", "aborted", "voided"))


class ChargeItemState(Payload):
    """A published charge, whole, at a version."""

    charge_id: str
    version: int
    identifier: str
    patient: str
    practitioner: str
    month: str
    code: str
    units: int
    status: Literal["billable", "billed", "aborted", "entered-in-error"]
    date_of_service: date
    recorded_at: Instant
    consents: tuple[str, ...]
    time_entries: tuple[str, ...]
