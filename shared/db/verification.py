"""Is the sealed log what was sealed? Recomputes every leaf, root and seal of a tenant, and compares with its checkpoints.

What a database alone can show is shown first (an entry whose leaf is another, a seal that does not follow); who rewrites the
database as a whole, hashes and seals included, is met by the checkpoints, which say of each entry with what its leaf began.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from uuid import UUID

import asyncpg

from shared.db.checkpoints import LEAF_BYTES, Checkpoint
from shared.db.leaves import NO_SEAL, leaf_of, merkle_root, seal_of

_CHUNK = 2000
_ALIKE, _SHIFTS = 8, 64
_NAMED = 20
"""So many entries are named for one kind of fault in one place; the rest is counted."""

_SEALS = "SELECT number, first, last, root, seal FROM journal_seal WHERE tenant_id = $1 ORDER BY number"
_ENTRIES = """
    SELECT s.entry, s.leaf AS sealed_leaf, s.id AS sealed_id, j.* FROM journal_sealed s LEFT JOIN journal j USING (tenant_id, id)
     WHERE s.tenant_id = $1 ORDER BY s.entry
"""
_STRAY = """
    SELECT j.id, j.at, j.action FROM journal j WHERE j.tenant_id = $1
       AND NOT EXISTS (SELECT FROM journal_sealed s WHERE s.tenant_id = j.tenant_id AND s.id = j.id)
       AND NOT EXISTS (SELECT FROM journal_unsealed u WHERE u.tenant_id = j.tenant_id AND u.id = j.id) ORDER BY j.id
"""
_GONE = """
    SELECT u.id FROM journal_unsealed u WHERE u.tenant_id = $1
       AND NOT EXISTS (SELECT FROM journal j WHERE j.tenant_id = u.tenant_id AND j.id = u.id) ORDER BY u.id
"""
_TENANTS = """SELECT DISTINCT tenant_id FROM journal UNION SELECT DISTINCT tenant_id FROM journal_seal
              UNION SELECT DISTINCT tenant_id FROM journal_sealed"""


@dataclass(frozen=True)
class Fault:
    """One thing that is not as it was sealed: `kind` is edited, deleted, inserted, reordered, truncated or seal.

    `entry` is its number in the log, where it has one, `id` that of its journal row.
    """

    kind: str
    text: str
    entry: int | None = None
    id: UUID | None = None


@dataclass
class Verified:
    """What was found of one tenant's log: how many entries were sealed, up to which a checkpoint covers them, and the faults."""

    tenant_id: UUID
    entries: int = 0
    covered: int = 0
    waiting: int = 0
    faults: list[Fault] = field(default_factory=list)


async def tenants_of(driver: "asyncpg.Connection[Any]") -> set[UUID]:
    """Return the tenants of which the database knows a log."""
    return {row[0] for row in await driver.fetch(_TENANTS)}


async def verify_log(driver: "asyncpg.Connection[Any]", tenant_id: UUID, checkpoints: Iterable[Checkpoint]) -> Verified:
    """Verify one tenant's log within the transaction of `driver`, which should see one snapshot (repeatable read)."""
    found = Verified(tenant_id)
    seals = [dict(row) for row in await driver.fetch(_SEALS, tenant_id)]
    leaves = await _verify_entries(driver, found, seals)
    _verify_checkpoints(found, list(checkpoints), seals, leaves)
    stray = [dict(row) for row in await driver.fetch(_STRAY, tenant_id)]
    _name(found, "inserted", stray, lambda row: f"row {row['id']} ({row['action']}) is in the journal and was never sealed")
    gone = [dict(row) for row in await driver.fetch(_GONE, tenant_id)]
    _name(found, "deleted", gone, lambda row: f"row {row['id']} was deleted before it was sealed")
    found.waiting = await driver.fetchval("SELECT count(*) FROM journal_unsealed WHERE tenant_id = $1", tenant_id)
    return found


async def _verify_entries(driver: "asyncpg.Connection[Any]", found: Verified, seals: Sequence[Mapping[str, Any]]) -> bytearray:
    """Recompute the log, seal by seal; return the first bytes of each leaf as it ought to be, entry after entry."""
    prefixes, before, number, last = bytearray(), NO_SEAL, 0, 0
    pending = iter(seals)
    seal = next(pending, None)
    batch: list[bytes] = []
    async for row in _rows(driver, found.tenant_id):
        entry = row["entry"]
        if entry != last + 1:
            _missing(found, last + 1, entry - 1)
            prefixes += bytes(LEAF_BYTES * (entry - last - 1))
        while seal is not None and entry > seal["last"]:
            before, number = _check_seal(found, seal, batch, before, number), seal["number"]
            seal, batch = next(pending, None), []
        leaf = _check_row(found, row)
        prefixes += leaf[:LEAF_BYTES]
        if seal is None:
            found.faults.append(Fault("inserted", f"entry {entry} is numbered and no seal covers it", entry, row["sealed_id"]))
        batch.append(leaf)
        last = entry
    while seal is not None:
        if last < seal["last"]:
            _missing(found, max(last + 1, seal["first"]), seal["last"])
            last = seal["last"]
        before, number = _check_seal(found, seal, batch, before, number), seal["number"]
        seal, batch = next(pending, None), []
    found.entries = last
    return prefixes


async def _rows(driver: "asyncpg.Connection[Any]", tenant_id: UUID) -> AsyncIterator[Mapping[str, Any]]:
    cursor = await driver.cursor(_ENTRIES, tenant_id)
    while rows := await cursor.fetch(_CHUNK):
        for row in rows:
            yield row


