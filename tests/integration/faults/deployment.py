"""A deployment whose parts can be killed one by one: durable PostgreSQL, NATS, relays, consumers, the doors, a sandbox EHR."""

import asyncio
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg
import yaml
from sqlalchemy.engine import make_url

import shared.access.main
from deploy.demo.clock import Clock
from services.parts import ALL_PARTS
from shared.db.provision import at_database
from shared.ops.children import Nats, Postgres, data_folder
from shared.ops.children_process import dying_with_parent
from shared.ops.environment import Environment
from shared.ops.settings import PARTS
from shared.smart.ehr_tokens import load_key, make_key
from tests.e2e.stack import ROOT, free_port

RELAYS = tuple(("relay", part.name) for part in ALL_PARTS)
CONSUMERS = tuple(("consume", part.name) for part in ALL_PARTS if "consumer" in part.tasks)
CLIENT = "practice"
SCOPE = "system/Consent.crus system/Task.crus system/ChargeItem.rus careledger/roster careledger/attest"
_READS = ("Patient.r", "Condition.rs", "Coverage.rs", "Encounter.rs", "CarePlan.rs", "EpisodeOfCare.rs")
_PATIENCE = 60.0


class Deployment:
    """What runs, and how to hurt it. PostgreSQL and NATS can only be started by the main thread."""

    def __init__(self, folder: Path, postgres: Postgres, nats: Nats, variables: dict[str, str], ehr_base: str) -> None:
        self.folder = folder
        self.clock = Clock(folder / "dev-clock")
        self.base_url = variables["CARELEDGER_PUBLIC_URL"]
        self.http = httpx.Client(timeout=30)
        self.key = folder / f"{CLIENT}.pem"
        self._postgres = postgres
        self._nats = nats
        self._variables = variables
        self._ehr_base = ehr_base
        self._processes: dict[tuple[str, ...], int] = {}
        self._nursery = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.faults.nursery"],
            cwd=ROOT, env=os.environ | variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def start(self, *words: str) -> None:
        """Start `careledger WORDS` (or the doors) as a process of its own."""
        assert self._nursery.stdin is not None and self._nursery.stdout is not None
        self._nursery.stdin.write(json.dumps({"words": words, "log": str(self._log(words))}) + "\n")
        self._nursery.stdin.flush()
        self._processes[words] = os.pidfd_open(int(self._nursery.stdout.readline()))

    def restart(self, *words: str) -> None:
        """Kill a process without warning, and start it again."""
        ended_alone = self.dead()
        assert not ended_alone, "ended by itself: " + "\n".join(ended_alone)
        ended = self._processes.pop(words)
        signal.pidfd_send_signal(ended, signal.SIGKILL)
        select.select([ended], [], [])
        os.close(ended)
        self.start(*words)

    def restart_postgres(self) -> None:
        """Kill PostgreSQL's postmaster without warning, and start it again."""
        os.kill(self._postgres.pid, signal.SIGKILL)
        os.waitid(os.P_PID, self._postgres.pid, os.WEXITED | os.WNOWAIT)
        self._postgres.start()

    def lose_broker(self) -> None:
        """Stop NATS, delete everything that it stored, and start it again."""
        self._nats.stop()
        shutil.rmtree(self.folder / "nats")
        self._nats.start()

    def dead(self) -> list[str]:
        """Return the processes that ended by themselves, each with the end of its log."""
        ended = [words for words, descriptor in self._processes.items() if select.select([descriptor], [], [], 0)[0]]
        return [f"{words}:\n{self._log(words).read_text()[-2000:]}" for words in ended]

    def log(self, *words: str) -> str:
        """Return what a process has said."""
        return self._log(words).read_text()

    def _log(self, words: Sequence[str]) -> Path:
        return self.folder / f"{'-'.join(words[:2])}.log"

    def rows(self, part: str, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask a part's database as its administrator; nothing while PostgreSQL is away."""
        try:
            with psycopg.connect(at_database(self._postgres.url, f"careledger_{part}")) as connection:
                return connection.execute(query, values).fetchall()
        except psycopg.OperationalError:
            return []

    def open_practice(self, tenant: str) -> None:
        """Apply a practice's settings and let its one client in; wait until every service knows both."""
        document = {
            "tenant": tenant, "name": f"Practice {tenant}", "npi": "1234567893", "tin": "12-3456789", "zone": "America/New_York",
            "effective_from": date(2025, 1, 1),
            "ehr": {
                "fhir_base": self._ehr_base, "token_url": self._ehr_base.replace("/fhir/R4", "/auth/token"),
                "client_id": "careledger",
            },
        }  # fmt: skip
        file = self.folder / "tenant.yaml"
        file.write_text(yaml.safe_dump(document))
        settings = shared.access.main.read_settings(Environment(self._variables))
        asyncio.run(shared.access.main.apply_tenant_file(settings, file))
        jwks = json.dumps({"keys": [_public(self.key)]})
        added = shared.access.main.add_client(
            settings, client_id=f"{CLIENT}-{tenant}", name=CLIENT, tenants=[tenant], scope=SCOPE, jwks=jwks
        )
        asyncio.run(added)
        query = "SELECT 1 FROM registry WHERE kind = 'client' AND id = %s AND EXISTS (SELECT 1 FROM registry WHERE id = %s)"
        (tenant_id,) = self.rows("access", "SELECT tenant_id::text FROM journal WHERE tenant = %s LIMIT 1", tenant)[0]
        for part in ("consent", "timetrack", "billing"):
            wait_until(partial(self.rows, part, query, f"{CLIENT}-{tenant}", tenant_id), f"{part} knows {tenant}")

    def close(self) -> None:
        """End all processes but PostgreSQL and NATS."""
        self.http.close()
        assert self._nursery.stdin is not None and self._nursery.stdout is not None
        self._nursery.stdin.close()
        self._nursery.stdout.close()
        self._nursery.wait(30)
        for descriptor in self._processes.values():
            select.select([descriptor], [], [], 30)
            os.close(descriptor)


@contextmanager
def deployment(folder: Path, resources: Sequence[dict[str, Any]]) -> Iterator[Deployment]:
    """Run a deployment in `folder`, its EHR holding `resources`; call it in the main thread."""
    with data_folder(folder) as root, ExitStack() as stack:
        postgres, nats = Postgres(root), Nats(root)
        for child in (postgres, nats):
            child.start()
            stack.callback(child.stop)
        variables = _variables(root, postgres, nats)
        for part in ALL_PARTS:
            part.migrate(Environment(variables))
        make_key(root / f"{CLIENT}.pem")
        ehr_base = stack.enter_context(_sandbox(root, resources, variables))
        place = Deployment(root, postgres, nats, variables, ehr_base)
        stack.callback(place.close)
        for words in (("doors", variables["CARELEDGER_PUBLIC_URL"].rpartition(":")[2]), *RELAYS, *CONSUMERS):
            place.start(*words)
        wait_until(lambda: _answers(f"{place.base_url}/.well-known/ehr-client-jwks.json"), "the doors are open")
        yield place


def wait_until(so: Callable[[], object], what: str) -> None:
    """Wait until `so()`; AssertionError, saying `what` did not come, after a minute."""
    deadline = time.monotonic() + _PATIENCE
    while not so():
        assert time.monotonic() < deadline, f"not so after {_PATIENCE:.0f} s: {what}"
        time.sleep(0.05)


def _variables(root: Path, postgres: Postgres, nats: Nats) -> dict[str, str]:
    keys = root / "keys"
    keys.mkdir(mode=0o700)
    variables = {
        "CARELEDGER_DEV": "1",
        "CARELEDGER_DEV_CLOCK": str(root / "dev-clock"),
        "CARELEDGER_PUBLIC_URL": f"http://127.0.0.1:{free_port()}",
        "CARELEDGER_KEY_FOLDER": str(keys),
        "CARELEDGER_JWKS": str(keys / "jwks.json"),
        "CARELEDGER_EHR_KEY_FILE": str(make_key(keys / "ehr.pem")),
        "CARELEDGER_NATS_URL": nats.url,
        "CARELEDGER_DATABASE_URL": postgres.url,
    }
    for part in PARTS:
        for role, name in (("app", "DATABASE_URL"), ("worker", "WORKER_DATABASE_URL")):
            url = make_url(postgres.url).set(username=f"{part}_{role}", database=f"careledger_{part}")
            variables[f"CARELEDGER_{part.upper()}_{name}"] = url.render_as_string(hide_password=False)
    return variables


@contextmanager
def _sandbox(root: Path, resources: Sequence[dict[str, Any]], variables: dict[str, str]) -> Iterator[str]:
    clinic, clients = root / "clinic", root / "sandbox-clients.json"
    (clinic / "fhir").mkdir(parents=True)
    entries = [{"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}} for one in resources]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    (clinic / "fhir" / "charts.json").write_text(json.dumps(bundle))
    jwks = {"keys": [_public(Path(variables["CARELEDGER_EHR_KEY_FILE"]))]}
    scopes = [f"system/{scope}" for scope in _READS]
    clients.write_text(json.dumps({"clients": [{"client_id": "careledger", "scopes": scopes, "jwks": jwks}]}))
    command = [sys.executable, "-m", "deploy.sandbox", "serve", "--clients", str(clients), "--clinic", str(clinic)]
    process = subprocess.Popen(
        dying_with_parent(command, "TERM"), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        ready = next(line for line in process.stdout if line.startswith("sandbox EHR "))
        yield ready.removeprefix("sandbox EHR ").strip()
    finally:
        process.kill()
        process.communicate()


def _public(file: Path) -> dict[str, Any]:
    key = load_key(file)
    return key.as_dict(private=False, kid=str(key.kid), use="sig")


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False
