"""Every kept dump, and one of this very state, is migrated, is then as the code says, and reads as it did."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from services.parts import part_named
from shared.db.provision import check, migrate
from shared.ops.children import Postgres
from tests.conftest import DatabaseUrls
from tests.fakes.tokens import TokenMaker
from tests.security.place import Place, running
from tests.upgrade.dumps import EXPECTED, KEPT, keep, readings, restore

pytestmark = pytest.mark.requirement("issue-8.5")


def _restored(cluster: Postgres, folder: Path, name: str) -> Callable[[str], DatabaseUrls]:
    def make(part: str) -> DatabaseUrls:
        database, migrations = f"{name}_{part}", part_named(part).migrations
        admin = restore(cluster.url, part, folder, database=database)
        migrate(cluster.url, part, database=database, migrations=migrations)
        assert check(cluster.url, part, database=database, migrations=migrations) == []
        roles = [admin.replace("//careledger@", f"//{part}_{role}@", 1) for role in ("app", "worker")]
        return DatabaseUrls(part, admin, *roles)

    return make


async def test_data_of_an_earlier_state_is_there(place: Place, cluster: Postgres, tokens: TokenMaker, tmp_path: Path) -> None:
    await keep(place, tmp_path / "now")
    kept = sorted(folder for folder in KEPT.iterdir() if folder.is_dir()) if KEPT.is_dir() else []
    for number, folder in enumerate([tmp_path / "now", *kept]):
        expected = json.loads((folder / EXPECTED).read_text("utf-8"))
        here = tmp_path / f"run{number}"
        here.mkdir()
        async with running(_restored(cluster, folder, f"upgraded{number}"), tokens, here) as upgraded:
            assert await readings(upgraded, sorted(expected)) == expected, folder.name
        assert len(expected) > 10
