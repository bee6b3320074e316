"""A month as the routes beside FHIR answer it."""

from typing import Literal, cast

from services.billing.domain.charge_item import ChargeStatus
from services.billing.entrypoints import schemas
from services.billing.usecases.close_month import MonthStanding
from services.billing.usecases.ports import CodeTotal
from services.billing.usecases.show_month import MonthShown, PatientResult, state_of

_State = Literal["open", "attested", "closed"]


def standing_answer(standing: MonthStanding) -> schemas.MonthStandingAnswer:
    """Return a month's state."""
    return schemas.MonthStandingAnswer(
        month=str(standing.month),
        status=standing.status.value,
        version=standing.version,
        at=standing.at,
        by=standing.by,
        reason=standing.reason,
        feed_position=standing.feed_position,
    )


def month_answer(month: str, shown: MonthShown) -> schemas.MonthAnswer:
    """Return a month with its page of results."""
    return schemas.MonthAnswer(
        month=month,
        status=cast(_State, state_of(shown)),
        standing=standing_answer(shown.standing),
        outcomes=shown.outcomes,
        totals=[_total(total) for total in shown.totals],
        results=[_result(result) for result in shown.results],
        next=shown.results[-1].row.patient if shown.more else None,
    )


def manifest_answer(month: str, shown: MonthShown) -> schemas.ManifestAnswer:
    """Return what the outside may know of a month: nothing planned."""
    published = [total for total in shown.totals if total.status is not ChargeStatus.PLANNED]
    return schemas.ManifestAnswer(
        month=month,
        status=cast(_State, state_of(shown)),
        charges=sum(total.charges for total in published),
        units=sum(total.units for total in published),
        totals=[_total(total) for total in published],
        feed_position=shown.feed_position,
        feed_position_at_close=shown.standing.feed_position,
    )


def _total(total: CodeTotal) -> schemas.TotalAnswer:
    return schemas.TotalAnswer(code=total.code, status=total.status.value, charges=total.charges, units=total.units)


def _result(result: PatientResult) -> schemas.ResultAnswer:
    row = result.row
    charges = [
        schemas.ChargeAnswer(
            id=charge.id,
            status=charge.status.value,
            code=charge.code,
            units=charge.units,
            date_of_service=charge.date_of_service,
            practitioner=charge.practitioner,
            attempt=charge.attempt,
        )
        for charge in result.charges
    ]
    return schemas.ResultAnswer(
        patient=row.patient,
        version=row.version,
        decision=row.decision,
        recorded_at=row.recorded_at,
        releasable=row.releasable,
        assembly=result.assembly,
        charges=charges,
        reviews=result.reviews,
        difference=result.difference,
    )
