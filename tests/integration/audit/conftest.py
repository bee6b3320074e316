"""A sealed log for each test."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey

from tests.integration.audit.sealed import SealedLog, sealed_log


@pytest.fixture
async def log(make_database: Callable[[str], Any], tmp_path: Path) -> AsyncIterator[SealedLog]:
    """A log of consent's, without entries yet."""
    key = tmp_path / "key.pem"
    key.write_bytes(ECKey.generate_key("P-384").as_pem(private=True))
    made = sealed_log(make_database("consent"), tmp_path, key)
    yield made
    await made.writer.close()
    await made.worker.dispose()
