"""The writer of requests: groups, folds, and what happens while nothing can be written."""

import asyncio

import pytest

from shared.db.audit_writer import AuditUnwritten
from tests.fakes.world import tenant_id
from tests.integration.audit.sealed import TENANT, SealedLog, entry_of

pytestmark = pytest.mark.requirement("issue-11.3")


async def test_each_practices_rows_are_its_own(log: SealedLog) -> None:
    """Many at once for two practices: row-level security lets each row into its own practice only."""
    south = tenant_id("south")
    entries = [entry_of(n) if n % 2 else entry_of(n, tenant_id=south, tenant="south") for n in range(600)]
    await asyncio.gather(*(log.writer.write(entry) for entry in entries))
    found = log.rows("SELECT tenant, tenant_id, count(*) AS n, count(recorded_at) AS t FROM journal GROUP BY 1, 2 ORDER BY 1")
    assert [(row["tenant"], row["tenant_id"], row["n"], row["t"]) for row in found] == [
        ("north", TENANT, 300, 300),
        ("south", south, 300, 300),
    ]
    assert log.rows("SELECT count(*) AS n FROM journal_unsealed")[0]["n"] == 600


async def test_a_flood_is_one_row_and_its_number(log: SealedLog) -> None:
    refused = entry_of(1, action="denied", status=401, rule="login", client="unknown", actor="unknown")
    for _ in range(250):
        await log.writer.deny(refused)
    await log.writer.deny(entry_of(1, action="denied", status=403, rule="forbidden"))
    await log.writer.close()
    rows = log.rows("SELECT data, sum(times)::int AS n, count(*) AS rows FROM journal GROUP BY 1 ORDER BY 1")
    assert [(row["data"], row["n"]) for row in rows] == [('{"rule": "forbidden"}', 1), ('{"rule": "login"}', 250)]
    assert rows[1]["rows"] < 20


async def test_what_cannot_be_written_is_told_and_counts_are_kept(log: SealedLog) -> None:
    refused = entry_of(1, action="denied", status=401, rule="login")
    for _ in range(5):
        await log.writer.deny(refused)
    log.meddle("REVOKE INSERT ON journal FROM consent_app")
    with pytest.raises(AuditUnwritten):
        await log.writer.write(entry_of(2))
    with pytest.raises(AuditUnwritten):
        await log.writer.deny(entry_of(3, action="denied", status=403, rule="forbidden"))
    log.meddle("GRANT INSERT ON journal TO consent_app")
    await log.writer.write(entry_of(4))
    await log.writer.close()
    (row,) = log.rows("SELECT sum(times)::int AS n FROM journal WHERE action = 'denied'")
    assert row["n"] == 5


async def test_a_lost_connection_loses_no_record(log: SealedLog) -> None:
    await log.writer.write(entry_of(1))
    log.meddle("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'consent_app'")
    await asyncio.gather(*(log.writer.write(entry_of(n)) for n in range(2, 12)))
    assert log.rows("SELECT count(*) AS n, count(DISTINCT request) AS d FROM journal") == [{"n": 11, "d": 11}]
