"""Runs the counterparts of npm, installed once from the lock; where there is no Node, says so."""

import fcntl
import json
import subprocess
from pathlib import Path
from typing import Any

from tests.needs import needed

FOLDER = Path(__file__).parent / "npm"


def node(script: str, data: Any, folder: Path) -> Any:
    """Run `script` on a file with `data`; return what it prints as JSON. AssertionError with its words if it fails."""
    program = counterparts()
    file = folder / "input.json"
    file.write_text(json.dumps(data), "utf-8")
    done = subprocess.run([program, script, str(file)], cwd=FOLDER, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def npm_program(name: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a program that a counterpart brings, in the counterparts' folder; return what it said and its status."""
    program = counterparts()
    command = [program, str(FOLDER / "node_modules" / ".bin" / name), *words]
    return subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=120, check=False)


def counterparts() -> str:
    """Return the path of Node, with the counterparts installed beside `FOLDER`'s scripts."""
    program, installer = needed("node", "npm", for_what="the counterparts of npm")
    _install(installer)
    return program


def _install(npm: str) -> None:
    """Install what the lock names, unless it is there, one process at a time; the copy of the lock says that it is whole."""
    installed, lock = FOLDER / "node_modules" / ".installed", FOLDER / "package-lock.json"
    with (FOLDER / "package.json").open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if installed.exists() and installed.read_bytes() == lock.read_bytes():
            return
        done = subprocess.run(
            [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=FOLDER, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        installed.write_bytes(lock.read_bytes())
