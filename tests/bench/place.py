"""Where measures run: a durable private PostgreSQL with migrated databases, and parts served as processes of their own."""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import make_url

from services.parts import part_named
from shared.ops.children import Postgres, data_folder
from shared.ops.environment import Environment
from tests.fakes.tokens import TokenMaker
from tests.fakes.world import fill_registry, tenant_state

TENANT = "bench"


@dataclass(frozen=True)
class Place:
    """A running PostgreSQL with one part's database; `variables` is the environment of that part's processes."""

    variables: dict[str, str]
    admin_url: str
    tokens: TokenMaker
    folder: Path

    def pgbench(self, role: str | None = None) -> list[str]:
        """The pgbench command with the database's address, as the administrator or as `role`."""
        url = make_url(self.admin_url)
        return [_pgbench(), "-h", str(url.query["host"]), "-U", role or str(url.username), str(url.database)]


@contextmanager
def place_of(part: str) -> Iterator[Place]:
    """Yield a place for `part`, with one tenant and two clients in its registry."""
    with tempfile.TemporaryDirectory(prefix="clb") as name, data_folder(Path(name)) as folder:
        postgres = Postgres(folder)
        postgres.start()
        try:
            tokens = TokenMaker(folder)
            base = make_url(postgres.url)
            database = f"careledger_{part}"
            variables = {
                "CARELEDGER_DEV": "1",
                # counted as ever, but never reached
                "CARELEDGER_REQUESTS_PER_MINUTE": "100000000",
                "CARELEDGER_POINTS_PER_MINUTE": "1000000000",
                "CARELEDGER_PUBLIC_URL": "http://127.0.0.1:8080",
                "CARELEDGER_JWKS": str(tokens.jwks),
                "CARELEDGER_EHR_KEY_FILE": str(folder / "ehr.pem"),
                "CARELEDGER_NATS_URL": "nats://127.0.0.1:9",
                "CARELEDGER_DATABASE_URL": postgres.url,
            }
            for role, key in (("app", "DATABASE_URL"), ("worker", "WORKER_DATABASE_URL")):
                url = base.set(username=f"{part}_{role}", database=database)
                variables[f"CARELEDGER_{part.upper()}_{key}"] = url.render_as_string(hide_password=False)
            part_named(part).migrate(Environment(variables))
            admin = base.set(database=database).render_as_string(hide_password=False)
            fill_registry(admin, tenants=(tenant_state(TENANT),))
            yield Place(variables, admin, tokens, folder)
        finally:
            postgres.stop()


@dataclass(frozen=True)
class Server:
    """A process that serves a part."""

    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """The processor time that it has taken so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def served(place: Place, part: str, processes: int = 1) -> Iterator[list[Server]]:
    """Serve `part` by processes of their own, as replicas behind a proxy, and yield them."""
    command = [str(Path(sys.executable).parent / "careledger"), "serve", part, "--port"]
    with ExitStack() as stack:
        log = stack.enter_context((place.folder / "serve.log").open("wb"))
        servers = []
        for _ in range(processes):
            port = _free_port()
            process = subprocess.Popen([*command, str(port)], env={**os.environ, **place.variables}, stdout=log, stderr=log)
            stack.callback(_end, process)
            _wait_for(port, process)
            servers.append(Server(port, process.pid))
        yield servers


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.wait(10)


def pgbench_tps(place: Place, script: Path, *, clients: int, seconds: int, role: str | None = None) -> float:
    """Return the transactions a second of `script`, prepared, at `clients`; as the administrator or as `role`."""
    command = [*place.pgbench(role), "-n", "-M", "prepared", "-f", str(script), "-c", str(clients), "-j", "1", "-T", str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    if found is None or " 0 (0.000%)" not in done.stdout.replace("failed transactions: 0 (0.000%)", " 0 (0.000%)"):
        raise RuntimeError(f"pgbench: {done.stdout}{done.stderr}")
    return float(found[1])


def _pgbench() -> str:
    from shared.ops.children import _postgres_programs  # the same wheel as the server

    return str(_postgres_programs() / "pgbench")


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the part does not serve")
