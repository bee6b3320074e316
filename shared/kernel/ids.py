"""Identifiers: UUIDv7 (RFC 9562), whose order is the order of their making, and UUIDv5 for what must repeat itself."""

import secrets
from datetime import datetime
from uuid import UUID


def uuid7(at: datetime) -> UUID:
    """Make a UUIDv7 for the instant `at` (aware); two calls never give the same id, even for one instant."""
    milliseconds = int(at.timestamp() * 1000) & ((1 << 48) - 1)
    rand_a = secrets.randbits(12)
    rand_b = secrets.randbits(62)
    return UUID(int=(milliseconds << 80) | (0x7 << 76) | (rand_a << 64) | (0b10 << 62) | rand_b)
