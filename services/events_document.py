"""The AsyncAPI document of all events, `openapi/asyncapi.yaml`: made from the contracts, so that it is true."""

from typing import Any

from shared.contracts import charge_item, client, consent, ehr_context, month, staff_member, tenant, time_entry, web_session
from shared.contracts.base import Payload
from shared.messaging.wire import stream_of

Json = dict[str, Any]

_EVENTS: tuple[tuple[str, tuple[str, ...], type[Payload]], ...] = (
    ("access", tenant.TYPES, tenant.TenantState),
    ("access", client.TYPES, client.ClientState),
    ("access", ehr_context.TYPES, ehr_context.EhrContextState),
    ("access", web_session.TYPES, web_session.WebSessionState),
    ("consent", consent.TYPES, consent.ConsentState),
    ("timetrack", time_entry.TYPES, time_entry.TimeEntryState),
    ("timetrack", staff_member.TYPES, staff_member.StaffMemberState),
    ("billing", month.TYPES, month.MonthState),
    ("billing", charge_item.TYPES, charge_item.ChargeItemState),
)

_ABOUT = """CloudEvents 1.0 in binary mode over NATS JetStream. Each payload is the whole state of its aggregate at a version;
order and repetition carry no meaning: keep the highest version by (tenant, aggregate, version). Unknown fields are ignored.
Attributes and subjects hold no patient data; payloads do.
"""

_HEADERS: dict[str, str] = {
    "Nats-Msg-Id": "The event's id: the broker drops a second publication of it.",
    "ce-specversion": "1.0",
    "ce-id": "The event's id.",
    "ce-source": "`/careledger/` and the part that owns the fact.",
    "ce-type": "The fact and its version, as `ccm.consent.granted.v1`.",
    "ce-time": "When its owner recorded it.",
    "ce-subject": "The aggregate's id: opaque.",
    "ce-tenant": "The practice's short name; `_` for facts that are no practice's.",
    "ce-tenantid": "The practice's id.",
    "ce-aggversion": "The aggregate's version: 1, 2, 3 …",
    "content-type": "application/json",
}


def asyncapi() -> Json:
    """Return the AsyncAPI 3.1 document."""
    channels: Json = {}
    messages: Json = {}
    schemas: Json = {}
    operations: Json = {}
    for service, types, model in _EVENTS:
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {})
        schemas[model.__name__] = schema
        for kind in types:
            _, aggregate, fact, _ = kind.split(".")
            key = f"{aggregate}.{fact}"
            messages[kind] = _message(kind, aggregate, fact, model.__name__)
            channels[key] = _channel(service, aggregate, fact, kind)
            operations[f"publish.{key}"] = {
                "action": "send",
                "channel": {"$ref": f"#/channels/{key}"},
                "summary": f"{service} tells that a {_words(aggregate)} was {_words(fact)}",
                "description": "Published at least once, after the change is committed; repeated until the broker has it.",
                "security": [{"$ref": "#/components/securitySchemes/broker"}],
            }
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "Careledger events",
            "version": "1",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "tags": [
                {"name": name, "description": f"Facts that {name} owns, in the stream {stream_of(name)}."}
                for name in dict.fromkeys(service for service, _, _ in _EVENTS)
            ],
        },
        "defaultContentType": "application/json",
        "servers": {
            "broker": {
                "host": "nats:4222",
                "protocol": "nats",
                "description": "The deployment's own NATS JetStream, as in CARELEDGER_NATS_URL; not for the outside.",
            }
        },
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": messages,
            "messageTraits": {"cloudEvent": _trait()},
            "schemas": _without_siblings(schemas),
            "securitySchemes": {"broker": {"type": "userPassword", "description": "As in CARELEDGER_NATS_URL."}},
        },
    }


def _message(kind: str, aggregate: str, fact: str, model: str) -> Json:
    return {
        "name": kind,
        "title": f"{_words(aggregate).capitalize()} {_words(fact)}",
        "summary": f"A {_words(aggregate)} was {_words(fact)}: its whole state at that version.",
        "contentType": "application/json",
        "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
        "payload": {"$ref": f"#/components/schemas/{model}"},
    }


def _channel(service: str, aggregate: str, fact: str, kind: str) -> Json:
    return {
        "address": f"ev.{service}.{{tenant}}.{aggregate}.{fact}",
        "description": f"Stream {stream_of(service)}, owner {service}. No patient in the subject.",
        "servers": [{"$ref": "#/servers/broker"}],
        "parameters": {"tenant": {"description": "The practice's short name; `_` for facts that are no practice's."}},
        "messages": {kind: {"$ref": f"#/components/messages/{kind}"}},
    }


def _trait() -> Json:
    return {
        "headers": {
            "type": "object",
            "required": list(_HEADERS),
            "properties": {name: {"type": "string", "description": text} for name, text in _HEADERS.items()},
        }
    }


def _without_siblings(value: Any) -> Any:
    """Return a schema in which a $ref stands alone: AsyncAPI's own dialect ignores what stands beside it."""
    if isinstance(value, dict):
        inner = {name: _without_siblings(one) for name, one in value.items()}
        if isinstance(inner.get("$ref"), str) and len(inner) > 1:
            return {"allOf": [{"$ref": inner.pop("$ref")}], **inner}
        return inner
    return [_without_siblings(one) for one in value] if isinstance(value, list) else value


def _words(name: str) -> str:
    return name.replace("-", " ")
