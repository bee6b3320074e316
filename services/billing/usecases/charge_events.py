"""What billing tells of a published charge."""

from services.billing.domain.charge import ChargeItem, aggregate_id
from services.billing.domain.charge_item import ChargeStatus
from services.billing.usecases.ports import Telling
from shared.contracts.charge_item import ChargeItemState

FACTS = {
    ChargeStatus.BILLABLE: "billable",
    ChargeStatus.BILLED: "billed",
    ChargeStatus.ABORTED: "aborted",
    ChargeStatus.ENTERED_IN_ERROR: "voided",
}


def telling_of(charge: ChargeItem) -> Telling:
    """Return the event of a charge's version: its whole state."""
    state = ChargeItemState(
        charge_id=str(charge.id),
        version=charge.version,
        identifier=str(charge.id),
        patient=charge.patient,
        practitioner=charge.line.practitioner,
        month=charge.month,
        code=charge.line.code,
        units=charge.line.units,
        status=charge.status.value,  # type: ignore[arg-type]
        date_of_service=charge.line.date_of_service,
        recorded_at=charge.updated_at,
        consents=tuple(aggregate_id(source) for source in charge.line.consents),
        time_entries=charge.line.entries,
    )
    return Telling(
        type=f"ccm.charge-item.{FACTS[charge.status]}.v1",
        aggregate=str(charge.id),
        version=charge.version,
        data=state.model_dump(mode="json"),
    )
