"""Reads what each service says it can do: `openapi/capability/<service>.json`, written when the project is built.

A file is a JSON object whose `resources` is a list of CapabilityStatement.rest.resource elements.
"""

import json
from pathlib import Path
from typing import Any

from shared.ops.environment import SettingMissing

SERVICES = ("consent", "timetrack", "billing")


class CapabilityMissing(SettingMissing):
    """A service's capability file is missing or unreadable: access does not start, since its /metadata would be wrong."""


def read_capabilities(folder: Path) -> list[dict[str, Any]]:
    """Return the rest.resource elements of all services, by type; CapabilityMissing names the file that is in the way."""
    resources: list[dict[str, Any]] = []
    for service in SERVICES:
        file = folder / f"{service}.json"
        try:
            resources += json.loads(file.read_bytes())["resources"]
        except FileNotFoundError as error:
            raise CapabilityMissing(f"{file} is missing: run `make openapi`, or set CARELEDGER_CAPABILITY_FOLDER") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CapabilityMissing(f"{file} is not a capability file: run `make openapi`") from error
    by_type = {str(resource["type"]): resource for resource in resources}
    for resource in resources:  # Provenance is told of by each service, and by each alike
        if resource != by_type[str(resource["type"])]:
            raise CapabilityMissing(f"two services in {folder} say different things of {resource['type']}: run `make openapi`")
    return [by_type[kind] for kind in sorted(by_type)]
