"""Turns the ledger of a case into the body of a preview, field by field: what the engine can be told, an integrator can send."""

from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

from services.billing.domain.ledger import Attestation, Condition, ConsentFact, Fact, Ledger, Practice, TimeEntryFact
from tests.rules.world import World

_NEVER_SENT = {"source", "recorded_at", "digest", "condition_id", "coverage_id", "encounter_id", "plan_id", "attestation_id",
               "episode_id", "charge_id", "member_id", "death_source"}  # fmt: skip


def body_of(world: World) -> dict[str, Any]:
    """Return the body of the case."""
    ledger = world.ledger()
    body = {
        field.name: [_row(fact) for fact in getattr(ledger, field.name)]
        for field in fields(Ledger)
        if field.name not in ("patient", "practice")
    }
    places = {fact.source: f"{name}[{n}]" for name in body for n, fact in enumerate(getattr(ledger, name))}
    for decision in body["decisions"]:
        for source, place in places.items():
            decision["key"] = decision["key"].replace(source, place)
    patient = {key: value for key, value in _row(ledger.patient).items() if key != "id"}
    practice = _practice(ledger.practice) | {"payers": world.facts.get("payers", {})}
    edition = world.facts.get("rules", "")
    head = {"month": str(world.month), "at": world.at.isoformat(), "edition": edition}
    return head | body | {"patient": patient, "practice": practice}


def _practice(practice: Practice) -> dict[str, Any]:
    tenant = practice.tenants[-1]
    return {
        "zone": tenant.zone.key,
        "npi": tenant.npi,
        "tin": tenant.tin,
        "place_of_service": tenant.place_of_service,
        "claim_form": tenant.claim_form,
        **tenant.settings,
        "plans": dict(tenant.plans),
        "staff": [_row(member) for member in practice.staff.values()],
        "attestations": [_row(said) for said in practice.attestations],
        "staff_seconds": [
            {"performer": who, "day": day.isoformat(), "seconds": seconds}
            for (who, day), seconds in practice.staff_seconds.items()
        ],
        "closed_at": _plain(practice.closed_at),
    }


def _row(fact: Fact) -> dict[str, Any]:
    row = {name: value for name, value in _plain(fact).items() if name not in _NEVER_SENT}
    if isinstance(fact, ConsentFact):
        row["consent"], row["recorded_at"] = row.pop("consent_id"), fact.recorded_at.isoformat()
    elif isinstance(fact, TimeEntryFact):
        row["entry"], row["note"] = row.pop("entry_id"), row.pop("assessment")
        for name in ("facts_print", "words_print") if row["note"] else ():
            del row["note"][name]
        row["documented"] = [part for part in ("problem", "action", "relevance", "note") if row.pop(f"has_{part}")]
        del row["retagged_from"]
        if row["start"] is not None:
            del row["seconds"]
    elif isinstance(fact, Condition):
        del row["codes"]
    elif isinstance(fact, Attestation):
        row["month"] = str(fact.month) if fact.month else None
    elif "month" in row:
        row["month"] = str(fact.month)  # type: ignore[attr-defined]
    return row


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, frozenset | tuple | list):
        return [_plain(each) for each in value]
    return value
