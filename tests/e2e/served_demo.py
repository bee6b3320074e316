"""The demo as its visitors have it: served from a data folder, with its people by role."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.browser import World
from tests.e2e.stack import CARELEDGER, free_port, running

_ENDS = "Ctrl-C ends"
_ROLES = {"clinical-staff": "team", "billing-practitioner": "practitioner", "biller": "desk", "auditor": "desk"}


@contextmanager
def demo(folder: Path, patients: int = 90) -> Iterator[Path]:
    """Run the demo until it serves; yield its data folder."""
    command = [*CARELEDGER, "demo", "--data", str(folder), "--port", str(free_port()), "--patients", str(patients)]
    with (folder.parent / "log").open("w") as log, running(command, stdout=subprocess.PIPE, stderr=log) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            if _ENDS in line:
                yield folder
                return
        raise AssertionError((folder.parent / "log").read_text()[-3000:])


def world_of(data: Path) -> World:
    """Return the demo that is served from a data folder; the last of its patients is one without a consent."""
    environment = json.loads((data / "environment.json").read_text("utf-8"))
    people = json.loads((data / "demo" / "clinic" / "practice.json").read_text("utf-8"))["people"]
    staff = {role: next(one["id"] for one in people if one["part"] == part) for role, part in _ROLES.items()}
    staff["program-lead"] = staff["billing-practitioner"]
    work = json.loads((data / "demo" / "clinic" / "work.json").read_text("utf-8"))
    logged = Counter(one["patient"] for one in work if one["do"] == "timer.start")
    asked = {one["patient"] for one in work if one["do"] == "consent.grant"}
    patients = [patient for patient, _ in logged.most_common() if patient in asked]
    patients.append(next(one["patient"] for one in work if one.get("patient") and one["patient"] not in asked))
    port = (data / "demo" / "sandbox-port").read_text("ascii")
    return World(environment["CARELEDGER_PUBLIC_URL"], f"http://127.0.0.1:{port}", staff, tuple(patients), environment)
