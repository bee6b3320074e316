"""The shipped proxy before two replicas of each part: one of each is killed under load, and no acknowledged write is lost."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from ssl import create_default_context
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from services.proxy_file import Place, nginx_conf
from shared.ops.children_process import dying_with_parent
from shared.ops.settings import PARTS
from shared.smart.ehr_tokens import make_key
from shared.web.routes import fhir_base
from tests.conftest import DatabaseUrls
from tests.e2e.stack import CARELEDGER, ROOT, free_port
from tests.fakes.tokens import TokenMaker
from tests.fakes.world import fill_registry, tenant_state
from tests.integration.faults.deployment import wait_until
from tests.needs import needed
from tests.security.place import consent_of, task_of

REPLICAS, WRITERS, SECONDS = 2, 6, 6.0
SCOPES = "system/Task.crus system/Consent.crus"


@dataclass
class Proxied:
    """A proxy, what stands behind it, and who may ask."""

    base: str
    http: httpx.Client
    headers: dict[str, str]
    databases: dict[str, DatabaseUrls]
    log: Path
    replicas: dict[str, list["subprocess.Popen[bytes]"]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def proxied(make_database: Callable[[str], DatabaseUrls], tokens: TokenMaker) -> Iterator[Proxied]:
    """Debian's nginx with the shipped configuration, two processes of each part behind it."""
    nginx, openssl = needed("nginx", "openssl", for_what="the proxy")
    databases = {part: make_database(part) for part in PARTS}
    for database in databases.values():
        fill_registry(database.admin, tenants=(tenant_state("north"),))
    with tempfile.TemporaryDirectory(prefix="clx") as name, ExitStack() as stack:
        folder, port = Path(name), free_port()
        base = f"https://127.0.0.1:{port}"
        certificate = _certificate(openssl, folder)
        http = stack.enter_context(httpx.Client(verify=create_default_context(cafile=certificate), timeout=40))
        token = tokens.token("north", SCOPES, iss=base, aud=fhir_base(base, "north"))
        place = Proxied(base, http, {"Authorization": f"Bearer {token}"}, databases, folder / "nginx.log")
        ports = {part: [free_port() for _ in range(REPLICAS)] for part in PARTS}
        variables = _variables(base, databases, folder)
        for part in PARTS:
            jwks = folder / "jwks.json" if part == "access" else tokens.jwks  # access writes keys of its own
            environment = os.environ | variables | {"CARELEDGER_JWKS": str(jwks)}
            commands = [[*CARELEDGER, "serve", part, "--port", str(one)] for one in ports[part]]
            running = [_process(command, environment, folder / f"{part}.log") for command in commands]
            place.replicas[part] = [stack.enter_context(one) for one in running]
        servers = {part: [f"127.0.0.1:{one}" for one in ports[part]] for part in PARTS}
        conf = folder / "nginx.conf"
        conf.write_text(nginx_conf(Place(f"127.0.0.1:{port}", tls=name, run=name, replicas=servers)))
        command = [nginx, "-c", str(conf), "-p", name, "-g", "daemon off;"]
        stack.enter_context(_process(command, dict(os.environ), place.log))
        for part in PARTS:
            for one in ports[part]:
                address = f"http://127.0.0.1:{one}/internal/{part}/live"
                wait_until(partial(_is, address, 204), f"{part} lives")
        yield place


def _certificate(openssl: str, folder: Path) -> Path:
    files = ["-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.crt")]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *files, *names]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "tls.crt"


def _variables(base: str, databases: dict[str, DatabaseUrls], folder: Path) -> dict[str, str]:
    keys = folder / "keys"
    keys.mkdir(mode=0o700)
    variables = {
        "CARELEDGER_DEV": "1",
        "CARELEDGER_PUBLIC_URL": base,
        "CARELEDGER_REPLICAS": str(REPLICAS),
        "CARELEDGER_KEY_FOLDER": str(keys),
        "CARELEDGER_EHR_KEY_FILE": str(make_key(keys / "ehr.pem")),
        "CARELEDGER_NATS_URL": "nats://127.0.0.1:9",
    }
    for part, database in databases.items():
        variables[f"CARELEDGER_{part.upper()}_DATABASE_URL"] = database.app
        variables[f"CARELEDGER_{part.upper()}_WORKER_DATABASE_URL"] = database.worker
    return variables


