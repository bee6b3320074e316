"""The same facts and rules give the same bytes as when they were kept: stored decisions can be repeated."""

import pytest

from tests.rules.answers import answers, changed, kept


@pytest.mark.requirement("issue-9.6")
def test_every_case_is_answered_as_it_was_kept() -> None:
    """Another answer needs another ENGINE_VERSION or rule book, then `python -m tests.rules.answers`."""
    now, before = answers(), kept()
    assert changed(before["cases"], now["cases"]) == []
    assert (before["engine"], before["cases"].keys()) == (now["engine"], now["cases"].keys()), "keep them anew"
