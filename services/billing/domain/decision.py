"""A decision that repeats itself: canonical bytes of an Assembly, and the hash of what it stands on."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from zoneinfo import ZoneInfo

from services.billing.domain.findings import Assembly
from services.billing.domain.ledger import Fact, Ledger
from shared.kernel.calendar_month import CalendarMonth

ENGINE_VERSION = "3"
"""Changes whenever the same facts and the same rule book may give another answer."""

_NOT_CONTENT = {"digest", "memo"}


def assembly_bytes(assembly: Assembly) -> bytes:
    """Return the Assembly as canonical JSON: keys sorted, no spaces, UTF-8; equal Assemblies give equal bytes."""
    return _canonical(assembly)


def decision_hash(ledger: Ledger, rule_book_hash: str, *, as_of: date | None = None, staff_days: Iterable[str] = ()) -> str:
    """Return the SHA-256 of the facts used, the rule book, the engine's version and the day on which it was looked at.

    A fact enters by its source (which names its version) and the hash of its content: the ledger's own digest where it keeps
    one, else computed here. The order of arrival does not matter. `as_of` is `looked_at`: while a month runs, the same facts
    mean something else each day (what is still to be worked, the date of service), and once it is over nothing more.
    `staff_days` are those of `full_days`: what is known of the performers' time for other patients.
    """
    lines = sorted(f"{fact.source} {fact.digest or fact_digest(fact)}" for fact in _facts(ledger))
    closed = ledger.practice.closed_at
    lines += [f"closed {closed.isoformat() if closed else '-'}", f"rule-book {rule_book_hash}", f"engine {ENGINE_VERSION}"]
    lines.append(f"as-of {as_of or '-'}")
    lines += staff_days
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def looked_at(month: CalendarMonth, ledger: Ledger, at: datetime) -> date:
    """Return the local day of a decision, no later than the day after the month: from then on the answer stands still."""
    return min(at.astimezone(ledger.practice.tenant_in(month).zone).date(), month.next.first_day)


def full_days(ledger: Ledger, month: CalendarMonth, limit: int) -> list[str]:
    """Return the days of the entries on which their performer's time over all patients decides something.

    It does above `limit` seconds (row 17), and beside an entry that is known by its day only (T24).
    """
    known, memo, key = ledger.practice.staff_seconds, ledger.practice.memo, ("full-days", limit)
    if key not in memo:
        memo[key] = {performer for (performer, _), seconds in known.items() if seconds > limit}
    long, zone = memo[key], ledger.practice.tenant_in(month).zone
    found: set[str] = set()
    for entry in ledger.entries:
        if entry.start is None and entry.day is not None and known.get((entry.performer, entry.day), 0) > entry.seconds:
            found.add(f"staff-day {entry.performer} {entry.day} shared")
        if entry.performer in long:
            day = entry.start.astimezone(zone).date() if entry.start is not None else entry.day
            if day is not None and known.get((entry.performer, day), 0) > limit:
                found.add(f"staff-day {entry.performer} {day} full")
    return sorted(found)


def fact_digest(fact: Fact) -> str:
    """Return the SHA-256 of a fact's content."""
    return hashlib.sha256(_canonical(fact)).hexdigest()


def _facts(ledger: Ledger) -> Iterable[Fact]:
    """Yield the patient's facts, and of the practice those that touch them: its settings, attestations and the people named."""
    practice = ledger.practice
    for field in fields(ledger):
        value = getattr(ledger, field.name)
        if isinstance(value, tuple):
            yield from value
    yield ledger.patient
    yield from practice.tenants
    yield from practice.attestations
    people = {entry.performer for entry in ledger.entries} | {consent.practitioner for consent in ledger.consents}
    yield from (practice.staff[person] for person in people if person in practice.staff)


def _canonical(value: object) -> bytes:
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _plain(value: object) -> object:
    """Return a value as JSON knows it."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(str(_plain(item)) for item in value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value) if field.name not in _NOT_CONTENT}
    if isinstance(value, ZoneInfo):
        return value.key
    return str(value)
