"""Decisions of payers on claim lines as rows, and their sums by month of service."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection

from services.billing.adapters.journaling import plain_record
from services.billing.adapters.tables import JOURNAL, REMITTANCE
from services.billing.domain.charge import ChargeItem
from services.billing.domain.remittance import RemittanceLine
from services.billing.usecases.records import Author
from services.billing.usecases.remittance_ports import DeniedLines, RemitTally
from shared.db.journal import journalled, record_values
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.errors import Conflict

_ADD = journalled(
    sa.text("""
    INSERT INTO remittance (tenant_id, charge_id, payer, decided_on, patient, month, claim, paid, allowed, patient_share,
                            carc, rarc, rules, received_at)
    SELECT CAST(:tenant_id AS uuid), r.charge_id, r.payer, r.decided_on, r.patient, r.month, r.claim, r.paid, r.allowed,
           r.patient_share, string_to_array(r.carc, ' '), string_to_array(r.rarc, ' '),
           CASE WHEN r.paid = 0 THEN ARRAY(
               SELECT DISTINCT f ->> 'rule' FROM assembly AS a, jsonb_array_elements(a.data::jsonb -> 'findings') AS f
                WHERE a.tenant_id = CAST(:tenant_id AS uuid) AND a.month = r.month AND a.patient = r.patient
                  AND a.version = r.assembly_version ORDER BY 1) ELSE '{}' END,
           CAST(:received_at AS timestamptz)
      FROM unnest(CAST(:charge_id AS uuid[]), CAST(:payer AS text[]), CAST(:decided_on AS date[]), CAST(:patient AS text[]),
                  CAST(:month AS date[]), CAST(:claim AS text[]), CAST(:paid AS numeric[]), CAST(:allowed AS numeric[]),
                  CAST(:patient_share AS numeric[]), CAST(:carc AS text[]), CAST(:rarc AS text[]),
                  CAST(:assembly_version AS integer[]))
        AS r (charge_id, payer, decided_on, patient, month, claim, paid, allowed, patient_share, carc, rarc, assembly_version)
    ON CONFLICT DO NOTHING RETURNING charge_id""").columns(sa.column("charge_id")),
    JOURNAL,
    publish=False,
)
# Of each payer the last decision stands; what several payers say of one line is added, the patient owes what is left at last.
_LINES = """
    WITH standing AS (
        SELECT DISTINCT ON (r.charge_id, r.payer) r.* FROM remittance AS r
         WHERE r.tenant_id = :tenant_id AND r.month = ANY(CAST(:months AS date[]))
         ORDER BY r.charge_id, r.payer, r.decided_on DESC),
    line AS (
        SELECT s.charge_id, s.month, sum(s.paid) AS paid, max(s.allowed) AS allowed, min(s.patient_share) AS patient_share,
               max(s.decided_on) FILTER (WHERE s.paid > 0) AS paid_on,
               sum(s.paid) = 0 AND bool_or(EXISTS (
                   SELECT 1 FROM unnest(s.carc) AS c WHERE split_part(c, '-', -1) <> ALL(CAST(:not_denials AS text[])))) AS denied
          FROM standing AS s
         WHERE (:practitioner = '' OR EXISTS (SELECT 1 FROM charge AS c WHERE c.tenant_id = :tenant_id AND c.id = s.charge_id
                                                AND c.practitioner = :practitioner))
           AND (:payer = '' OR EXISTS (SELECT 1 FROM overview AS o WHERE o.tenant_id = :tenant_id AND o.month = s.month
                                        AND o.patient = s.patient AND o.payer = :payer))
         GROUP BY s.charge_id, s.month)
