"""A whole deployment as its users have it: `careledger up` and a sandbox EHR, each a process of its own, met over HTTP."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import httpx
import yaml
from joserfc.jwk import RSAKey

from deploy.demo.api import Api
from deploy.demo.clock import Clock

ROOT = Path(__file__).resolve().parents[2]
CARELEDGER = (sys.executable, "-c", "from services.cli import main; main()")
TENANT = "harrow"
SCOPES = {
    "ehr": "system/Consent.crus system/Task.crus",
    "staff": "careledger/timers careledger/roster careledger/attest",
    "biller": "system/ChargeItem.rus",
}
_READS = ("Patient.r", "Condition.rs", "Coverage.rs", "Encounter.rs", "CarePlan.rs", "EpisodeOfCare.rs")
_SECONDS_TO_START = 60
_SECONDS_TO_RUN = 300


@dataclass(frozen=True)
class Stack:
    """A running deployment with one practice: its clock and its three clients."""

    clock: Clock
    ehr: Api
    staff: Api
    biller: Api


def careledger(*words: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command of `careledger` to its end and return what it said."""
    return subprocess.run(
        [*CARELEDGER, *words],
        cwd=ROOT,
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS_TO_RUN,
    )


@contextmanager
def running(command: Sequence[str], *, stdout: IO[Any] | int, stderr: IO[Any] | int) -> Iterator["subprocess.Popen[str]"]:
    """Run a program until the block ends, then stop it as Ctrl-C does."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=stdout, stderr=stderr, text=True, start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        if process.stdout is not None:
            process.stdout.close()
        process.wait(60)


@contextmanager
def stack(folder: Path, clinic: Path, *, practice: dict[str, Any], begins: datetime) -> Iterator[Stack]:
    """Run the deployment in `folder` with the EHR's records of `clinic`; domain time stands at `begins`.

    `practice` are the settings of the tenant beside what is the same everywhere.
    """
    data, keys = folder / "data", {name: _key(folder / f"{name}.pem") for name in SCOPES}
    data.mkdir(mode=0o700)
    clock = Clock(data / "dev-clock")
    clock.set(begins)
    port = free_port()
    up = [*CARELEDGER, "up", "--data", str(data), "--port", str(port)]
    with (folder / "log").open("w") as log, running(up, stdout=log, stderr=log) as process:
        base_url = f"http://127.0.0.1:{port}"
        _await_answer(f"{base_url}/.well-known/ehr-client-jwks.json", process, folder / "log")
        with _sandbox(folder, clinic, f"{base_url}/.well-known/ehr-client-jwks.json") as ehr_base:
            environment = json.loads((data / "environment.json").read_text())
            _register(folder, keys, ehr_base, practice, environment)
            with httpx.Client(timeout=60) as http:
                clients = {
                    name: Api(http, base_url, TENANT, name, folder / f"{name}.pem", scope) for name, scope in SCOPES.items()
                }
                yield Stack(clock, **clients)


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@contextmanager
def _sandbox(folder: Path, clinic: Path, jwks_url: str) -> Iterator[str]:
    clients = folder / "clients.json"
    scopes = [f"system/{scope}" for scope in _READS]
    clients.write_text(json.dumps({"clients": [{"client_id": "careledger", "scopes": scopes, "jwks_url": jwks_url}]}))
    command = [sys.executable, "-m", "deploy.sandbox", "serve", "--clients", str(clients), "--clinic", str(clinic)]
    with running(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        ready = next(line for line in process.stdout if line.startswith("sandbox EHR "))
        yield ready.removeprefix("sandbox EHR ").strip()


def _register(
    folder: Path, keys: dict[str, dict[str, Any]], ehr_base: str, practice: dict[str, Any], environment: dict[str, str]
) -> None:
    token_url = ehr_base.removesuffix("/fhir/R4") + "/auth/token"
    ehr = {"fhir_base": ehr_base, "token_url": token_url, "client_id": "careledger"}
    document = folder / "tenant.yaml"
    document.write_text(yaml.safe_dump({"tenant": TENANT, "ehr": ehr, **practice}))
    said = [careledger("tenant", "apply", str(document), environment=environment)]
    for name, scope in SCOPES.items():
        jwks = folder / f"{name}.jwks.json"
        jwks.write_text(json.dumps({"keys": [keys[name]]}))
        words = ("client", "add", name, "--name", name, "--tenant", TENANT, "--scope", scope, "--jwks", str(jwks))
        said.append(careledger(*words, environment=environment))
    for one in said:
        assert one.returncode == 0, one.stderr


def _key(file: Path) -> dict[str, Any]:
    """Make a key pair, keep it in `file`, and return the public half as a JWK."""
    key = RSAKey.generate_key(2048, auto_kid=True)
    file.write_bytes(key.as_pem(private=True))
    public: dict[str, Any] = key.as_dict(private=False)
    public["kid"] = key.thumbprint()
    return public


def _await_answer(url: str, process: "subprocess.Popen[str]", log: Path) -> None:
    """Wait until the deployment answers; AssertionError with its log if it does not."""
    deadline = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"the deployment did not start:\n{log.read_text()[-3000:]}")
