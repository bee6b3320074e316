"""How an event looks on the broker: CloudEvents 1.0, binary mode, subject `ev.<service>.<tenant>.<aggregate>.<fact>`."""

import json
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from shared.contracts.event import Event

SERVICES = ("access", "consent", "timetrack", "billing")


class Unreadable(Exception):
    """A message that is no event of ours; it goes to the dead letters with this reason."""


def stream_of(service: str) -> str:
    """Return the name of a producing service's stream."""
    return f"EV_{service.upper()}"


def subject_of(service: str, event: Event) -> str:
    """Return the subject under which `service` publishes `event`."""
    return f"ev.{service}.{event.tenant}.{event.aggregate}.{event.fact}"


def headers_of(service: str, event: Event) -> dict[str, str]:
    """Return the CloudEvents attributes as headers; `Nats-Msg-Id` lets the broker drop a second publication."""
    return {
        "Nats-Msg-Id": str(event.id),
        "ce-specversion": "1.0",
        "ce-id": str(event.id),
        "ce-source": f"/careledger/{service}",
        "ce-type": event.type,
        "ce-time": event.time.isoformat(),
        "ce-subject": event.aggregate_id,
        "ce-tenant": event.tenant,
        "ce-tenantid": str(event.tenant_id),
        "ce-aggversion": str(event.version),
        "content-type": "application/json",
    }


def read_event(headers: Mapping[str, str] | None, body: bytes) -> Event:
    """Read a message; Unreadable says what is wrong with it."""
    try:
        attributes = {key.lower(): value for key, value in (headers or {}).items()}
        data = json.loads(body)
        if not isinstance(data, dict) or len(attributes["ce-type"].split(".")) != 4:
            raise Unreadable("neither a payload object nor a type of four parts")
        return Event(
            id=UUID(attributes["ce-id"]),
            type=attributes["ce-type"],
            tenant=attributes["ce-tenant"],
            tenant_id=UUID(attributes["ce-tenantid"]),
            aggregate_id=attributes["ce-subject"],
            version=int(attributes["ce-aggversion"]),
            time=datetime.fromisoformat(attributes["ce-time"]),
            data=data,
        )
    except (KeyError, ValueError, RecursionError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error