@contextmanager
def _process(command: list[str], environment: dict[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            dying_with_parent(command, "TERM"), cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _is(url: str, status: int) -> bool:
    try:
        return httpx.get(url).status_code == status
    except httpx.TransportError:
        return False


def _post(place: Proxied, kind: str, body: dict[str, Any]) -> httpx.Response:
    headers = place.headers | {"Content-Type": "application/fhir+json"}
    return place.http.post(f"{place.base}/t/north/fhir/R4/{kind}", headers=headers, json=body)


def _stored(place: Proxied, part: str, table: str) -> Counter[str]:
    with psycopg.connect(place.databases[part].admin) as connection:
        return Counter(value for (value,) in connection.execute(f"SELECT value FROM {table}"))  # type: ignore[arg-type]


@pytest.mark.requirement("issue-11.5")
def test_what_clients_say_of_themselves_goes_no_further(proxied: Proxied) -> None:
    spoof = {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example", "X-Request-Id": "mine", "Host": "evil.example"}
    at = datetime.now(UTC) - timedelta(days=1)
    headers = proxied.headers | spoof | {"Content-Type": "application/fhir+json"}
    made = proxied.http.post(f"{proxied.base}/t/north/fhir/R4/Task", headers=headers, json=task_of("north", "pat-h", at))
    assert made.status_code == 201, made.text
    assert made.headers["Location"].startswith(f"{proxied.base}/t/north/fhir/R4/Task/")
    assert made.headers["X-Request-Id"] != "mine"


@pytest.mark.requirement("issue-11.5")
def test_a_wrong_way_ends_in_a_404_and_no_query_is_logged(proxied: Proxied) -> None:
    for path in ("/internal/billing/live", "/t/north/fhir/R4/Task/%2e%2e/Consent/1", "/t/north/fhir/R4/Nothing"):
        answer = proxied.http.get(proxied.base + path, headers=proxied.headers)
        assert answer.status_code == 404, path
    for part, path in (("consent", "Consent"), ("timetrack", "Task")):
        found = proxied.http.get(f"{proxied.base}/t/north/fhir/R4/{path}?patient=canary-of-{part}", headers=proxied.headers)
        assert (found.status_code, found.json().get("total", 0)) == (200, 0)
    said = proxied.log.read_text()
    assert " GET 200 " in said and "canary" not in said and "north" not in said


@pytest.mark.requirement("issue-11.5")
def test_a_replica_killed_under_load_loses_no_acknowledged_write(proxied: Proxied) -> None:
    """Every write is answered as made (201), or as made before (200: the proxy asked again), and is there once."""
    ended, statuses, acknowledged = threading.Event(), Counter[tuple[str, int]](), {"Task": set[str](), "Consent": set[str]()}
    lock = threading.Lock()

    def write(number: int) -> None:
        at = datetime.now(UTC) - timedelta(days=2)
        while not ended.is_set():
            key = str(uuid4())
            patient = f"pat-{key}"
            own = [{"system": "https://ehr.example/writes", "value": key}]
            bodies = {"Task": task_of("north", patient, at, identifier=own), "Consent": consent_of("north", patient, key)}
            for kind, body in bodies.items():
                answer = _post(proxied, kind, body)
                with lock:
                    statuses[kind, answer.status_code] += 1
                    if answer.status_code in (200, 201):
                        acknowledged[kind].add(key)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    time.sleep(SECONDS / 2)
    for part in ("timetrack", "consent"):
        proxied.replicas[part][0].kill()
    time.sleep(SECONDS / 2)
    ended.set()
    for writer in writers:
        writer.join(60)
    assert {status for _, status in statuses} <= {200, 201}, statuses
    assert min(len(keys) for keys in acknowledged.values()) > 100, statuses
    for kind, part, table in (("Task", "timetrack", "time_entry_identifier"), ("Consent", "consent", "consent_identifier")):
        stored = _stored(proxied, part, table)
        assert acknowledged[kind] <= set(stored), kind
        assert all(stored[key] == 1 for key in acknowledged[kind]), kind
    print(f"{sum(statuses.values())} writes, {dict(statuses)}", file=sys.stderr)
