"""The hashes of the sealed log (integration.md 7): leaf, Merkle root and seal, each with a prefix of its own.

leaf = SHA-256(0x00 ‖ canonical row); node = SHA-256(0x02 ‖ left ‖ right); seal n = SHA-256(0x01 ‖ seal n-1 ‖ root ‖ count ‖
first ‖ last), the numbers as 8 bytes, big end first; the seal before the first is 32 zero bytes.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

NO_SEAL = bytes(32)


def canonical_row(row: Mapping[str, Any]) -> bytes:
    """Write a journal row as the same bytes for ever: its columns by name, without those that are null, instants in UTC.

    A column that a later release adds is null in the rows of today, so that their hashes stay.
    """
    values = {name: _plain(value) for name, value in row.items() if value is not None}
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, list | tuple):
        return [str(one) for one in value]
    return value if isinstance(value, int) else str(value)


def leaf_of(row: Mapping[str, Any]) -> bytes:
    """Return the leaf hash of a journal row (all its columns)."""
    return sha256(b"\x00" + canonical_row(row)).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over one or more leaves; the odd one out goes up as it is."""
    level = list(leaves)
    while len(level) > 1:
        pairs = [sha256(b"\x02" + level[n] + level[n + 1]).digest() for n in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) - len(level) % 2 :]
    return level[0]


def seal_of(before: bytes, root: bytes, *, first: int, last: int) -> bytes:
    """Return the seal of the entries `first` to `last`, on top of the seal `before`."""
    numbers = b"".join(number.to_bytes(8, "big") for number in (last - first + 1, first, last))
    return sha256(b"\x01" + before + root + numbers).digest()
