"""What the month should come to, told by looking minutes up in printed tables: on purpose nothing like the engine.

The tables are those of the trade (20-39, 40-59, 60 and more minutes of staff; 60, 90 complex; 30, 60 of the practitioner).
"""

from datetime import datetime, timedelta

from tests.e2e.scripted_month import Patient

STAFF = (
    (60, {"99490": 1, "99439": 2}),
    (40, {"99490": 1, "99439": 1}),
    (20, {"99490": 1}),
)
COMPLEX = ((90, {"99487": 1, "99489": 1}), (60, {"99487": 1}))
PRACTITIONER = ((60, {"99491": 1, "99437": 1}), (30, {"99491": 1}))
BY_LANE = {"clinical_staff": STAFF, "complex": COMPLEX, "practitioner": PRACTITIONER}


def expected_charges(patient: Patient) -> dict[str, int]:
    """Return units by code; empty if the month carries nothing."""
    if patient.consented_at is None or len(patient.chronic) < 2:
        return {}
    return _earned(patient, patient.consented_at)


def why_not(patient: Patient) -> str | None:
    """Return what stands in the way of a charge; too little time outweighs all but a missing consent (R31)."""
    if expected_charges(patient):
        return None
    if patient.consented_at is not None and not _earned(patient, patient.consented_at):
        return "deny"
    return "hold"


def _earned(patient: Patient, since: datetime) -> dict[str, int]:
    worked = sum((timedelta(seconds=one.seconds) for one in patient.done if one.start >= since), timedelta())
    whole_minutes = worked // timedelta(minutes=1)
    return next((units for minutes, units in BY_LANE[patient.case.lane] if whole_minutes >= minutes), {})
