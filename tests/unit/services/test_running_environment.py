"""Commands beside an embedded deployment find it in its data folder, and only if the environment names no other."""

import json
from pathlib import Path

import pytest

from services.embedded import running_environment


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder in which a deployment has run, in an environment that names nothing."""
    for name in ("CARELEDGER_DATABASE_URL", "CARELEDGER_ACCESS_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "environment.json").write_text(json.dumps({"CARELEDGER_DEV": "1"}))
    return tmp_path


def test_it_is_found(folder: Path) -> None:
    assert running_environment(folder) == {"CARELEDGER_DEV": "1"}


def test_where_nothing_has_run_nothing_is_found(folder: Path) -> None:
    assert running_environment(folder / "elsewhere") == {}


@pytest.mark.parametrize("name", ["CARELEDGER_DATABASE_URL", "CARELEDGER_ACCESS_WORKER_DATABASE_URL"])
def test_an_environment_that_names_a_database_stands(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "postgresql://elsewhere/careledger")
    assert running_environment(folder) == {}
