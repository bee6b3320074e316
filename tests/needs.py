"""What only some machines have: Chromium, nginx, Node. Where it is missing a test is skipped with a line that says so."""

import os
import shutil

import pytest


def needed(*programs: str, for_what: str) -> tuple[str, ...]:
    """Return the paths of `programs`; without one of them the test that asks is skipped (in CI any skip is a failure)."""
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"  # where Debian keeps nginx, and not on everybody's PATH
    found = {program: shutil.which(os.environ.get(program.upper(), program), path=path) for program in programs}
    if missing := [program for program, one in found.items() if one is None]:
        pytest.skip(f"not installed here: {' and '.join(missing)}, needed for {for_what}")
    return tuple(one for one in found.values() if one is not None)
