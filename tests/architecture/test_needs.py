"""What a machine lacks skips a test with a line that says so; in CI, where nobody reads the line, the skip is a failure."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("ci", "counted"), [("", "1 skipped"), ("true", "1 failed")])
def test_a_missing_program(ci: str, counted: str, tmp_path: Path) -> None:
    asks = tmp_path / "test_asks.py"
    asks.write_text('from tests.needs import needed\n\n\ndef test_it():\n    assert needed("chromium", for_what="this")\n')
    environment = {**os.environ, "CI": ci, "CHROMIUM": "no-such-program", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "-p", "tests.conftest", str(asks)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert counted in done.stdout, done.stdout[-2000:] + done.stderr[-2000:]
    assert "not installed here: chromium, needed for this" in done.stdout
