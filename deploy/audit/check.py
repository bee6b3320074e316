"""The dependency audit: pip-audit over the lock, and over a canary that it must find.

Behind a package mirror without advisory data pip-audit says "no known vulnerabilities" of anything. So the same program is
first asked of a package that is known to be vulnerable: silence about that one means that it cannot see, which is a failure of
its own kind and never a pass.
"""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path

from deploy.audit.sbom import pins

CANARY = ("python-jose", "3.3.0")
"""CVE-2024-33663 and CVE-2024-33664; nothing of ours depends on it."""


class Verdict(IntEnum):
    """What the audit came to: the exit status."""

    CLEAN = 0
    VULNERABLE = 1
    CANNOT_AUDIT = 2


def audit(lock: Path, auditor: Sequence[str]) -> tuple[Verdict, str]:
    """Ask `auditor` (pip-audit with its options) of the canary and of the lock; return the verdict and why."""
    try:
        canary = _vulnerable(auditor, {CANARY[0]: CANARY[1]})
        found = _vulnerable(auditor, {name: version for name, (version, _) in pins(lock).items()})
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return Verdict.CANNOT_AUDIT, f"cannot audit: {auditor[0]} gives no answer ({type(error).__name__})"
    if CANARY[0] not in canary:
        return Verdict.CANNOT_AUDIT, f"cannot audit: {' '.join(CANARY)}, known to be vulnerable, was not found: no advisory data"
    if found:
        return Verdict.VULNERABLE, "\n".join(f"{name}: {', '.join(ids)}" for name, ids in sorted(found.items()))
    return Verdict.CLEAN, f"no known vulnerability in {lock.name}; the canary was found"


def _vulnerable(auditor: Sequence[str], packages: dict[str, str]) -> dict[str, list[str]]:
    """Return the advisories by package; ValueError if the answer is none or tells of other packages than were asked of."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("".join(f"{name}=={version}\n" for name, version in packages.items()))
        file.flush()
        command = [*auditor, "--format", "json", "--no-deps", "--disable-pip", "--progress-spinner", "off", "-r", file.name]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)  # noqa: S603
    told = {one["name"].lower(): one for one in json.loads(done.stdout)["dependencies"]}
    if not {name.lower() for name in packages} <= set(told):
        raise ValueError("not every package was looked at")
    return {name: [vuln["id"] for vuln in one["vulns"]] for name, one in told.items() if one.get("vulns")}
