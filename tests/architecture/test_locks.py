"""The locks hold what pyproject.toml asks for, by hash, with no address of an index or a machine, and agree with each other."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_ROOT = Path(__file__).parents[2]
_HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
_PIN = re.compile(r"[A-Za-z0-9._-]+==\S+( ; .+)? \\")


def _pins(lock: str) -> dict[str, str]:
    """Return the version of every package of a lock; AssertionError for a line that is neither a pin nor a hash."""
    pins: dict[str, str] = {}
    lines = (_ROOT / lock).read_text().splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if _HASH.fullmatch(line):
            continue
        assert _PIN.fullmatch(line), f"{lock}: {line}"
        assert _HASH.fullmatch(following), f"{lock}: no hash for {line}"
        requirement = Requirement(line.removesuffix(" \\"))
        pins[canonicalize_name(requirement.name)] = next(iter(requirement.specifier)).version
    return pins


def test_each_lock_satisfies_pyproject() -> None:
    pyproject = tomllib.loads((_ROOT / "pyproject.toml").read_text())
    runtime = pyproject["project"]["dependencies"] + pyproject["build-system"]["requires"]
    development = runtime + pyproject["project"]["optional-dependencies"]["dev"]
    for lock, asked in (("requirements.txt", runtime), ("requirements-dev.txt", development)):
        pins = _pins(lock)
        for text in asked:
            requirement = Requirement(text)
            pin = pins.get(canonicalize_name(requirement.name))
            assert pin is not None and pin in requirement.specifier, f"{lock} has {pin} for {text}: make lock"


def test_the_development_lock_adds_to_the_other_and_changes_nothing() -> None:
    runtime, development = _pins("requirements.txt"), _pins("requirements-dev.txt")
    assert runtime.items() <= development.items()
    assert _pins("deploy/setup/uv.txt").keys() == {"uv"}
