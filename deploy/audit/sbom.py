"""The lock as a CycloneDX bill of materials: every package with its version and hashes, nothing of the machine that made it."""

import json
import re
from pathlib import Path
from typing import Any

_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:(?P<digest>[0-9a-f]{64})")


def pins(lock: Path) -> dict[str, tuple[str, list[str]]]:
    """Return version and SHA-256 digests of each package of a lock, by name."""
    found: dict[str, tuple[str, list[str]]] = {}
    name = ""
    for line in lock.read_text("utf-8").splitlines():
        if match := _PIN.match(line):
            name = match["name"]
            found[name] = (match["version"], [])
        elif match := _HASH.search(line):
            found[name][1].append(match["digest"])
    return found


def bill_of_materials(lock: Path, *, version: str) -> dict[str, Any]:
    """Return the CycloneDX 1.5 document of a lock, as the components of Careledger `version`."""
    components = [
        {
            "type": "library",
            "bom-ref": f"pkg:pypi/{name}@{pinned}",
            "name": name,
            "version": pinned,
            "purl": f"pkg:pypi/{name}@{pinned}",
            "hashes": [{"alg": "SHA-256", "content": digest} for digest in sorted(digests)],
        }
        for name, (pinned, digests) in sorted(pins(lock).items())
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "careledger", "version": version}},
        "components": components,
    }


def text_of(document: dict[str, Any]) -> str:
    """Return a document as the same text each time."""
    return json.dumps(document, indent=1, sort_keys=True) + "\n"
