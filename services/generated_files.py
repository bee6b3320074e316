"""The committed files that the code makes: `openapi/`, the proxy's configuration and the implementation guide's pages.

`make openapi` writes them anew; drift fails CI.
"""

import json
from pathlib import Path
from typing import Any

import yaml

from services.events_document import asyncapi
from services.implementation_guide import guide_pages
from services.parts import ALL_PARTS
from services.proxy_file import nginx_conf
from shared.ops.environment import Environment
from shared.web.capability import capability_fragment

ROOT = Path(__file__).parent.parent


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def generate() -> dict[str, str]:
    """Return every file's text by its path in the project."""
    environment = Environment(_any_environment())
    files = {}
    parameters: dict[str, Any] = {}
    examples: dict[str, Any] = {}
    for part in ALL_PARTS:
        app = part.app(environment)
        parameters |= getattr(app.state, "search_parameters", {})
        examples |= app.state.about.examples
        files[f"openapi/{part.name}.json"] = _text(app.openapi())
        if fragment := capability_fragment(app)["resources"]:
            files[f"openapi/capability/{part.name}.json"] = _text({"resources": fragment})
    files["openapi/asyncapi.yaml"] = yaml.safe_dump(asyncapi(), sort_keys=False, allow_unicode=True, width=120)
    files["deploy/proxy/nginx.conf"] = nginx_conf()
    files |= guide_pages(parameters, examples)
    return files


def write_all() -> None:
    """Write the files."""
    for name, text in generate().items():
        (ROOT / name).parent.mkdir(exist_ok=True)
        (ROOT / name).write_text(text, "utf-8")


def differences() -> list[str]:
    """Return which files differ from what the code says."""
    found = []
    for name, text in generate().items():
        file = ROOT / name
        if not file.exists() or file.read_text("utf-8") != text:
            found.append(f"{name} is not what the code says: run `make openapi`")
    return found


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
