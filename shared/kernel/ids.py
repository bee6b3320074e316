"""Identifiers: UUIDv7 (RFC 9562), whose order is the order of their making, and UUIDv5 for what must repeat itself."""

import secrets
from datetime import datetime
from uuid import UUID

_LOW_62 = (1 << 62) - 1


def uuid7(at: datetime) -> UUID:
    """Make a UUIDv7 for the instant `at` (aware); two calls never give the same id, even for one instant."""
    milliseconds = int(at.timestamp() * 1000) & ((1 << 48) - 1)
    drawn = secrets.randbits(74)
    return UUID(int=(milliseconds << 80) | (0x7 << 76) | (drawn >> 62 << 64) | (0b10 << 62) | (drawn & _LOW_62))
