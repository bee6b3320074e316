"""The committed files that the code makes: `openapi/` (a file a part, AsyncAPI of the events) and the proxy's configuration.

`make openapi` writes them anew; drift fails CI.
"""

import json
from pathlib import Path
from typing import Any

import yaml

from services.parts import ALL_PARTS
from services.proxy_file import nginx_conf
from shared.contracts import charge_item, client, consent, ehr_context, month, staff_member, tenant, time_entry, web_session
from shared.contracts.base import Payload
from shared.messaging.wire import stream_of
from shared.ops.environment import Environment
from shared.web.capability import capability_fragment

ROOT = Path(__file__).parent.parent

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


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


_ABOUT = """CloudEvents 1.0 in binary mode over NATS JetStream. Each payload is the whole state of its aggregate at a version;
order and repetition carry no meaning. Unknown fields are ignored."""


def generate() -> dict[str, str]:
    """Return every file's text by its path in the project."""
    environment = Environment(_any_environment())
    files = {}
    for part in ALL_PARTS:
        app = part.app(environment)
        files[f"openapi/{part.name}.json"] = _text(app.openapi())
        if fragment := capability_fragment(app)["resources"]:
            files[f"openapi/capability/{part.name}.json"] = _text({"resources": fragment})
    files["openapi/asyncapi.yaml"] = yaml.safe_dump(asyncapi(), sort_keys=False, allow_unicode=True, width=120)
    files["deploy/proxy/nginx.conf"] = nginx_conf()
    return files


def write_all() -> None:
    """Write the files."""
    for name, text in generate().items():
        (ROOT / name).write_text(text, "utf-8")


def differences() -> list[str]:
    """Return which files differ from what the code says."""
    found = []
    for name, text in generate().items():
        file = ROOT / name
        if not file.exists() or file.read_text("utf-8") != text:
            found.append(f"{name} is not what the code says: run `make openapi`")
    return found


def asyncapi() -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document of all events."""
    channels: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for service, types, model in _EVENTS:
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {})
        schemas[model.__name__] = schema
        for kind in types:
            _, aggregate, fact, _ = kind.split(".")
            messages[kind] = {
                "name": kind,
                "contentType": "application/json",
                "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
            }
            channels[f"{aggregate}.{fact}"] = {
                "address": f"ev.{service}.{{tenant}}.{aggregate}.{fact}",
                "description": f"Stream {stream_of(service)}, owner {service}. No patient in the subject.",
                "parameters": {"tenant": {"description": "The tenant's slug; `_` for facts that are no tenant's."}},
                "messages": {kind: {"$ref": f"#/components/messages/{kind}"}},
            }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Careledger events",
            "version": "1",
            "description": _ABOUT,
        },
        "channels": channels,
        "components": {"messages": messages, "schemas": schemas},
    }


def _any_environment() -> dict[str, str]:
    variables = {
        "CARELEDGER_PUBLIC_URL": "https://careledger.example",
        "CARELEDGER_NATS_URL": "nats://localhost",
        "CARELEDGER_JWKS": "jwks.json",
        "CARELEDGER_EHR_KEY_FILE": "ehr.pem",
        "CARELEDGER_KEY_FOLDER": "keys",
    }
    for part in ("ACCESS", "CONSENT", "TIMETRACK", "BILLING"):
        variables[f"CARELEDGER_{part}_DATABASE_URL"] = f"postgresql://app@localhost/{part.lower()}"
        variables[f"CARELEDGER_{part}_WORKER_DATABASE_URL"] = f"postgresql://worker@localhost/{part.lower()}"
    return variables
