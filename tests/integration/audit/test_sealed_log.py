"""Whoever edits, deletes, inserts, reorders or truncates what is sealed is found, and the entry is named."""

import asyncio
import random
from collections.abc import Callable
from uuid import UUID

import pytest

from shared.db.sealing import Sealer
from tests.integration.audit.sealed import TENANT, SealedLog, entry_of

pytestmark = [pytest.mark.requirement("issue-11.3"), pytest.mark.requirement("standards-31")]

_PLACES = random.Random("places")


async def test_what_nobody_touched_is_whole(log: SealedLog) -> None:
    await log.add(7, batches=5)
    await log.add(1)

    found = await log.verify()
    assert (found.faults, found.entries, found.covered, found.waiting) == ([], 36, 36, 0)
    assert len(log.files) == 2
    mentions = log.rows("SELECT patient, count(*) AS n FROM journal_patient GROUP BY 1 ORDER BY 1")
    assert [row["n"] for row in mentions] == [11, 10, 5, 5, 5]


def _edit(log: SealedLog, entry: int) -> None:
    log.meddle(f"UPDATE journal SET actor = 'somebody else' WHERE id = (SELECT id FROM journal_sealed WHERE entry = {entry})")


def _delete(log: SealedLog, entry: int) -> None:
    log.meddle(f"DELETE FROM journal WHERE id = (SELECT id FROM journal_sealed WHERE entry = {entry})")


def _delete_both(log: SealedLog, entry: int) -> None:
    _delete(log, entry)
    log.meddle(f"DELETE FROM journal_sealed WHERE entry = {entry}")


def _insert(log: SealedLog, entry: int) -> None:
    log.meddle(
        "CREATE TEMP TABLE forged AS SELECT * FROM journal WHERE id = (SELECT id FROM journal_sealed"
        f" WHERE entry = {entry}); UPDATE forged SET id = 'ffffffff-0000-7000-8000-000000000001';"
        "INSERT INTO journal SELECT * FROM forged"
    )


def _reorder(log: SealedLog, entry: int) -> None:
    other = entry + 1 if entry % 10 else entry - 1  # within one batch
    log.meddle(
        f"UPDATE journal_sealed SET entry = -1 WHERE entry = {entry};"
        f"UPDATE journal_sealed SET entry = {entry} WHERE entry = {other};"
        f"UPDATE journal_sealed SET entry = {other} WHERE entry = -1"
    )


_MUTANTS: dict[str, tuple[Callable[[SealedLog, int], None], str]] = {
    "edit": (_edit, "edited"),
    "delete": (_delete, "deleted"),
    "delete with its number": (_delete_both, "deleted"),
    "insert": (_insert, "inserted"),
    "reorder": (_reorder, "reordered"),
}


@pytest.mark.parametrize("name", list(_MUTANTS))
async def test_the_database_alone_shows_each_mutant(log: SealedLog, name: str) -> None:
    mutate, kind = _MUTANTS[name]
    await log.add(10, batches=4, sign=False)
    place = _PLACES.randint(1, 40)
    mutate(log, place)

    faults = (await log.verify(folder=False)).faults
    assert kind in {fault.kind for fault in faults}, (place, faults)
    if name == "insert":
        assert "ffffffff-0000-7000-8000-000000000001" in faults[0].text
    elif name == "reorder":
        assert f"over entries {(place - 1) // 10 * 10 + 1} to" in faults[0].text
    else:
        assert [fault.entry for fault in faults if fault.kind == kind] == [place]


@pytest.mark.parametrize("name", ["edit", "reorder", "delete", "insert"])
async def test_a_log_that_was_sealed_anew_is_met_by_its_checkpoint(log: SealedLog, name: str) -> None:
    """An administrator with the source code rewrites every hash: by the database alone nothing is wrong."""
    await log.add(10, batches=4)
    place = _PLACES.randint(2, 39)
    if name == "delete":
        _delete_both(log, place)
        log.meddle(
            f"UPDATE journal_sealed SET entry = -entry WHERE entry > {place}; UPDATE journal_sealed SET entry = -entry - 1"
            " WHERE entry < 0; UPDATE journal_seal SET last = 39 WHERE last = 40"
        )
        log.meddle("UPDATE journal_seal SET first = first, last = last")
    elif name == "insert":
        _insert(log, place)
        log.meddle(
            f"UPDATE journal_sealed SET entry = -entry WHERE entry >= {place};"
            " UPDATE journal_sealed SET entry = 1 - entry WHERE entry < 0;"
            f" INSERT INTO journal_sealed SELECT tenant_id, {place}, 'ffffffff-0000-7000-8000-000000000001', leaf FROM"
            " journal_sealed WHERE entry = 1; UPDATE journal_seal SET last = 41 WHERE last = 40"
        )
    else:
        _MUTANTS[name][0](log, place)
    log.seal_anew()
    assert (await log.verify(folder=False)).faults == []

    faults = (await log.verify()).faults
    kinds = {"edit": "edited", "reorder": "reordered", "delete": "deleted", "insert": "inserted"}
    named = [fault.entry for fault in faults if fault.kind == kinds[name]]
    assert place in named and len(named) <= 2, faults


