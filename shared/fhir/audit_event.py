"""Rows of the journal as AuditEvents after IHE BALP (standards.md 3.6): one for each patient whom a request concerned.

BALP has profiles for what succeeded: create, read, update, delete and query, each with and without a patient. What was refused,
failed or is an operation is an AuditEvent of the same form that claims no profile.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.fhir.times import instant_text
from shared.kernel.vocabulary import CANONICAL

_BALP = "https://profiles.ihe.net/ITI/BALP"
_TYPE = {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest", "display": "Restful Operation"}
_DCM = "http://dicom.nema.org/resources/ontology/DCM"
_SOURCE = {"system": _DCM, "code": "110153", "display": "Source Role ID"}
_DESTINATION = {"system": _DCM, "code": "110152", "display": "Destination Role ID"}
_PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_AUTHOR = {"system": _PARTICIPATION, "code": "AUT", "display": "Author"}
_RECIPIENT = {"system": _PARTICIPATION, "code": "IRCP", "display": "information recipient"}
_ENTITY = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
_INTERACTION = "http://hl7.org/fhir/restful-interaction"
_ACTIONS = {"create": "C", "update": "U", "delete": "D", "read": "R", "vread": "R", "history-instance": "R"}
_PROFILES = {"create": "Create", "update": "Update", "delete": "Delete", "read": "Read", "vread": "Read", "search-type": "Query"}
_RESOURCES = {"consent": "Consent", "time-entry": "Task", "charge": "ChargeItem", "charge-item": "ChargeItem"}
_MOST_DETAILS = 100


@dataclass(frozen=True)
class AuditPlace:
    """Where a row was written: the service, its FHIR base and that of the practice's EHR, and the practice's slug."""

    service: str
    tenant: str
    base: str
    ehr_base: str


def audit_events(row: Mapping[str, Any], place: AuditPlace) -> Iterator[dict[str, Any]]:
    """Yield the AuditEvents of a journal row (its columns, and `entry`, its number in the sealed log)."""
    patients = list(dict.fromkeys(row["patients"])) or [None]
    for number, patient in enumerate(patients):
        suffix = f".{number}" if number else ""
        yield _event(row, place, patient, f"{row['id']}{suffix}")


def interaction_of_row(row: Mapping[str, Any]) -> str:
    """Return the interaction that a row tells of: a change by the version that it made, whatever route it came by."""
    if row["status"] is None:
        return "create" if row["version"] <= 1 else "update"
    return str(row["interaction"])


def _event(row: Mapping[str, Any], place: AuditPlace, patient: str | None, ident: str) -> dict[str, Any]:
    interaction, refused = interaction_of_row(row), row["action"] in ("denied", "failed")
    event: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": ident,
        "type": _TYPE,
        "subtype": [{"system": _INTERACTION, "code": interaction}],
        "action": _ACTIONS.get(interaction, "E"),
        "recorded": instant_text(row["recorded_at"] or row["at"]),
        "outcome": "0",
        "agent": _agents(row, place, interaction),
        "source": {
            "site": place.tenant,
            "observer": {"display": f"careledger {place.service}"},
            "type": [{"system": "http://terminology.hl7.org/CodeSystem/security-source-type", "code": "4"}],
        },
        "entity": _entities(row, place, interaction, patient),
    }
    if refused:
        event["outcome"] = "8" if row["status"] >= 500 else "4"
        event["outcomeDesc"] = f"{row['status']} {json.loads(row['data'])['rule'] if row['data'] else ''}".strip()
    elif profile := _PROFILES.get(interaction):
        event["meta"] = {"profile": [f"{_BALP}/StructureDefinition/IHE.BasicAudit.{'Patient' if patient else ''}{profile}"]}
    return event


def _agents(row: Mapping[str, Any], place: AuditPlace, interaction: str) -> list[dict[str, Any]]:
    """The client, ourselves and the person; in a read the data flow from us, in all else from the client."""
    reads = _ACTIONS.get(interaction) == "R"
    ours, theirs = (_SOURCE, _DESTINATION) if reads else (_DESTINATION, _SOURCE)
    has_user = row["actor"] not in ("unknown", row["client"])
    address = {"address": row["address"], "type": "2"} if row["address"] else {"address": place.base, "type": "5"}
    client: dict[str, Any] = {
        "type": {"coding": [theirs]},
        "who": {"identifier": {"system": f"{CANONICAL}/sid/client", "value": row["client"]}},
        "requestor": not has_user,
        "network": address,
    }
    server = {
        "type": {"coding": [ours]},
        "who": {"identifier": {"system": "urn:ietf:rfc:3986", "value": place.base}, "display": f"careledger {place.service}"},
        "requestor": False,
        "network": {"address": place.base, "type": "5"},
    }
    agents = [client, server]
    if has_user:
        agents.append(
            {
                "type": {"coding": [_RECIPIENT if reads or interaction == "search-type" else _AUTHOR]},
                "who": _person(row["actor"]),
                "requestor": True,
            }
        )
    if row["token"]:
        agents[-1 if has_user else 0]["policy"] = [f"urn:ietf:params:oauth:jti:{row['token']}"]
    return agents


def _person(actor: str) -> dict[str, Any]:
    if actor.startswith(("http://", "https://")):
        return {"reference": actor}
    return {"identifier": {"system": f"{CANONICAL}/sid/actor", "value": actor}}


def _entities(row: Mapping[str, Any], place: AuditPlace, interaction: str, patient: str | None) -> list[dict[str, Any]]:
    entities = [_query(row) if interaction == "search-type" else _data(row)]
    if patient is not None:
        entities.append(
            {
                "type": _coding(_ENTITY, "1", "Person"),
                "role": _coding(_ROLE, "1", "Patient"),
                "what": {"reference": f"{place.ehr_base}/Patient/{patient}", "type": "Patient"},
            }
        )
    details = [("entry", row["entry"]), ("route", row["route"]), ("alike", row["times"] if (row["times"] or 1) > 1 else None)]
    transaction: dict[str, Any] = {
        "type": _coding(f"{_BALP}/CodeSystem/BasicAuditEntityType", "XrequestId", None),
        "what": {"identifier": {"value": row["request"]}},
    }
    if told := [{"type": name, "valueString": str(value)} for name, value in details if value is not None]:
        transaction["detail"] = told
    return [*entities, transaction]


def _data(row: Mapping[str, Any]) -> dict[str, Any]:
    """What was read or changed: its reference, or the name of what is no resource of FHIR."""
    references = list(row["resources"] or ())
    kind = _RESOURCES.get(row["action"].partition(".")[0])
    if row["status"] is None and kind is not None:
        references = [f"{kind}/{row['aggregate']}/_history/{row['version']}"]
    named = {"identifier": {"system": f"{CANONICAL}/sid/audited", "value": row["aggregate"] or row["route"] or row["action"]}}
    data: dict[str, Any] = {
        "what": {"reference": references[0]} if references else named,
        "type": _coding(_ENTITY, "2", "System Object"),
        "role": _coding(_ROLE, "4", "Domain Resource"),
    }
    if row["query"]:
        data["description"] = row["query"]
    if row["status"] is None:
        data["name"] = row["action"]
    if len(references) > 1:
        more = [{"type": "resource", "valueString": one} for one in references[1:_MOST_DETAILS]]
        data["detail"] = more
    return data


def _query(row: Mapping[str, Any]) -> dict[str, Any]:
    sent = f"{row['route']}?{row['query'] or ''}".encode()
    return {
        "type": _coding(_ENTITY, "2", "System Object"),
        "role": _coding(_ROLE, "24", "Query"),
        "query": base64.b64encode(sent).decode(),
    }


def _coding(system: str, code: str, display: str | None) -> dict[str, str]:
    return {"system": system, "code": code, **({"display": display} if display else {})}
