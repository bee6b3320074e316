"""The place, once for a run."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.fakes.tokens import TokenMaker
from tests.security.place import Place, running, settle


@pytest.fixture(scope="module")
async def place(
    make_database: Callable[[str], Any], tokens: TokenMaker, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Place]:
    """The four parts with two practices at work."""
    async with running(make_database, tokens, tmp_path_factory.mktemp("place")) as place:
        await settle(place)
        yield place
