"""`python -m tests.fuzz --requests 100000`: the whole run, on databases of its own; status 1 if anything was wrong."""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from services.parts import ALL_PARTS
from shared.db.provision import at_database, create_database, migrate
from shared.ops.children import Postgres, data_folder
from tests.conftest import DatabaseUrls
from tests.fakes.tokens import TokenMaker
from tests.fuzz.run import Findings, Fuzzer
from tests.security.place import running, settle

_BATCH = 5000


def main() -> int:
    """Run and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clf") as name, data_folder(Path(name)) as folder:
        postgres = Postgres(folder, durable=False)
        postgres.start()
        try:
            return asyncio.run(_run(fresh_databases(postgres.url), folder, options.requests, options.seed))
        finally:
            postgres.stop()


def fresh_databases(url: str) -> Callable[[str], DatabaseUrls]:
    """Return a maker of new, migrated databases in the cluster at `url`."""
    migrations = {part.name: part.migrations for part in ALL_PARTS}

    def make(part: str) -> DatabaseUrls:
        name = f"fuzz_{part}"
        create_database(url, part, database=name)
        migrate(url, part, database=name, migrations=migrations[part])
        admin = at_database(url, name)
        roles = [admin.replace("//careledger@", f"//{part}_{role}@", 1) for role in ("app", "worker")]
        return DatabaseUrls(part, admin, *roles)

    return make


async def _run(make: Callable[[str], DatabaseUrls], folder: Path, requests: int, seed: int) -> int:
    total = Findings()
    async with running(make, TokenMaker(folder), folder) as place:
        await settle(place)
        before = place.stored("consent", "timetrack")
        for start in range(0, requests, _BATCH):  # a token lives five minutes: each batch signs new ones
            found = await Fuzzer(place, seed + start).run(min(_BATCH, requests - start))
            total.requests += found.requests
            total.statuses += found.statuses
            total.taken += found.taken
            total.wrong += [f"seed {seed + start}, {line}" for line in found.wrong]
        after = place.stored("consent", "timetrack")
    for table, kind in (("consent.consent", "Consent"), ("timetrack.time_entry", "Task")):
        if after[table] - before[table] != total.taken[201, kind]:
            total.wrong.append(f"{table}: {after[table] - before[table]} rows more, {total.taken[201, kind]} were taken")
    print(f"{total.requests} requests from seed {seed}: {dict(sorted(total.statuses.items()))}")
    print("\n".join(total.wrong[:50]) or "nothing was wrong")
    return 1 if total.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