def _missing(found: Verified, first: int, last: int) -> None:
    for entry in islice(range(first, last + 1), _NAMED):
        found.faults.append(Fault("deleted", f"entry {entry} is gone from the log", entry))
    if last - first >= _NAMED:
        found.faults.append(Fault("deleted", f"entries {first + _NAMED} to {last} are gone from the log too", first + _NAMED))


def _check_row(found: Verified, row: Mapping[str, Any]) -> bytes:
    """Return the leaf of the journal row as it is now; where there is none, the one that was sealed."""
    entry, ident, sealed = row["entry"], row["sealed_id"], bytes(row["sealed_leaf"])
    if row["at"] is None:
        found.faults.append(Fault("deleted", f"entry {entry}, row {ident}, was deleted from the journal", entry, ident))
        return sealed
    leaf = leaf_of({name: value for name, value in row.items() if name not in ("entry", "sealed_leaf", "sealed_id")})
    if leaf != sealed:
        found.faults.append(Fault("edited", f"entry {entry}, row {ident}, is not what was sealed", entry, ident))
        return sealed
    return leaf


def _check_seal(found: Verified, seal: Mapping[str, Any], leaves: Sequence[bytes], before: bytes, number: int) -> bytes:
    """Compare a seal with the leaves that it covers and the seal before it; return the seal as it stands."""
    name = f"seal {seal['number']} over entries {seal['first']} to {seal['last']}"
    if seal["number"] != number + 1:
        found.faults.append(Fault("seal", f"{name} does not follow seal {number}: seals are missing", seal["first"]))
    whole = len(leaves) == seal["last"] - seal["first"] + 1
    if whole and merkle_root(leaves) != seal["root"]:
        found.faults.append(Fault("reordered", f"{name}: other entries, or in another order, than was sealed", seal["first"]))
    elif seal_of(before, seal["root"], first=seal["first"], last=seal["last"]) != seal["seal"]:
        found.faults.append(Fault("seal", f"{name} does not continue the seal before it", seal["first"]))
    return bytes(seal["seal"])


def _verify_checkpoints(
    found: Verified, checkpoints: Sequence[Checkpoint], seals: Sequence[Mapping[str, Any]], prefixes: bytearray
) -> None:
    by_number = {seal["number"]: seal for seal in seals}
    for checkpoint in checkpoints:
        found.covered = max(found.covered, checkpoint.last)
        seal = by_number.get(checkpoint.seal_number)
        told = f"checkpoint {checkpoint.number} of {checkpoint.signed_at:%Y-%m-%d %H:%M:%S} UTC"
        if checkpoint.last > found.entries:
            first = max(found.entries + 1, checkpoint.first)
            text = f"entries {first} to {checkpoint.last}, which {told} covers, are cut off the end of the log"
            found.faults.append(Fault("truncated", text, first))
        ours = bytes(prefixes[(checkpoint.first - 1) * LEAF_BYTES : checkpoint.last * LEAF_BYTES])
        if ours != checkpoint.leaves[: len(ours)]:
            _name_changed(found, checkpoint, prefixes, told)
            return  # what was inserted or deleted here has moved all that follows
        if checkpoint.last <= found.entries and (
            seal is None or seal["seal"] != checkpoint.seal or seal["last"] != checkpoint.last
        ):
            found.faults.append(Fault("seal", f"{told} was signed over another seal {checkpoint.seal_number}", checkpoint.last))


def _name_changed(found: Verified, checkpoint: Checkpoint, prefixes: bytearray, told: str) -> None:
    """Name the entries that are not what a checkpoint says."""
    actual = _split(prefixes[(checkpoint.first - 1) * LEAF_BYTES :])
    changes = _changes(_split(checkpoint.leaves), actual)
    for kind, place in changes[:_NAMED]:
        entry = checkpoint.first + place
        found.faults.append(Fault(kind, f"entry {entry} was {kind} after {told} was signed", entry))
    if len(changes) > _NAMED:
        entry = checkpoint.first + changes[_NAMED][1]
        found.faults.append(Fault(changes[0][0], f"and {len(changes) - _NAMED} entries more, by {told}", entry))


def _changes(expected: Sequence[bytes], actual: Sequence[bytes]) -> list[tuple[str, int]]:
    """Return what happened to `expected`, of which `actual` and what follows it was made: kinds and places."""
    place = next(n for n, (one, other) in enumerate(zip(expected, actual, strict=False)) if one != other)
    before, after = expected[place : place + _ALIKE], actual[place : place + _ALIKE]
    for shift in range(1, _SHIFTS):
        if actual[place + shift : place + shift + len(before)] == before:
            return [("inserted", place + n) for n in range(shift)]
        if expected[place + shift : place + shift + len(after)] == after:
            return [("deleted", place + n) for n in range(shift)]
    kind = "reordered" if set(expected) == set(actual[: len(expected)]) else "edited"
    return [(kind, n) for n, (one, other) in enumerate(zip(expected, actual, strict=False)) if one != other]


def _split(leaves: bytes | bytearray) -> list[bytes]:
    return [bytes(leaves[at : at + LEAF_BYTES]) for at in range(0, len(leaves), LEAF_BYTES)]


def _name(found: Verified, kind: str, rows: Sequence[Mapping[str, Any]], text: Any) -> None:
    found.faults += [Fault(kind, text(row), None, row["id"]) for row in rows[:_NAMED]]
    if len(rows) > _NAMED:
        found.faults.append(Fault(kind, f"and {len(rows) - _NAMED} rows more"))
