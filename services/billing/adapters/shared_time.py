"""One performer at two patients at once (R29): refused at capture, but imports may bring it all the same."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from services.billing.domain.ledger import Busy

_LIVE = """
    SELECT e.performer, e.patient, e.aggregate, e.version, e.recorded_at, e.from_at, e.until_at
      FROM ledger_entry AS e
     WHERE e.tenant_id = :tenant_id AND e.performer IS NOT NULL AND e.until_at IS NOT NULL
       AND e.from_at < :month_end AND e.until_at > :month_start
       AND NOT EXISTS (SELECT 1 FROM ledger_entry AS n
            WHERE n.tenant_id = e.tenant_id AND n.aggregate = e.aggregate AND n.version > e.version)
"""
# A performer who overlaps with themselves starts something before the furthest end so far.
_WHO = f"""
    SELECT DISTINCT performer FROM (
        SELECT performer, from_at, max(until_at) OVER (PARTITION BY performer ORDER BY from_at, until_at, aggregate
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached
          FROM ({_LIVE}) AS live) AS swept
     WHERE reached > from_at
"""  # noqa: S608
OVERLAPPING = sa.text(
    f"SELECT * FROM ({_LIVE}) AS live WHERE performer IN ({_WHO}) ORDER BY performer, from_at, until_at, aggregate"  # noqa: S608
)


def busy_by_patient(rows: Sequence[Any]) -> dict[str, tuple[Busy, ...]]:
    """Return, by patient, the stretches in which a performer's time for that patient meets their time for another.

    `rows` are those of OVERLAPPING, which asks for tenant_id, month_start and month_end.
    """
    found: dict[str, list[Busy]] = {}
    for place, row in enumerate(rows):
        for other in rows[place + 1 :]:
            if other.performer != row.performer or other.from_at >= row.until_at:
                break
            if other.patient == row.patient:
                continue
            for mine, theirs in ((row, other), (other, row)):
                meeting = Busy(
                    source=f"{theirs.aggregate}@{theirs.version}",
                    recorded_at=theirs.recorded_at,
                    performer=theirs.performer,
                    start=theirs.from_at,
                    end=theirs.until_at,
                )
                found.setdefault(mine.patient, []).append(meeting)
    return {patient: tuple(stretches) for patient, stretches in found.items()}
