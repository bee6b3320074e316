"""`careledger up`: what it wrote outlives a kill, its children do not; it works as root and as an ordinary user."""

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml

from shared.ops.children import Nats, Postgres
from shared.ops.settings import PARTS
from tests.conftest import DatabaseUrls
from tests.e2e.stack import CARELEDGER, ROOT, careledger, free_port

_SECONDS_TO_START = 60
_NAMESPACES = subprocess.run(["unshare", "--map-user=1", "--", "true"], capture_output=True).returncode == 0
_ORDINARY = ["unshare", "--map-user=1000", "--map-group=1000", "--"]
_ROOT_THERE = ["unshare", "--map-root-user", "--"]
USERS: list[list[str]] = [_ORDINARY, _ROOT_THERE] if _NAMESPACES else [[]]


@dataclass(frozen=True)
class Up:
    """A running deployment: its process, its data folder, its port."""

    process: "subprocess.Popen[bytes]"
    data: Path
    port: int

    @property
    def environment(self) -> dict[str, str]:
        """What commands beside it are given."""
        found: dict[str, str] = json.loads((self.data / "environment.json").read_text())
        return found

    def children(self) -> list[int]:
        """Return a pidfd of each private server."""
        postgres = int((self.data / "pg" / "postmaster.pid").read_text().splitlines()[0])
        nats = [int(file.stem.removeprefix("nats-server_")) for file in (self.data / "nats").glob("*.ports")]
        return [os.pidfd_open(pid) for pid in (postgres, *nats)]

    def signing_keys(self) -> list[str]:
        """Return the ids of the keys that access publishes."""
        return [key["kid"] for key in json.loads((self.data / "keys" / "jwks.json").read_text())["keys"]]


@contextmanager
def up(data: Path, user: list[str], **variables: str) -> Iterator[Up]:
    """Run `careledger up` as `user` until the block ends; it may be dead by then."""
    port = free_port()
    log = data.with_suffix(".log")
    command = [*user, *CARELEDGER, "up", "--data", str(data), "--port", str(port)]
    with log.open("ab") as said:
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | variables, stdout=said, stderr=said)
    try:
        deadline = time.monotonic() + _SECONDS_TO_START
        while not _serves(port):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.05)
        yield Up(process, data, port)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def _serves(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/.well-known/ehr-client-jwks.json").status_code == 200
    except httpx.TransportError:
        return False


def _practice(folder: Path) -> Path:
    ehr = {"fhir_base": "http://127.0.0.1:9/fhir/R4", "token_url": "http://127.0.0.1:9/auth/token", "client_id": "careledger"}
    document = {
        "tenant": "north", "name": "North", "npi": "1234567893", "zone": "America/New_York", "effective_from": "2025-01-01",
        "ehr": ehr,
    }  # fmt: skip
    file = folder / "north.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


@pytest.mark.parametrize("user", USERS, ids=lambda user: user[1].strip("-") if user else "ourselves")
def test_a_second_start_finds_what_a_killed_one_wrote(user: list[str], tmp_path: Path) -> None:
    practice = _practice(tmp_path)
    with up(tmp_path / "d", user) as first:
        applied = careledger("tenant", "apply", str(practice), environment=first.environment)
        assert applied.returncode == 0, applied.stderr
        assert "+" in applied.stdout
        keys, children = first.signing_keys(), first.children()
        assert len(children) == 2
        first.process.kill()
        for child in children:
            assert select.select([child], [], [], 20)[0], "a child outlived its parent"
            os.close(child)
    with up(tmp_path / "d", user) as second:
        assert second.signing_keys() == keys
        again = careledger("tenant", "apply", str(practice), environment=second.environment)
        assert (again.returncode, "+" in again.stdout) == (0, False), again.stdout
        held = careledger("up", "--data", str(second.data), "--port", str(free_port()))
        assert held.returncode == 1
        assert "is in use by process" in held.stderr
    reset = careledger("reset", "--data", str(tmp_path / "d"), "--yes")
    assert (reset.returncode, (tmp_path / "d").exists()) == (0, False), reset.stderr


def test_reset_leaves_what_is_no_data_folder(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.txt").write_text("dear")
    refused = careledger("reset", "--data", str(tmp_path / "letters"), "--yes")
    assert refused.returncode == 1
    assert (tmp_path / "letters" / "a.txt").read_text() == "dear"
    assert careledger("reset", "--data", str(tmp_path / "nothing"), "--yes").returncode == 0


def test_servers_that_the_environment_names_are_used_instead_of_children(
    cluster: Postgres, nats_server: Nats, make_database: Callable[[str], DatabaseUrls], tmp_path: Path
) -> None:
    variables = {"CARELEDGER_DATABASE_URL": cluster.url, "CARELEDGER_NATS_URL": nats_server.url}
    databases = {part: make_database(part) for part in PARTS}
    for part, database in databases.items():
        variables[f"CARELEDGER_{part.upper()}_DATABASE_URL"] = database.app
        variables[f"CARELEDGER_{part.upper()}_WORKER_DATABASE_URL"] = database.worker
    with up(tmp_path / "d", [], **variables) as running:
        assert not (running.data / "pg").exists()
        assert not (running.data / "nats").exists()
        applied = careledger("tenant", "apply", str(_practice(tmp_path)), environment=running.environment)
        assert applied.returncode == 0, applied.stderr
        assert running.environment["CARELEDGER_CONSENT_DATABASE_URL"] == databases["consent"].app


def test_a_part_with_an_address_of_its_own_keeps_it_beside_the_private_server(
    make_database: Callable[[str], DatabaseUrls], tmp_path: Path
) -> None:
    consent = make_database("consent")
    own = {"CARELEDGER_CONSENT_DATABASE_URL": consent.app, "CARELEDGER_CONSENT_WORKER_DATABASE_URL": consent.worker}
    with up(tmp_path / "d", [], **own) as running:
        assert (running.data / "pg").exists()
        assert {name: running.environment[name] for name in own} == own
        assert "/careledger_billing?" in running.environment["CARELEDGER_BILLING_DATABASE_URL"]
