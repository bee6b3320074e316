"""Dumps of the four databases with what a client reads from them, and their way back into a cluster."""

import gzip
import json
import subprocess
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from shared.db.provision import at_database, create_database
from shared.ops.children import _postgres_programs  # pg_dump and psql of the server's own version
from tests.security.place import ALL_SCOPES, PARTS, Place

KEPT = Path(__file__).parent / "kept"
EXPECTED = "expected.json"


async def readings(place: Place, paths: list[str] | None = None) -> dict[str, Any]:
    """Return what a client of north reads: every resource by its address, or what is at `paths`."""
    headers = place.tokens.bearer("north", ALL_SCOPES)
    found: dict[str, Any] = {}
    if paths is None:
        paths = []
        for kind in ("Consent", "Task", "ChargeItem"):
            bundle = (await place.ask("GET", f"/t/north/fhir/R4/{kind}?_count=500", headers=headers)).json()
            ids = [entry["resource"]["id"] for entry in bundle["entry"]]
            paths += [f"/t/north/fhir/R4/{kind}/{ident}{tail}" for ident in ids for tail in ("", "/_history")]
        paths.append("/t/north/time/roster")
    for path in paths:
        answer = await place.ask("GET", path, headers=headers)
        assert answer.status_code == 200, f"{path}: {answer.text[:300]}"
        found[path] = answer.json()
    return found


async def keep(place: Place, folder: Path) -> None:
    """Write the dumps of `place` and what is read from it to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / EXPECTED).write_text(json.dumps(await readings(place), indent=1, sort_keys=True), "utf-8")
    for part in PARTS:
        text = _run("pg_dump", place.admin[part], "--no-comments")
        (folder / f"{part}.sql.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


def restore(cluster_url: str, part: str, folder: Path, *, database: str) -> str:
    """Put a part's dump into a new database of the cluster; return the administrator's URL of it."""
    create_database(cluster_url, part, database=f"{database}_roles")  # makes the roles that the dump names
    with psycopg.connect(cluster_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{database}_roles"')
        connection.execute(f'CREATE DATABASE "{database}" OWNER "{part}_owner" TEMPLATE template0')
    admin = at_database(cluster_url, database)
    text = gzip.decompress((folder / f"{part}.sql.gz").read_bytes()).decode()
    _run("psql", admin, "-q", "-X", "-v", "ON_ERROR_STOP=1", "-f", "-", given=text)
    return admin


def _run(program: str, url: str, *words: str, given: str | None = None) -> str:
    to = make_url(url)
    command = [str(_postgres_programs() / program), "-h", str(to.query["host"]), "-U", str(to.username), *words, str(to.database)]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"{program}: {done.stderr[-2000:]}"
    return done.stdout
