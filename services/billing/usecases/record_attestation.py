"""Record what the EHR cannot say and a named person says: a statement of its own in the ledger, repeatable by its identifier."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from services.billing.domain.attestations import SPECS, AttestationKind, parse_value
from services.billing.domain.charge import Identifier
from services.billing.usecases.ports import Begin, UnitOfWork
from services.billing.usecases.records import Author, LedgerEntry
from services.billing.usecases.roster import require_role
from shared.kernel.calendar_month import CalendarMonth
from shared.kernel.clock import Clock
from shared.kernel.errors import Conflict, Invalid
from shared.kernel.vocabulary import StaffRole

_AHEAD = timedelta(seconds=60)


class AttestationRefused(Invalid):
    """The statement does not fit its kind."""

    rule = "attestation"


class IdentifierTaken(Conflict):
    """The identifier stands for another statement."""

    rule = "identifier-taken"


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What is attested: `by` (EHR Practitioner id) in `role`, signed at an instant, of a patient or (None) of the practice.

    It holds from `effective` to `until` (both inclusive), or for `month` alone. `value` is as `domain.attestations` lists it.
    """

    identifier: Identifier
    kind: AttestationKind
    patient: str | None
    value: Mapping[str, Any]
    by: str
    role: StaffRole
    signed_at: datetime | None
    effective: date | None
    until: date | None
    month: CalendarMonth | None


@dataclass(frozen=True)
class Recorded:
    """The statement's id; `created` unless it was there before."""

    id: UUID
    created: bool
    recorded_at: datetime


async def record_attestation(*, statement: Statement, tenant_id: UUID, begin: Begin, author: Author, clock: Clock) -> Recorded:
    """Append the statement once; the same again gives the first one, another under the same identifier IdentifierTaken.

    Invalid (naming the field) if it does not fit its kind, LacksRole if the roster does not give the person that role on the day
    of signing.
    """
    parse_value(statement.kind, statement.value)
    _check(statement, clock.now())
    key = uuid5(tenant_id, f"attestation|{statement.identifier.system}|{statement.identifier.value}")
    request = _digest(statement)
    try:
        async with begin() as uow:
            known = await uow.ledger.latest(f"attestation/{key}")
            if known is None:
                return await _record(uow, statement, key, request, author, clock.now())
    except _TakenMeanwhile:
        async with begin() as uow:
            known = await uow.ledger.latest(f"attestation/{key}")
            assert known is not None
    return _again(known, key, request)


class _TakenMeanwhile(Exception):
    """Undoes the transaction: somebody else has just recorded the identifier."""


async def _record(uow: UnitOfWork, statement: Statement, key: UUID, request: str, author: Author, now: datetime) -> Recorded:
    signed_at = statement.signed_at or now
    day = signed_at.astimezone(await uow.ledger.zone()).date()
    await require_role(uow.ledger, statement.by, (statement.role,), day)
    content = {
        "id": str(key),
        "identifier": {"system": statement.identifier.system, "value": statement.identifier.value},
        "kind": statement.kind.value,
        "value": dict(statement.value),
        "by": statement.by,
        "role": statement.role.value,
        "credential": await uow.ledger.credential_of(statement.by, day),
        "signed_at": signed_at.isoformat(),
        "effective": (statement.effective or day).isoformat(),
        "until": statement.until.isoformat() if statement.until else None,
        "month": str(statement.month) if statement.month else None,
        "request": request,
    }
    entry = LedgerEntry(
        aggregate=f"attestation/{key}",
        version=1,
        patient=statement.patient,
        kind="attestation",
        recorded_at=now,
        source=f"client/{author.client}",
        data=json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")),
    )
    if not await uow.ledger.record(entry, author, action="attestation.recorded"):
        raise _TakenMeanwhile
    return Recorded(key, True, now)


def _again(known: LedgerEntry, key: UUID, request: str) -> Recorded:
    if json.loads(known.data)["request"] != request:
        raise IdentifierTaken("the identifier stands for another attestation", expression="identifier")
    return Recorded(key, False, known.recorded_at)


def _check(statement: Statement, now: datetime) -> None:
    spec = SPECS[statement.kind]
    if statement.patient is None and spec.scope == "patient":
        raise AttestationRefused(f"{statement.kind} is said of a patient", rule=spec.rule, expression="patient")
    if statement.patient is not None and spec.scope == "practice":
        raise AttestationRefused(f"{statement.kind} is said of the practice", rule=spec.rule, expression="patient")
    if spec.monthly and statement.month is None:
        raise AttestationRefused(f"{statement.kind} is said of one month", rule=spec.rule, expression="month")
    if statement.signed_at is not None and statement.signed_at > now + _AHEAD:
        raise AttestationRefused("it cannot be signed in the future", expression="signed_at")
    if statement.effective and statement.until and statement.until < statement.effective:
        raise AttestationRefused("it ends before it begins", expression="until")


def _digest(statement: Statement) -> str:
    text = json.dumps(asdict(statement), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
