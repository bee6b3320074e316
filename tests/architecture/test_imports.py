"""The import contracts hold, and each bites: wrong imports that are planted in a copy of the house are caught."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PLANTED = {
    "Services stand on shared; shared never looks up": ("shared/kernel/planted.py", "import services.consent.main"),
    "Consent, timetrack, billing and access know each other only by events": (
        "services/consent/usecases/planted.py",
        "import services.timetrack.domain.time_entry",
    ),
    "The same rooms in each service, imports go inward": (
        "services/consent/domain/planted.py",
        "import services.consent.adapters.tables",
    ),
    "Domain is plain Python": ("services/billing/domain/planted.py", "import sqlalchemy"),
    "Use cases speak ports and contracts, never the wire": ("services/consent/usecases/planted.py", "import httpx"),
    "FHIR mapping is pure (no client, no database, no web)": ("services/timetrack/fhir_mapping/planted.py", "import sqlalchemy"),
    "Entrypoints hold no SQL and make no HTTP calls of their own": (
        "services/consent/entrypoints/planted.py",
        "import sqlalchemy",
    ),
    "Only shared talks NATS, JOSE and OAuth": ("services/billing/adapters/planted.py", "import joserfc"),
    "Tables are private to their adapters": (
        "services/consent/usecases/planted.py",
        "import services.consent.adapters.tables",
    ),
    "Shared is a staircase": ("shared/db/planted.py", "import shared.web.app"),
    "The sandbox is a stranger: it meets the product over the wire only": (
        "deploy/sandbox/planted.py",
        "import shared.kernel.ids",
    ),
    "The product does not know the sandbox": ("services/consent/usecases/planted.py", "import deploy.sandbox.store"),
}


def _lint(root: Path) -> str:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--config", ".importlinter", "--no-cache"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the house without its data."""
    root = tmp_path_factory.mktemp("house")
    for room in ("services", "shared", "deploy"):
        shutil.copytree(ROOT / room, root / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", root)
    return root


def test_the_contracts_hold_as_the_house_stands(copy: Path) -> None:
    said = _lint(copy)
    assert " broken" in said, said
    assert "0 broken" in said, said


def test_every_planted_wrong_import_is_caught(copy: Path) -> None:
    for file, line in PLANTED.values():
        target = copy / file
        target.write_text((target.read_text() if target.exists() else '"""Planted."""\n') + line + "\n")
    said = _lint(copy)
    missed = [contract for contract in PLANTED if f"{contract} BROKEN" not in " ".join(said.split())]
    assert not missed, said