async def test_a_log_cut_off_at_its_end_is_missed(log: SealedLog) -> None:
    await log.add(10, batches=3)
    await log.add(10, batches=1)
    log.meddle(
        "DELETE FROM journal WHERE id IN (SELECT id FROM journal_sealed WHERE entry > 20)",
        "DELETE FROM journal_sealed WHERE entry > 20",
        "DELETE FROM journal_seal WHERE last > 20",
        "DELETE FROM journal_checkpoint",
    )
    assert (await log.verify(folder=False)).faults == []

    faults = (await log.verify()).faults
    assert [(fault.kind, fault.entry) for fault in faults] == [("truncated", 21), ("truncated", 31)]
    assert "checkpoint 1" in faults[0].text and "21 to 30" in faults[0].text

    log.meddle("TRUNCATE journal, journal_sealed, journal_seal, journal_unsealed")
    assert (await log.verify()).faults[0].entry == 1


async def test_the_sealer_does_not_sign_what_does_not_continue(log: SealedLog) -> None:
    await log.add(10, batches=2)
    _edit(log, 5)
    log.seal_anew()
    await log.add(10)
    assert len(log.files) == 1


async def test_checkpoints_cannot_be_forged_swapped_or_left_out(log: SealedLog) -> None:
    for _ in range(3):
        await log.add(2)
    first, second, third = log.files
    kept = second.read_bytes()

    second.write_bytes(kept[:-8] + b"AAAAAAAA")
    assert {fault.kind for fault in (await log.verify()).faults} == {"checkpoint"}
    second.write_bytes(third.read_bytes())
    assert "another checkpoint" in (await log.verify()).faults[0].text
    second.unlink()
    assert "missing" in (await log.verify()).faults[0].text
    second.write_bytes(kept)
    assert (await log.verify()).faults == []
    assert first.name == "0000000001.jws"


async def test_a_row_deleted_before_it_was_sealed_is_named(log: SealedLog) -> None:
    await log.add(3)
    ident = "00000000-0000-7000-8000-00000000dead"
    log.meddle(f"INSERT INTO journal_unsealed SELECT tenant_id, '{ident}' FROM journal_seal")
    assert await log.sealer.round() == 0
    (fault,) = (await log.verify()).faults
    assert (fault.kind, str(fault.id)) == ("deleted", ident)


async def test_rows_of_the_release_before_are_sealed_too(log: SealedLog) -> None:
    await log.add(2)
    log.meddle(
        "INSERT INTO journal (tenant_id, id, tenant, at, actor, client, request, action, patients, aggregate, version)"
        " SELECT tenant_id, 'ffffffff-0000-7000-8000-00000000000a', tenant, now(), 'x', 'x', 'x', 'consent.granted',"
        " '{p-9}', 'x', 1"
        " FROM journal LIMIT 1"
    )
    log.sealer.look_back()
    assert await log.sealer.round() == 1
    found = await log.verify()
    assert (found.faults, found.entries) == ([], 3)
    assert log.rows("SELECT patient FROM journal_patient WHERE patient = 'p-9'")


async def test_many_sealers_make_one_chain(log: SealedLog) -> None:
    sealers = [Sealer("consent", log.worker) for _ in range(2)]
    for _ in range(5):
        await asyncio.gather(
            *(log.writer.write(entry_of(number)) for number in range(40)), *(sealer.round() for sealer in sealers)
        )
    await log.sealer.round()
    found = await log.verify()
    assert (found.faults, found.entries, found.waiting) == ([], 200, 0)


async def test_a_closed_month_has_its_checkpoint_and_an_hour_its_own(log: SealedLog) -> None:
    await log.add(2)
    await log.add(1, sign=False)
    log.folder.ask(UUID(int=7))  # has the folder look now
    await log.folder.sign_if_due(log.worker, log.sealer.tenants)
    assert len(log.files) == 1, "the hour is not over"

    log.meddle(f"INSERT INTO registry VALUES ('month', '{TENANT}/2026-10', 1, '{{}}')")
    log.folder.ask(UUID(int=7))
    await log.folder.sign_if_due(log.worker, log.sealer.tenants)
    assert len(log.files) == 2
    assert (await log.verify()).covered == 3


async def test_the_journal_row_of_a_close_asks_for_the_checkpoint(log: SealedLog) -> None:
    await log.add(2)
    log.sealer.checkpoints = log.folder
    closed = "ffffffff-0000-7000-8000-00000000000b"
    log.meddle(
        f"CREATE TEMP TABLE told AS SELECT * FROM journal LIMIT 1; UPDATE told SET id = '{closed}', status = NULL,"
        " event_type = 'ccm.month.closed.v1'; INSERT INTO journal SELECT * FROM told;"
        " INSERT INTO journal_unsealed SELECT tenant_id, id FROM told"
    )
    assert await log.sealer.round() == 1
    assert len(log.files) == 2
