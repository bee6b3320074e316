"""`python -m tests.upgrade NAME`: keeps a dump of this state's databases in tests/upgrade/kept/NAME, for the states to come."""

import asyncio
import sys
import tempfile
from pathlib import Path

from shared.ops.children import Postgres, data_folder
from tests.fakes.tokens import TokenMaker
from tests.fuzz.__main__ import fresh_databases
from tests.security.place import running, settle
from tests.upgrade.dumps import KEPT, keep


async def _keep(url: str, folder: Path, name: str) -> None:
    async with running(fresh_databases(url), TokenMaker(folder), folder) as place:
        await settle(place)
        await keep(place, KEPT / name)


def main() -> int:
    """Make the place, settle it, keep it."""
    if len(sys.argv) != 2 or (KEPT / sys.argv[1]).exists():
        print("usage: python -m tests.upgrade NAME   (a name that is not kept yet)", file=sys.stderr)
        return 64
    with tempfile.TemporaryDirectory(prefix="clu") as name, data_folder(Path(name)) as folder:
        postgres = Postgres(folder, durable=False)
        postgres.start()
        try:
            asyncio.run(_keep(postgres.url, folder, sys.argv[1]))
        finally:
            postgres.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