"""
_TALLY = sa.text(f"""{_LINES}
    SELECT month, count(*) AS lines, count(*) FILTER (WHERE denied) AS denied, sum(paid) AS paid,
           coalesce(sum(allowed), 0) AS allowed, coalesce(sum(patient_share), 0) AS patient_share,
           count(allowed) AS told_allowed, count(patient_share) AS told_share,
           avg(paid_on - CAST(month + interval '1 month' AS date) + 1) AS payment_days
      FROM line GROUP BY month ORDER BY month""")  # noqa: S608
_DENIED = sa.text(f"""{_LINES}
    SELECT s.carc, s.rarc, s.rules, count(*) AS lines FROM line AS l
      JOIN LATERAL (SELECT * FROM standing AS s WHERE s.charge_id = l.charge_id ORDER BY s.decided_on LIMIT 1) AS s ON true
     WHERE l.denied GROUP BY 1, 2, 3""")  # noqa: S608


class RemittanceRepository:
    """The remittances of one tenant in an open transaction; fills `usecases.remittance_ports.RemittanceStore`."""

    def __init__(self, connection: AsyncConnection, tenant_id: UUID, tenant: str) -> None:
        self._connection = connection
        self._tenant_id = tenant_id
        self._tenant = tenant

    async def known(self, charges: Sequence[UUID]) -> dict[tuple[UUID, str, date], RemittanceLine]:
        """Return what is stored of some charges."""
        r = REMITTANCE.c
        query = sa.select(REMITTANCE).where(
            r.tenant_id == self._tenant_id, r.charge_id == sa.any_(sa.bindparam("which", list(charges), pg.ARRAY(pg.UUID)))
        )
        return {(row.charge_id, row.payer, row.decided_on): _line_of(row) for row in await self._connection.execute(query)}

    async def add(self, lines: Sequence[tuple[RemittanceLine, ChargeItem]], author: Author, at: datetime, *, source: str) -> None:
        """Store decisions and one journal row in one statement."""
        patients = tuple(sorted({charge.patient for _, charge in lines}))
        record = plain_record(at, author, "remittance.recorded", patients, source, 1)
        rows = [line for line, _ in lines]
        values: dict[str, Any] = {
            "tenant_id": self._tenant_id,
            "received_at": at,
            "charge_id": [line.charge for line in rows],
            "patient": [charge.patient for _, charge in lines],
            "month": [date.fromisoformat(f"{charge.month}-01") for _, charge in lines],
            "assembly_version": [charge.assembly_version for _, charge in lines],
            "carc": [" ".join(line.carc) for line in rows],
            "rarc": [" ".join(line.rarc) for line in rows],
        }
        values |= {
            name: [getattr(line, name) for line in rows]
            for name in ("payer", "decided_on", "claim", "paid", "allowed", "patient_share")
        }
        stored = await self._connection.execute(_ADD, values | record_values(self._tenant_id, self._tenant, record))
        if stored.scalar_one() != len(lines):
            raise Conflict("somebody else has just stored one of these decisions: import the file again")

    async def tally(
        self, months: Sequence[CalendarMonth], *, practitioner: str, payer: str, not_denials: Sequence[str]
    ) -> list[RemitTally]:
        """Return the sums by month."""
        rows = await self._connection.execute(_TALLY, self._values(months, practitioner, payer, not_denials))
        return [
            RemitTally(**{**row._mapping, "payment_days": None if row.payment_days is None else float(row.payment_days)})
            for row in rows
        ]

    async def denied(
        self, months: Sequence[CalendarMonth], *, practitioner: str, payer: str, not_denials: Sequence[str]
    ) -> list[DeniedLines]:
        """Return the denied lines by their codes."""
        rows = await self._connection.execute(_DENIED, self._values(months, practitioner, payer, not_denials))
        return [
            DeniedLines(carc=tuple(row.carc), rarc=tuple(row.rarc), rules=frozenset(row.rules), lines=row.lines) for row in rows
        ]

    def _values(
        self, months: Sequence[CalendarMonth], practitioner: str, payer: str, not_denials: Sequence[str]
    ) -> dict[str, Any]:
        return {
            "tenant_id": self._tenant_id,
            "months": [month.first_day for month in months],
            "practitioner": practitioner,
            "payer": payer,
            "not_denials": list(not_denials),
        }


def _line_of(row: Any) -> RemittanceLine:
    return RemittanceLine(
        number=0,
        charge=row.charge_id,
        payer=row.payer,
        decided_on=row.decided_on,
        claim=row.claim,
        paid=row.paid,
        allowed=row.allowed,
        patient_share=row.patient_share,
        carc=tuple(row.carc),
        rarc=tuple(row.rarc),
    )
