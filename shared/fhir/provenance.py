"""Provenance: who made a version of a resource, when and why (standards.md 3.3; read by `_revinclude`)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.fhir.profile import system_url
from shared.fhir.times import instant_text
from shared.kernel.vocabulary import CANONICAL

AGENT_TYPES = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
DATA_OPERATIONS = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"

CLIENT_SYSTEM = f"{CANONICAL}/sid/client"
REVINCLUDE = "Provenance:target"

_ID = re.compile(r"([a-z])-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-([1-9][0-9]{0,8})")


@dataclass(frozen=True)
class Agent:
    """Who took part: `who` is a Reference, `role` a code of R4's participant types, `on_behalf_of` a Reference."""

    who: dict[str, Any]
    role: str = "author"
    on_behalf_of: dict[str, Any] | None = None


def provenance_id(prefix: str, ident: UUID, version: int) -> str:
    """Return the id of a version's Provenance; its `prefix` (c, t, b) tells the proxy which service has it."""
    return f"{prefix}-{ident}-{version}"


def parse_provenance_id(prefix: str, text: str) -> tuple[UUID, int] | None:
    """Return the resource and version that a Provenance of the service `prefix` tells of, or None."""
    match = _ID.fullmatch(text)
    return (UUID(match[2]), int(match[3])) if match and match[1] == prefix else None


def recorder(actor: str) -> Agent:
    """Return who entered a version: a person by the address of their fhirUser, or a client by its id."""
    if actor.startswith(("http://", "https://")):
        return Agent({"reference": actor}, "enterer")
    return Agent({"identifier": {"system": CLIENT_SYSTEM, "value": actor}}, "enterer")


def provenance(
    ident: str,
    target: str,
    recorded: datetime,
    agents: Iterable[Agent],
    *,
    operation: str,
    reason: str | None = None,
    reason_text: str | None = None,
) -> dict[str, Any]:
    """Build the Provenance of one version.

    `target` is the relative reference with version (`Consent/…/_history/2`), `operation` CREATE, UPDATE or NULLIFY,
    `reason` a code of our `change-reason` system and `reason_text` the words given with it.
    """
    body: dict[str, Any] = {
        "resourceType": "Provenance",
        "id": ident,
        "target": [{"reference": target}],
        "recorded": instant_text(recorded),
        "activity": {"coding": [{"system": DATA_OPERATIONS, "code": operation}]},
        "agent": [_agent(agent) for agent in agents],
    }
    why: dict[str, Any] = {}
    if reason is not None:
        why["coding"] = [{"system": system_url("change-reason"), "code": reason}]
    if reason_text is not None:
        why["text"] = reason_text
    if why:
        body["reason"] = [why]
    return body


def _agent(agent: Agent) -> dict[str, Any]:
    body: dict[str, Any] = {"type": {"coding": [{"system": AGENT_TYPES, "code": agent.role}]}, "who": agent.who}
    if agent.on_behalf_of is not None:
        body["onBehalfOf"] = agent.on_behalf_of
    return body
